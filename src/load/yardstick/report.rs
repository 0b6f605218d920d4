//! What rounds of a yardstick and a server gave, for machines and for people.

use std::fmt;

use serde::Serialize;

use super::median;
use crate::load::report::Micros;

/// One round: the yardstick, then the server.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Round {
    /// What the yardstick did in a second.
    pub yardstick_per_second: f64,
    /// What the server did in a second.
    pub per_second: f64,
    /// The server's rate by the yardstick's.
    pub ratio: f64,
    /// 99 of 100 of the yardstick's answers took no longer. Not of hand-overs.
    pub yardstick_p99_us: Option<u64>,
    /// The same of the server's.
    pub p99_us: Option<u64>,
    /// The server's by the yardstick's.
    pub p99_ratio: Option<f64>,
}

/// All rounds and their medians.
#[derive(Debug, Clone, Serialize)]
pub struct YardstickReport {
    /// `accept` or `hand-over`.
    pub yardstick: &'static str,
    /// At a time.
    pub connections: usize,
    /// Sending numbers.
    pub senders: usize,
    /// In their order.
    pub rounds: Vec<Round>,
    /// The median of the rounds.
    pub ratio: f64,
    /// The median of the rounds.
    pub p99_ratio: Option<f64>,
    /// The median of the rounds; means nothing on another machine.
    pub per_second: f64,
}

impl YardstickReport {
    /// Takes the medians.
    pub fn of(yardstick: &'static str, connections: usize, senders: usize, rounds: Vec<Round>) -> Self {
        let ratio = median(rounds.iter().map(|round| round.ratio).collect());
        let per_second = median(rounds.iter().map(|round| round.per_second).collect());
        let p99_ratios: Vec<f64> = rounds.iter().filter_map(|round| round.p99_ratio).collect();
        let p99_ratio = (!p99_ratios.is_empty()).then(|| median(p99_ratios));
        Self { yardstick, connections, senders, rounds, ratio, p99_ratio, per_second }
    }
}

impl fmt::Display for YardstickReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { yardstick, connections, senders, rounds, ratio, p99_ratio, per_second } = self;
        writeln!(f, "{yardstick}, {connections} connections, {senders} senders")?;
        let (bare, ours) = ("yardstick", "server");
        writeln!(f, "\n{:<7} {bare:>12} {ours:>12} {:>7} {bare:>10} {ours:>10}", "round", "ratio")?;
        for (index, round) in rounds.iter().enumerate() {
            let (bare, ours) = (round.yardstick_per_second, round.per_second);
            write!(f, "{:<7} {bare:>10.0}/s {ours:>10.0}/s {:>7.3}", index + 1, round.ratio)?;
            if let (Some(bare), Some(ours)) = (round.yardstick_p99_us, round.p99_us) {
                write!(f, " {:>10} {:>10}  p99", Micros(bare), Micros(ours))?;
            }
            writeln!(f)?;
        }
        write!(f, "\nratio {ratio:.3}, {per_second:.0}/s here")?;
        if let Some(p99_ratio) = p99_ratio {
            write!(f, ", p99 {p99_ratio:.1} times the yardstick's")?;
        }
        writeln!(f)
    }
}
