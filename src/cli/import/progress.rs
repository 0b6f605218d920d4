//! How far an import is: a bar on a terminal, lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::import::{Import, Notice};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Refused lines that are shown one by one; all are in the report.
const SHOWN: usize = 10;

/// A wait stays on the screen at least for so long.
const WAITS_FOR: Duration = Duration::from_secs(2);

/// Takes itself off the screen when it is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress {
    pub(super) fn new(lines: u64) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(lines), target);
        let template = "{bar:30} {percent:>3}% {human_pos}/{human_len}  {per_sec:.0} left {eta}  {wide_msg}";
        // An error could only be a mistake in the template; the default does too.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, is_terminal }
    }

    /// A line above the bar.
    pub(super) fn say(&self, line: &str) {
        if self.is_terminal {
            self.bar.println(line);
        } else {
            crate::cli::complain(line);
        }
    }

    /// Shows it until it is dropped; never returns.
    pub(super) async fn show(&self, import: &Import, mut notices: mpsc::Receiver<Notice>) -> ! {
        let mut shown = 0;
        let mut waiting: Option<(String, Instant)> = None;
        // What earlier runs settled is no part of this one's rate.
        let before = import.tally();
        self.bar.set_position(before.accepted + before.refused);
        self.bar.reset_eta();
        loop {
            while let Ok(notice) = notices.try_recv() {
                match notice {
                    Notice::Refused { line, code, detail } => {
                        shown += 1;
                        self.say_refused(shown, line, &code, &detail);
                    }
                    Notice::Waiting { why, wait } => {
                        let until = Instant::now() + wait.max(WAITS_FOR);
                        waiting = Some((format!("waiting {}: {why}", HumanDuration(wait)), until));
                    }
                }
            }
            let tally = import.tally();
            self.bar.set_position(tally.accepted + tally.refused);
            let waits = waiting.as_ref().filter(|(_, until)| Instant::now() < *until);
            let waits = waits.map_or(String::new(), |(why, _)| format!("  {why}"));
            self.bar.set_message(format!("refused {}{waits}", tally.refused));
            sleep(LOOK_EVERY).await;
        }
    }

    fn say_refused(&self, shown: usize, line: u64, code: &str, detail: &str) {
        if shown <= SHOWN {
            self.say(&format!("line {line}: {detail} ({code})"));
        } else if shown == SHOWN + 1 {
            self.say("Further refused lines are only in the report.");
        }
    }
}
