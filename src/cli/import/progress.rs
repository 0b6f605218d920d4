//! How far an import is: a bar on a terminal, lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::import::{Import, Notice};

/// Refused lines that are shown one by one; all are in the report.
const SHOWN: usize = 10;

/// A wait stays on the screen at least for so long.
const WAITS_FOR: Duration = Duration::from_secs(2);

/// Takes itself off the screen when it is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    told: mpsc::Receiver<Notice>,
    /// Refused lines that were told.
    refused: usize,
    /// What is waited for, and until when that is shown.
    waiting: Option<(String, Instant)>,
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress {
    /// Of an import that has not begun; `told` is what it tells.
    pub(super) fn new(import: &Import, told: mpsc::Receiver<Notice>) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let tally = import.tally();
        let bar = ProgressBar::with_draw_target(Some(tally.lines), target);
        let template = "{bar:30} {percent:>3}% {human_pos}/{human_len}  {per_sec:.0} left {eta}  {wide_msg}";
        // An error could only be a mistake in the template; the default does too.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        // What earlier runs settled is no part of this one's rate.
        bar.set_position(tally.accepted + tally.refused);
        bar.reset_eta();
        Self { bar, is_terminal, told, refused: 0, waiting: None }
    }

    /// A line above the bar.
    pub(super) fn say(&self, line: &str) {
        if self.is_terminal {
            self.bar.println(line);
        } else {
            crate::cli::complain(line);
        }
    }

    /// Shows what was told since the last look, and how far it is.
    pub(super) fn look(&mut self, import: &Import) {
        while let Ok(notice) = self.told.try_recv() {
            match notice {
                Notice::Refused { line, code, detail } => self.say_refused(line, &code, &detail),
                Notice::Waiting { why, wait } => {
                    let until = Instant::now() + wait.max(WAITS_FOR);
                    self.waiting = Some((format!("waiting {}: {why}", HumanDuration(wait)), until));
                }
            }
        }
        let tally = import.tally();
        self.bar.set_position(tally.accepted + tally.refused);
        let waiting = self.waiting.as_ref().filter(|(_, until)| Instant::now() < *until);
        let waiting = waiting.map_or(String::new(), |(why, _)| format!("  {why}"));
        self.bar.set_message(format!("refused {}{waiting}", tally.refused));
    }

    fn say_refused(&mut self, line: u64, code: &str, detail: &str) {
        self.refused += 1;
        if self.refused <= SHOWN {
            self.say(&format!("line {line}: {detail} ({code})"));
        } else if self.refused == SHOWN + 1 {
            self.say("Further refused lines are only in the report.");
        }
    }
}
