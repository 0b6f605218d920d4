//! docs/CONFIGURATION.md is made of src/config/default.toml.

use std::fmt::Write;

use sendyard::config::DEFAULTS;

use super::committed_part;

/// A paragraph of comments as text that goes on from line to line.
fn text(comments: &[&str]) -> String {
    comments.join(" ")
}

fn page() -> String {
    let mut page = String::from("\n");
    let mut comments: Vec<&str> = Vec::new();
    let mut section = "";
    for line in DEFAULTS.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            comments.push(comment.trim());
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            writeln!(page, "## {name}\n").unwrap();
            assert!(comments.is_empty(), "a comment of a section: {comments:?}");
        } else if let Some((key, value)) = line.split_once(" = ") {
            let variable = format!("SENDYARD__{}__{}", section.to_uppercase(), key.to_uppercase());
            assert!(!comments.is_empty(), "{section}.{key} is not explained");
            writeln!(page, "### {section}.{key}\n\nDefault `{value}`, in the environment `{variable}`.\n")
                .unwrap();
            writeln!(page, "{}\n", text(&comments)).unwrap();
            comments.clear();
        } else {
            assert!(line.is_empty(), "{line}");
            if section.is_empty() {
                // What stands before the first section is of all of them; a blank comment parts it.
                for paragraph in comments.split(|comment| comment.is_empty()) {
                    writeln!(page, "{}\n", text(paragraph)).unwrap();
                }
                comments.clear();
            }
        }
    }
    page
}

#[test]
fn every_setting_is_there_with_its_default_and_its_variable() {
    committed_part("docs/CONFIGURATION.md", "settings", &page());
}
