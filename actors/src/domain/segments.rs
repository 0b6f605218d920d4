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
//!
//! Which characters are GSM differs by provider (`Alphabet`). Where what a provider documents leaves
//! it open, we count more rather than fewer: the pace may then be too slow, never too fast.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use super::ids::ProviderKind;

/// The characters that a provider sends as GSM-7; any other makes the whole text UCS-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    /// 3GPP TS 23.038: the default alphabet and its extension table.
    Gsm,
    /// The part of it that Telnyx documents (PROVIDERS.md §4,
    /// <https://developers.telnyx.com/docs/messaging/messages/message-encoding>): without the Greek
    /// letters, `Ç`, `¤`, `€` and form feed, and without `§`, which only one of its pages lists. Its short
    /// codes take ASCII only, but no sender of ours is one: they are not numbers in E.164 form.
    Telnyx,
}

impl Alphabet {
    /// Vonage documents no alphabet of its own.
    const fn of(provider: ProviderKind) -> Self {
        match provider {
            ProviderKind::Twilio | ProviderKind::Vonage => Self::Gsm,
            ProviderKind::Telnyx => Self::Telnyx,
        }
    }

    /// Septets of a text; `None` if the alphabet does not have all of it.
    fn septets_of(self, text: &str) -> Option<u32> {
        if !text.is_ascii() {
            return text.chars().map(|of| self.septets(of)).sum();
        }
        let table = match self {
            Self::Gsm => const { &Self::Gsm.of_ascii() },
            Self::Telnyx => const { &Self::Telnyx.of_ascii() },
        };
        let mut all = 0;
        for letter in text.bytes() {
            match table.get(usize::from(letter)) {
                None | Some(0) => return None,
                Some(septets) => all += septets,
            }
        }
        Some(all)
    }

    /// Septets of each character of ASCII, in which most texts are written; 0 for one that it does not have.
    #[expect(clippy::indexing_slicing, reason = "the compiler makes it, and would refuse")]
    const fn of_ascii(self) -> [u32; 128] {
        let mut table = [0; 128];
        let mut letter: u8 = 0;
        while letter < 128 {
            if let Some(septets) = self.septets(letter as char) {
                table[letter as usize] = septets;
            }
            letter += 1;
        }
        table
    }

    /// Septets of a character; `None` if the alphabet does not have it.
    const fn septets(self, of: char) -> Option<u32> {
        match self {
            Self::Gsm => gsm_septets(of),
            Self::Telnyx => telnyx_septets(of),
        }
    }
}

/// Both alphabets have these. An extension character is an escape and one septet.
#[allow(clippy::match_same_arms, reason = "a line for each kind of character")]
const fn telnyx_septets(of: char) -> Option<u32> {
    match of {
        '[' | '\\' | ']' | '^' | '{' | '|' | '}' | '~' => Some(2),
        '\n' | '\r' | ' '..='Z' | '_' | 'a'..='z' => Some(1),
        '£' | '¥' | '¡' | '¿' => Some(1),
        'Ä' | 'Å' | 'Æ' | 'É' | 'Ñ' | 'Ö' | 'Ø' | 'Ü' | 'ß' => Some(1),
        'à' | 'ä' | 'å' | 'æ' | 'è' | 'é' | 'ì' | 'ñ' | 'ò' | 'ö' | 'ø' | 'ù' | 'ü' => Some(1),
        _ => None,
    }
}

#[allow(clippy::match_same_arms, reason = "a line for each kind of character")]
const fn gsm_septets(of: char) -> Option<u32> {
    match of {
        '€' | '\u{c}' => Some(2),
        '¤' | '§' | 'Ç' => Some(1),
        'Γ' | 'Δ' | 'Θ' | 'Λ' | 'Ξ' | 'Π' | 'Σ' | 'Φ' | 'Ψ' | 'Ω' => Some(1),
        _ => telnyx_septets(of),
    }
}

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

/// Counts a text as a provider does, or higher where what it documents leaves that open. In a few
/// passes over the text, without memory of its own.
pub fn count_for(provider: ProviderKind, text: &str) -> Counted {
    count_in(Alphabet::of(provider), text)
}

/// Counts a text by the whole alphabet of GSM 03.38. The empty text is one empty segment.
pub fn count(text: &str) -> Counted {
    count_in(Alphabet::Gsm, text)
}

fn count_in(alphabet: Alphabet, text: &str) -> Counted {
    let mut parts: u16 = 0;
    let (encoding, units) = split(alphabet, text, |_| parts = parts.saturating_add(1));
    Counted { encoding, units, segments: parts }
}

/// Cuts a text into its parts, calls `part` with the units of each, and says the encoding and all units.
fn split(alphabet: Alphabet, text: &str, part: impl FnMut(u32)) -> (Encoding, u32) {
    let septets = |of: char| alphabet.septets(of);
    let all_gsm = alphabet.septets_of(text);
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

#[cfg(test)]
mod tests;
