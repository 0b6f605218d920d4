//! The documents that are made of the program say what the program says.
//!
//! `BLESS=1` writes them instead: `BLESS=1 cargo test --test behaviour docs`.

use std::fs;
use std::path::{Path, PathBuf};

mod configuration;
mod errors;
mod examples;

/// The text of a committed file is this one; with `BLESS`, it is made so.
pub(crate) fn committed(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let differs = found.lines().zip(text.lines()).position(|(found, made)| found != made);
    assert!(
        found == text,
        "{path} is not what the program says, from line {} on; write it anew with BLESS=1",
        differs.map_or(found.lines().count().min(text.lines().count()), |line| line) + 1
    );
}

/// The same of the part between `<!-- NAME -->` and `<!-- end of NAME -->`.
pub(crate) fn committed_part(path: &str, name: &str, text: &str) {
    let found = fs::read_to_string(root().join(path)).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = found.split_once(&begin).unwrap_or_else(|| panic!("{path} has no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{path} has no {end}"));
    committed(path, &format!("{before}{begin}{text}{end}{after}"));
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
