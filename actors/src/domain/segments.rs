//! How many segments a text costs, and in which encoding it travels.
//!
//! Rules (PROVIDERS.md §4): GSM-7 holds 160 septets in one part and 153 in each of several, UCS-2
//! 70 and 67 UTF-16 code units; a text with any character outside the GSM alphabet travels whole as
//! UCS-2. An extension character takes two septets and is never split over a border, so parts are
//! not a quotient.
//!
//! Of the rules for borders in UCS-2 this is Twilio's, as its own calculator counts: a part never
//! ends inside an *extended grapheme cluster* (an emoji sequence, a letter with its marks), but may
//! end between CR and LF. Clusters are those of the Unicode version of `unicode-segmentation`, newer
//! than Twilio's, so a recent emoji at a border may count otherwise there. A cluster larger than a
//! whole part is cut between code points; it has to go somewhere. A provider that cuts between code
//! points needs the same number of parts or fewer.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use super::ids::ProviderKind;

/// The default alphabet of 3GPP TS 23.038, in the order of its codes, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Its extension table: an escape and one septet each. The first is form feed.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// The 7-bit alphabet of GSM 03.38 with its extension table.
    Gsm7,
    /// UTF-16 code units.
    Ucs2,
}

impl Encoding {
    /// The documented word: `GSM-7` or `UCS-2`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    /// Units that fit into the only part.
    const fn single(self) -> u32 {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units that fit into one of several parts, beside the header that joins them.
    const fn part(self) -> u32 {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }
}

/// A text, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How it travels.
    pub encoding: Encoding,
    /// Septets or UTF-16 code units.
    pub units: u32,
    /// Parts, at least 1.
    pub segments: u16,
}

/// Counts a text as a provider does.
pub fn count_for(_provider: ProviderKind, text: &str) -> Counted {
    count(text)
}

/// Counts a text, in one pass over it. The empty text is one empty segment.
pub fn count(text: &str) -> Counted {
    let mut parts: u16 = 0;
    let (encoding, units) = split(text, |_| parts = parts.saturating_add(1));
    Counted { encoding, units, segments: parts }
}

/// Cuts a text into its parts, calls `part` with the units of each, and says the encoding and all units.
fn split(text: &str, part: impl FnMut(u32)) -> (Encoding, u32) {
    let all_gsm: Option<u32> = text.chars().map(septets).sum();
    let (encoding, units) = match all_gsm {
        Some(units) => (Encoding::Gsm7, units),
        None => (Encoding::Ucs2, text.chars().map(code_units).sum()),
    };
    let mut cut = Cut { size: encoding.part(), filled: 0, part };
    if units <= encoding.single() {
        (cut.part)(units);
        return (encoding, units);
    }
    match encoding {
        Encoding::Gsm7 => text.chars().filter_map(septets).for_each(|piece| cut.add(piece)),
        Encoding::Ucs2 => text.graphemes(true).for_each(|cluster| cut.add_cluster(cluster)),
    }
    (cut.part)(cut.filled);
    (encoding, units)
}

/// Fills one part after the other.
struct Cut<F> {
    size: u32,
    filled: u32,
    part: F,
}

impl<F: FnMut(u32)> Cut<F> {
    /// Adds what may not be split.
    fn add(&mut self, piece: u32) {
        if self.filled + piece > self.size {
            (self.part)(self.filled);
            self.filled = 0;
        }
        self.filled += piece;
    }

    fn add_cluster(&mut self, cluster: &str) {
        let units: u32 = cluster.chars().map(code_units).sum();
        if units > self.size || cluster == "\r\n" {
            cluster.chars().map(code_units).for_each(|piece| self.add(piece));
        } else {
            self.add(units);
        }
    }
}

const fn code_units(of: char) -> u32 {
    if of as u32 > 0xffff { 2 } else { 1 }
}

/// Septets of a character; `None` if the alphabet does not have it.
fn septets(of: char) -> Option<u32> {
    if BASIC.contains(of) {
        return Some(1);
    }
    EXTENSION.contains(of).then_some(2)
}

#[cfg(test)]
mod tests;
