//! How far a run is, on a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, sleep};

use crate::load::{Length, Load};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Shows it until it is dropped; never returns. Draws nothing where standard error is no terminal.
pub(super) async fn show(load: &Load, length: Length) -> ! {
    let bar = Bar(bar(length));
    let start = Instant::now();
    loop {
        let over = load.over();
        match length {
            Length::Requests(_) => bar.0.set_position(over),
            Length::Lasting(_) => {
                bar.0.set_position(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
            }
        }
        bar.0.set_message(format!("{over} requests"));
        sleep(LOOK_EVERY).await;
    }
}

/// Takes itself off the screen.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn bar(length: Length) -> ProgressBar {
    let whole = match length {
        Length::Requests(requests) => requests,
        Length::Lasting(lasting) => u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX),
    };
    let target =
        if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(whole), target);
    // An error could only be a mistake in the template; the default does too.
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {percent}% {msg}") {
        bar.set_style(style);
    }
    bar
}
