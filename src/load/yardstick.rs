//! Yardsticks: the least that a program could do in the server's place, measured in turn with it.
//!
//! On a shared machine an absolute rate means nothing; a ratio within one interleaved run does
//! (DESIGN.md §10). Each round measures the yardstick and then the server; the result is the median
//! over the rounds.
//!
//! * [`accept`]: a bare axum endpoint in this process, with the same body and answer.
//! * [`hand_over`]: a bare reqwest loop against the provider's stand-in.

pub mod accept;
pub mod hand_over;
mod report;
pub mod wire;

pub use report::{Round, YardstickReport};

/// The middle of the figures; between the middle two of an even number; zero of none.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let upper = figures.get(middle).copied().unwrap_or_default();
    if figures.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|below| figures.get(below));
    lower.map_or(upper, |lower| f64::midpoint(*lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (figures, expected) in
            [(vec![], 0.0), (vec![3.0], 3.0), (vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 3.0], 2.5)]
        {
            assert!((median(figures.clone()) - expected).abs() < f64::EPSILON, "{figures:?}");
        }
    }
}
