//! The terminal while `top` has it: its second screen, and its modes.
//!
//! Whoever reads a key sets the raw mode for as long as that takes, and takes it back with the key. A signal comes
//! while a key is waited for, so what was there before is kept here, and set again at every end.

use std::io;
use std::time::Duration;

use console::Term;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};

const ENTER_SCREEN: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE_SCREEN: &str = "\x1b[?25h\x1b[?1049l";

/// Whoever was just about to set the raw mode has set it after so many looks, one each millisecond.
const LOOKS: usize = 50;

/// The terminal, as long as it is taken.
pub(super) struct Taken {
    pub(super) term: Term,
    before: Termios,
}

impl Taken {
    /// Shows the second screen.
    pub(super) fn take() -> io::Result<Self> {
        let taken = Self { term: Term::stdout(), before: tcgetattr(io::stdin())? };
        taken.term.write_str(ENTER_SCREEN)?;
        Ok(taken)
    }

    /// As it was before. `key_is_awaited`: somebody is in raw mode still, or about to be.
    pub(super) async fn give_back(self, key_is_awaited: bool) -> io::Result<()> {
        if key_is_awaited {
            self.until_raw().await;
        }
        let screen = self.term.write_str(LEAVE_SCREEN);
        tcsetattr(io::stdin(), OptionalActions::Now, &self.before)?;
        screen
    }

    /// What is set before the raw mode would be undone by it.
    async fn until_raw(&self) {
        for _ in 0..LOOKS {
            let is_raw =
                tcgetattr(io::stdin()).is_ok_and(|now| !now.local_modes.contains(LocalModes::ICANON));
            if is_raw {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// What ends the program from outside: a request to end, or the terminal going away. Ctrl-C is a key here, but
/// for the moments in which none is read.
pub(super) struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ends {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The code with which shells report that end.
    pub(super) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            _ = self.hang_up.recv() => 129,
        }
    }
}
