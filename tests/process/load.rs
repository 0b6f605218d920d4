//! `sendyard load` as a process, against a real service and its twin. Counts are asserted, never times.

use serde_json::Value;

use super::yard::{KEY, Setup, Yard};

mod every_request_is_counted;
mod the_ledger_is_compared;
mod what_goes_wrong_is_said;
mod yardsticks_are_measured_in_turn;

/// How a run ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// The only thing on standard output.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// Runs `sendyard load` with the yard's service, its key, and all of its numbers.
fn load(yard: &Yard, setup: &Setup, arguments: &[&str]) -> Ended {
    let senders: Vec<&str> = setup.numbers.iter().map(|number| number.number.as_str()).collect();
    let (url, senders) = (format!("http://{}", yard.addr()), senders.join(","));
    let common = ["load", "--url", &url, "--key", KEY, "--senders", &senders];
    run(yard, &[&common, arguments].concat())
}

fn run(yard: &Yard, arguments: &[&str]) -> Ended {
    let output = yard.run(arguments);
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn twin_url(yard: &Yard) -> String {
    format!("http://{}", yard.twin.addr())
}

/// The names of an object's fields, sorted.
fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
