//! docs/ERRORS.md: every code, and every sentence that ends a start.

use std::collections::BTreeSet;
use std::fs;

use super::{committed_part, root};

#[test]
fn every_code_has_its_line_and_no_other_has() {
    committed_part("docs/ERRORS.md", "codes", &format!("\n{}\n", sendyard::api::error_table()));
}

/// Where the sentences of a start are written.
const SOURCES: [&str; 5] = [
    "src/boot.rs",
    "src/providers.rs",
    "src/store/redb/file.rs",
    "src/store/redis.rs",
    "src/store/redis/check.rs",
];

/// What is said in braces differs each time: `the store {path} is damaged` is `the store … is damaged`.
fn with_gaps(sentence: &str) -> String {
    let mut text = String::new();
    for (index, part) in sentence.split('{').enumerate() {
        if index == 0 {
            text.push_str(part);
            continue;
        }
        text.push('…');
        text.push_str(part.split_once('}').unwrap().1);
    }
    text
}

/// The texts of `#[error("…")]`.
fn sentences(source: &str) -> Vec<String> {
    let attributes = source.split("#[error(").skip(1);
    let texts = attributes.filter_map(|rest| {
        let rest = rest.trim_start().strip_prefix('"')?;
        // A line that goes on in the next one.
        Some(rest.split_once('"')?.0.split("\\\n").map(str::trim_start).collect::<String>())
    });
    texts.map(|text| with_gaps(&text)).collect()
}

#[test]
fn every_sentence_of_a_start_has_its_line_and_no_other_has() {
    let written: BTreeSet<String> =
        SOURCES.iter().flat_map(|path| sentences(&fs::read_to_string(root().join(path)).unwrap())).collect();
    assert!(written.len() > 15, "{written:?}");
    let page = fs::read_to_string(root().join("docs/ERRORS.md")).unwrap();
    let (_, table) = page.split_once("<!-- sentences of a start -->").unwrap();
    let lines = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let documented: BTreeSet<String> =
        lines.map(|(sentence, _)| sentence.to_owned()).filter(|line| line != "sentence").collect();
    assert_eq!(documented, written);
}
