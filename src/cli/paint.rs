//! Colours, where a person reads: on a terminal, unless `NO_COLOR` says otherwise.

use std::io::{self, IsTerminal};

/// A colour by what it means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Paint {
    /// It is as wanted.
    Good,
    /// It is not.
    Bad,
    /// It is on its way.
    Pending,
}

impl Paint {
    /// The text in this colour, if standard output is a terminal.
    pub(super) fn on_stdout(self, text: &str) -> String {
        let is_wanted = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        if is_wanted { self.paint(text) } else { text.to_owned() }
    }

    fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Good => 32,
            Self::Bad => 31,
            Self::Pending => 33,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
