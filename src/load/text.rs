//! The text of a message.

/// What every text is made of: one segment.
pub const SENTENCE: &str = "Your table for two at eight is confirmed. Answer STOP to hear no more from us.";

/// The most characters that the API takes.
pub const LONGEST: usize = 1600;

/// The sentence again and again, cut to a length of 1 to [`LONGEST`] characters, all of them GSM-7.
pub fn of_length(characters: usize) -> String {
    SENTENCE.chars().cycle().take(characters.clamp(1, LONGEST)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_length_that_was_asked_for() {
        for (asked, length) in [(0, 1), (1, 1), (78, 78), (79, 79), (1600, 1600), (1601, 1600)] {
            assert_eq!(of_length(asked).chars().count(), length);
        }
        assert_eq!(of_length(SENTENCE.len()), SENTENCE);
    }
}
