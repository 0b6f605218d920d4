//! The command line as a person uses it: on a terminal of its own, and in a pipe.

mod demo;
mod directory;
mod help;
mod import;
mod keys;
mod send;
mod terminal;
mod top;

use std::process::{Command, Output, Stdio};

/// The built program, without this process' settings.
fn sendyard(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sendyard"));
    command.env_clear().env("RUST_LOG", "off").args(arguments).stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs it to its end, in a pipe.
fn run(arguments: &[&str]) -> Ended {
    sendyard(arguments).output().unwrap().into()
}

/// With this on standard input.
fn run_with(input: &str, arguments: &[&str]) -> Ended {
    use std::io::Write;
    let mut command = sendyard(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}
