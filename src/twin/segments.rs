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
    let alone: Option<usize> = text.chars().map(septets).sum();
    match alone {
        Some(all) if all <= GSM_ALONE => 1,
        Some(_) => parts(text.chars().filter_map(septets), GSM_PART),
        None => count_ucs2(text),
    }
}

/// The same without the default alphabet.
pub(super) fn count_ucs2(text: &str) -> u32 {
    let widths = text.chars().map(char::len_utf16);
    if widths.clone().sum::<usize>() <= UCS2_ALONE { 1 } else { parts(widths, UCS2_PART) }
}

/// The same by Telnyx's smaller alphabet.
pub(super) fn count_telnyx(text: &str) -> u32 {
    if is_telnyx_gsm(text) { count(text) } else { count_ucs2(text) }
}

/// Does the text travel at Telnyx in GSM-7? Its documented alphabet lacks Greek letters, `Ç`, `¤`, `€`
/// and the form feed; `§`, which only one of its pages lists, is taken to be missing too.
pub(super) fn is_telnyx_gsm(text: &str) -> bool {
    text.chars().all(|character| {
        septets(character).is_some() && !matches!(character, 'Α'..='Ω' | 'Ç' | '¤' | '§' | '€' | '\u{c}')
    })
}

/// None: not in the alphabet, so the whole text travels as UTF-16.
fn septets(character: char) -> Option<usize> {
    // Most of what is sent; the search below is for the rest.
    if character.is_ascii_alphanumeric() || character == ' ' || BASIC.contains(character) {
        return Some(1);
    }
    EXTENSION.contains(character).then_some(2)
}

fn parts(widths: impl Iterator<Item = usize>, part: usize) -> u32 {
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
    fn telnyx_sends_some_texts_as_ucs2_that_others_send_in_gsm() {
        assert_eq!(count_telnyx(&"a[è\n".repeat(20)), count(&"a[è\n".repeat(20)));
        for character in ["€", "Ç", "Δ", "§", "¤", "\u{c}"] {
            let text = format!("{character}{}", "a".repeat(70));
            assert_eq!((count(&text), count_telnyx(&text)), (1, 2), "{character}");
        }
        assert_eq!(count_ucs2(&"a".repeat(71)), 2);
    }

    #[test]
    fn the_alphabet_has_its_128_places_but_the_escape() {
        assert_eq!(BASIC.chars().count(), 127);
    }
}
