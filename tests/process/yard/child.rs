//! A child process that does not outlive its test.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::eventually;

/// How much of what a child said is printed when a test fails.
const LAST_LINES: usize = 60;

/// A running child. Killed when dropped.
pub(crate) struct Child {
    name: &'static str,
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts it; what it says on both streams is added to `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: PathBuf) -> Self {
        let stdout = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let stderr = stdout.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        Self { name, process: command.spawn().unwrap(), log }
    }

    /// All that it has said, and those before it that had the same log.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// The signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.process.id());
        let sent = Command::new("/bin/sh").arg("-c").arg(script).status().unwrap();
        assert!(sent.success(), "{} got no signal", self.name);
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(mut self, limit: Duration) -> ExitStatus {
        let name = self.name;
        eventually(&format!("{name} ends"), limit, async || self.process.try_wait().unwrap()).await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Errors say that it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            let last = lines.len().saturating_sub(LAST_LINES);
            eprintln!("--- {} said last:\n{}", self.name, lines[last..].join("\n"));
        }
    }
}
