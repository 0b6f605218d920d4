//! How many segments a text takes on the air, counted by the twin itself.

/// GSM 03.38, the default alphabet: one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension table: two septets each.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

const GSM_ALONE: usize = 160;
const GSM_PART: usize = 153;
const UCS2_ALONE: usize = 70;
const UCS2_PART: usize = 67;

/// Parts that `text` travels in, at least 1. No part ends within a character.
pub(super) fn count(text: &str) -> u32 {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    match septets {
        Some(widths) => parts(&widths, GSM_ALONE, GSM_PART),
        None => parts(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), UCS2_ALONE, UCS2_PART),
    }
}

/// None: not in the alphabet, so the whole text travels as UTF-16.
fn septets(character: char) -> Option<usize> {
    // Most of what is sent; the search below is for the rest.
    if character.is_ascii_alphanumeric() || character == ' ' || BASIC.contains(character) {
        return Some(1);
    }
    EXTENSION.contains(character).then_some(2)
}

fn parts(widths: &[usize], alone: usize, part: usize) -> u32 {
    if widths.iter().sum::<usize>() <= alone {
        return 1;
    }
    let mut count = 1;
    let mut filled = 0;
    for width in widths {
        if filled + width > part {
            count += 1;
            filled = 0;
        }
        filled += width;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gsm_texts_take_160_alone_and_153_in_parts() {
        assert_eq!(count(""), 1);
        assert_eq!(count(&"a".repeat(160)), 1);
        assert_eq!(count(&"a".repeat(161)), 2);
        assert_eq!(count(&"a".repeat(306)), 2);
        assert_eq!(count(&"a".repeat(307)), 3);
    }

    #[test]
    fn extension_characters_take_two_septets_and_are_not_split() {
        assert_eq!(count(&"€".repeat(80)), 1);
        assert_eq!(count(&"€".repeat(81)), 2);
        assert_eq!(count(&format!("{}€{}", "a".repeat(152), "a".repeat(152))), 3);
    }

    #[test]
    fn other_texts_take_70_alone_and_67_in_parts_without_splitting_a_surrogate_pair() {
        assert_eq!(count(&"ж".repeat(70)), 1);
        assert_eq!(count(&"ж".repeat(71)), 2);
        assert_eq!(count(&"😀".repeat(35)), 1);
        assert_eq!(count(&"😀".repeat(66)), 2);
        assert_eq!(count(&"😀".repeat(67)), 3, "33 pairs fit into 67 units, not 33.5");
    }

    #[test]
    fn the_alphabet_has_its_128_places_but_the_escape() {
        assert_eq!(BASIC.chars().count(), 127);
    }
}
