//! `sendyard demo` as a process of its own, and other programs beside it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Ends with its value.
pub(crate) struct Demo {
    process: Child,
    address: String,
    _data: TempDir,
}

impl Demo {
    /// Starts on a free port, and waits until it says which.
    pub(crate) fn start() -> Self {
        let data = TempDir::new().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_sendyard"))
            .args(["demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .env("RUST_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| address_in(&line.unwrap())).unwrap();
        // The rest is read too, so that nothing blocks on a full pipe.
        std::thread::spawn(move || lines.count());
        Self { process, address, _data: data }
    }

    /// As `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("Sendyard runs on http://")?;
    Some(rest.split_once(". ")?.0.to_owned())
}

/// Runs a program to its end, which must be a good one; what it printed.
pub(crate) fn finish(program: &mut Command) -> String {
    let output = program.stdin(Stdio::null()).env("NO_PROXY", "*").output().unwrap();
    let (printed, complaints) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program:?} ended with {}\n{printed}{complaints}", output.status);
    printed
}

/// Says so past the test runner, which shows what a passing test prints to nobody.
pub(crate) fn skip(what: &str) {
    let line = format!("\nSKIPPED: {what}\n\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
