use proptest::prelude::*;
use serde_json::Value;

use super::*;

const VECTORS: &str = include_str!("../../../tests/vectors/sms_segments.json");

/// The default alphabet of 3GPP TS 23.038, in the order of its codes, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Its extension table: an escape and one septet each. The first is form feed.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Telnyx's documented set, in the order of its page, without what its page says needs an escape.
const TELNYX_BASIC: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n\r \
                            !\"#$%&'()*+,-./:;<=>?@_£¥èéùìòØøÅåÆæßÉ¡ÄÖÑÜ¿äöñüà";

/// "Require escape codes and count as 2 characters."
const TELNYX_EXTENSION: &str = "~^|\\{}[]";

fn parts_of(text: &str) -> Vec<u32> {
    let mut parts = Vec::new();
    split(Alphabet::Gsm, text, |units| parts.push(units));
    parts
}

#[test]
fn every_vector_without_a_request_for_more_counts_as_twilio_counts() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let (mut ran, mut skipped) = (0, Vec::new());
    for case in vectors["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        if case["requested_encoding"] != "auto" || case["smart_encoding"] != false {
            skipped.push(id);
            continue;
        }
        let text = case["text"].as_str().unwrap();
        let counted = count(text);
        assert_eq!(counted.encoding.as_str(), case["encoding"], "{id}");
        assert_eq!(counted.units, case["units"], "{id}");
        assert_eq!(counted.segments, case["segments"], "{id}");
        assert_eq!(serde_json::to_value(parts_of(text)).unwrap(), case["per_segment_units"], "{id}");
        ran += 1;
    }
    println!("{ran} vectors ran; by rule left out: {skipped:?}");
    assert_eq!((ran, skipped.len()), (59, 3), "the file has changed");
}

#[test]
fn a_cluster_is_not_split_over_a_border_but_a_line_end_is() {
    let family = "👨‍👩‍👧‍👦";
    let before = "ж".repeat(60);
    assert_eq!(parts_of(&format!("{before}{family}")), [60, 11]);
    let line_end = format!("{}\r\n{}", "ж".repeat(66), "ж".repeat(10));
    assert_eq!(parts_of(&line_end), [67, 11]);
}

#[test]
fn a_cluster_larger_than_a_part_is_cut_between_code_points() {
    let towering = format!("e{}", "\u{301}".repeat(1599));
    assert_eq!(count(&towering), Counted { encoding: Encoding::Ucs2, units: 1600, segments: 24 });
    let wide = format!("\u{1f600}{}", "\u{e0100}".repeat(1599));
    assert!(parts_of(&wide).iter().all(|units| *units <= 66));
}

/// Characters that make borders interesting.
fn lively(most: usize) -> impl Strategy<Value = String> {
    let chars = prop_oneof![
        Just('a'),
        Just('€'),
        Just('\r'),
        Just('\n'),
        Just('ж'),
        Just('\u{301}'),
        Just('\u{200d}'),
        Just('\u{1f468}'),
        Just('\u{1f1e9}'),
        Just('\u{e0100}'),
        any::<char>(),
    ];
    prop::collection::vec(chars, 0..=most).prop_map(|chars| chars.into_iter().collect())
}

fn gsm() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![3 => Just('a'), 1 => Just('€')], 0..=1600)
        .prop_map(|chars| chars.into_iter().collect())
}

