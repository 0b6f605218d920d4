//! What a number in the directory costs that has nothing to do: resident memory, measured on the real binary.
//!
//! `cargo nextest run a_number_costs_little --no-capture` says the figure.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;

use super::yard::{PATIENCE, Setup, Yard, eventually};

/// What reading a file leaves behind does not grow with it, so the fewer the numbers, the more of it each would bear.
const NUMBERS: usize = 100_000;
const FEW: usize = 1_000;

/// About 460 were measured, the number's own words in the directory among them, which are kept for its export. The
/// aim is 400.
const MOST_BYTES: usize = 560;

/// With so many numbers more than one, in two classes of limits.
fn directory(twin: SocketAddr, more: usize) -> String {
    let mut text = format!(
        "[[organizations]]\nid = 1\nname = \"Test\"\n[[accounts]]\nname = \"main\"\norganization = 1\n\
         provider = \"telnyx\"\nbase_url = \"http://{twin}\"\ncredentials = {{ api_key = \"KEYx\" }}\n\
         [[assistants]]\nid = 1\norganization = 1\nname = \"Bot\"\naccount = \"main\"\n"
    );
    for index in 0..=more {
        let limit = 1 + index % 2;
        write!(text, "[[numbers]]\nnumber = \"+1555{index:07}\"\nassistant = 1\nlimits = [\"{limit}/s\"]\n")
            .unwrap();
    }
    text
}

/// Memory of its own, in bytes.
fn resident(yard: &Yard) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", yard.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_costs_little() {
    let few = Setup { directory: Some(|twin| directory(twin, FEW)), ..Setup::default() };
    let many = Setup { directory: Some(|twin| directory(twin, NUMBERS)), ..Setup::default() };
    let (few, many) = (Yard::start(&few).await, Yard::start(&many).await);
    // What was only needed to read the file goes back to the system a little later.
    let bytes = eventually("a number costs little", PATIENCE, async || {
        let bytes = resident(&many).saturating_sub(resident(&few)) / (NUMBERS - FEW);
        (bytes <= MOST_BYTES).then_some(bytes)
    })
    .await;
    println!("{bytes} bytes resident for each number");
}
