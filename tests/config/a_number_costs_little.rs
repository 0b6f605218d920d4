//! What a number in the directory costs that has nothing to do: memory that is taken and kept by reading it.
//!
//! Bytes that were asked for are counted, not what is resident: how much more that is depends on the machine.
//! `cargo nextest run a_number_costs_little --no-capture` says the figure.

use std::fmt::Write;
use std::path::Path;

use allocation_counter::measure;
use sendyard::config::{Directory, Environment};

/// A directory of so few that what each number costs of all is seen by the difference.
const FEW: usize = 1_000;
const MANY: usize = 20_000;

/// 95 were counted: its place in the book, and its own words, which are kept for an export. What is asked for all that
/// an idle number takes is 400.
const MOST_BYTES: usize = 110;

/// In two classes of limits.
fn directory(numbers: usize) -> String {
    let mut text =
        "[[organizations]]\nid = 1\nname = \"Test\"\n[[accounts]]\nname = \"main\"\norganization = 1\n\
                    provider = \"telnyx\"\ncredentials = { api_key = \"KEYx\" }\n\
                    [[assistants]]\nid = 1\norganization = 1\nname = \"Bot\"\naccount = \"main\"\n"
            .to_owned();
    for index in 0..numbers {
        let limit = 1 + index % 2;
        write!(text, "[[numbers]]\nnumber = \"+1555{index:07}\"\nassistant = 1\nlimits = [\"{limit}/s\"]\n")
            .unwrap();
    }
    text
}

/// What is kept of a directory of so many numbers, in bytes.
fn kept(path: &Path, numbers: usize) -> usize {
    std::fs::write(path, directory(numbers)).unwrap();
    let mut read = None;
    let taken = measure(|| read = Some(Directory::load(path, &Environment::default()).unwrap()));
    assert_eq!(read.unwrap().book.numbers.len(), numbers);
    usize::try_from(taken.bytes_current).unwrap()
}

#[test]
fn a_number_costs_little() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("directory.toml");
    // The first reading leaves what every other one uses again.
    kept(&path, 1);
    let bytes = (kept(&path, MANY) - kept(&path, FEW)) / (MANY - FEW);
    println!("{bytes} bytes for each number");
    assert!(bytes <= MOST_BYTES, "{bytes} bytes for each number");
}