/// The least that any rule of borders needs.
fn fewest(counted: Counted) -> u32 {
    match counted.units {
        units if units <= counted.encoding.single() => 1,
        units => units.div_ceil(counted.encoding.part()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_fit_add_up_and_are_not_wasted(text in prop_oneof![lively(1600), gsm()]) {
        let counted = count(&text);
        let parts = parts_of(&text);
        prop_assert_eq!(parts.iter().sum::<u32>(), counted.units);
        prop_assert_eq!(parts.len(), usize::from(counted.segments));
        let several = parts.len() > 1;
        let size = if several { counted.encoding.part() } else { counted.encoding.single() };
        prop_assert!(parts.iter().all(|units| *units <= size));
        prop_assert!(!several || parts.iter().all(|units| *units > 0));
        prop_assert!(u32::from(counted.segments) >= fewest(counted));
        // The pace's memory builds on this: a text of 1600 code points costs at most 100.
        prop_assert!(counted.segments < 100);
    }

    #[test]
    fn an_encoding_is_gsm_exactly_if_every_character_is(text in lively(12)) {
        let all_alone = text.chars().all(|one| count(&one.to_string()).encoding == Encoding::Gsm7);
        prop_assert_eq!(count(&text).encoding == Encoding::Gsm7, all_alone);
    }

    #[test]
    fn a_smaller_alphabet_never_costs_less(text in prop_oneof![lively(1600), gsm()]) {
        let fewer = count_for(ProviderKind::Telnyx, &text).segments;
        prop_assert!(fewer >= count_for(ProviderKind::Twilio, &text).segments);
        // The pace's memory builds on this for every provider.
        prop_assert!(fewer < 100);
    }

    #[test]
    fn more_text_never_costs_less(mut text in gsm(), more in gsm()) {
        let before = count(&text).segments;
        text.push_str(&more);
        prop_assert!(count(&text).segments >= before);
    }
}

#[test]
fn the_unit_of_each_encoding_is_its_own() {
    assert_eq!(count("[]"), Counted { encoding: Encoding::Gsm7, units: 4, segments: 1 });
    assert_eq!(count("[]ж"), Counted { encoding: Encoding::Ucs2, units: 3, segments: 1 });
}

#[test]
fn each_alphabet_has_exactly_its_characters() {
    assert_eq!((BASIC.chars().count(), TELNYX_BASIC.chars().count()), (127, 114));
    let tables = [(Alphabet::Gsm, BASIC, EXTENSION), (Alphabet::Telnyx, TELNYX_BASIC, TELNYX_EXTENSION)];
    for (alphabet, basic, extension) in tables {
        for of in '\0'..='\u{ffff}' {
            let expected = match (basic.contains(of), extension.contains(of)) {
                (true, _) => Some(1),
                (_, true) => Some(2),
                (false, false) => None,
            };
            assert_eq!(alphabet.septets(of), expected, "{alphabet:?} {of:?}");
            // A text of ASCII alone is counted another way.
            assert_eq!(alphabet.septets_of(&of.to_string()), expected, "{alphabet:?} {of:?}");
        }
    }
}

#[test]
fn a_text_is_counted_by_its_providers_alphabet() {
    use Encoding::{Gsm7, Ucs2};
    let table = [
        (String::new(), (Gsm7, 0, 1), (Gsm7, 0, 1)),
        ("Grüße, ¿Ñandú?".to_owned(), (Ucs2, 14, 1), (Ucs2, 14, 1)),
        ("Grüße à la Ångström".to_owned(), (Gsm7, 19, 1), (Gsm7, 19, 1)),
        ("[~]".to_owned(), (Gsm7, 6, 1), (Gsm7, 6, 1)),
        ("5 €".to_owned(), (Gsm7, 4, 1), (Ucs2, 3, 1)),
        ("Ça va".to_owned(), (Gsm7, 5, 1), (Ucs2, 5, 1)),
        ("§ 5".to_owned(), (Gsm7, 3, 1), (Ucs2, 3, 1)),
        ("Ω".to_owned(), (Gsm7, 1, 1), (Ucs2, 1, 1)),
        ("a\u{c}b".to_owned(), (Gsm7, 4, 1), (Ucs2, 3, 1)),
        ("`".to_owned(), (Ucs2, 1, 1), (Ucs2, 1, 1)),
        ("a".repeat(160), (Gsm7, 160, 1), (Gsm7, 160, 1)),
        ("a".repeat(161), (Gsm7, 161, 2), (Gsm7, 161, 2)),
        // An escape is not split from its character, so the documented quotient (2) is too low.
        (format!("{}[{}", "a".repeat(152), "a".repeat(152)), (Gsm7, 306, 3), (Gsm7, 306, 3)),
        (format!("{}€", "a".repeat(100)), (Gsm7, 102, 1), (Ucs2, 101, 2)),
        ("a".repeat(1530), (Gsm7, 1530, 10), (Gsm7, 1530, 10)),
        ("a".repeat(1531), (Gsm7, 1531, 11), (Gsm7, 1531, 11)),
        (format!("{}€", "a".repeat(669)), (Gsm7, 671, 5), (Ucs2, 670, 10)),
        (format!("{}€", "a".repeat(670)), (Gsm7, 672, 5), (Ucs2, 671, 11)),
        ("😀".repeat(35), (Ucs2, 70, 1), (Ucs2, 70, 1)),
        ("😀".repeat(36), (Ucs2, 72, 2), (Ucs2, 72, 2)),
    ];
    for (text, whole_alphabet, telnyx) in table {
        let counted = |provider| {
            let Counted { encoding, units, segments } = count_for(provider, &text);
            (encoding, units, segments)
        };
        assert_eq!(counted(ProviderKind::Twilio), whole_alphabet, "{text}");
        assert_eq!(counted(ProviderKind::Vonage), whole_alphabet, "{text}");
        assert_eq!(counted(ProviderKind::Telnyx), telnyx, "{text}");
    }
}
