//! `sendyard completions`: what a shell needs to complete this program's command line.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, say};

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard completions bash > /etc/bash_completion.d/sendyard
  sendyard completions zsh > ~/.zfunc/_sendyard
  sendyard completions fish > ~/.config/fish/completions/sendyard.fish")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "sendyard", &mut script);
        say(String::from_utf8_lossy(&script).trim_end());
        ExitCode::SUCCESS
    }
}
