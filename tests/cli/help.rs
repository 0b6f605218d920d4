//! What every command says of itself, and what shells are told.

use std::process::Command;

use clap::CommandFactory;
use sendyard::cli::Cli;

use super::{run, run_with};
use crate::clients::demo::skip;

/// A help is this wide where the terminal does not say otherwise. What is longer goes on in the next line, and then it
/// cannot be copied.
const WIDTH: usize = 100;

/// Every command, by its words.
fn commands(of: &clap::Command, words: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let help = of.get_after_help().map(ToString::to_string).unwrap_or_default();
    found.push((words.to_vec(), help));
    for subcommand in of.get_subcommands() {
        let words = [words, &[subcommand.get_name().to_owned()]].concat();
        commands(subcommand, &words, found);
    }
}

#[test]
fn every_command_shows_an_example_of_itself() {
    let mut found = Vec::new();
    commands(&Cli::command(), &[], &mut found);
    assert!(found.len() >= 14, "{found:?}");
    for (words, help) in found {
        let call = format!("sendyard {}", words.join(" "));
        let is_copied = |line: &&str| line.starts_with("  ") && line.contains("sendyard ");
        assert!(help.lines().filter(is_copied).all(|line| line.chars().count() <= WIDTH), "{call}: {help}");
        assert!(help.contains("Example") && help.contains(&call), "{call}: {help}");
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let shown = run(&arguments);
        assert_eq!(shown.code, Some(0), "{call}");
        assert!(shown.stdout.contains("Usage:") && !shown.stdout.contains('\x1b'), "{shown:?}");
    }
    assert!(run(&["--help"]).stdout.contains("Exit codes"));
}

#[test]
fn shells_can_read_their_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{shell}");
        assert!(script.stdout.contains("import"), "{shell}");
    }
    if Command::new("bash").arg("--version").output().is_err() {
        skip("the completions for bash: there is no bash here");
        return;
    }
    let script = run(&["completions", "bash"]).stdout;
    let asked =
        r#"COMP_WORDS=(sendyard keys n); COMP_CWORD=2; _sendyard sendyard n keys; echo "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    let answered = bash.args(["-c", &format!("{script}\n{asked}")]).output().unwrap();
    let answered = String::from_utf8(answered.stdout).unwrap();
    assert_eq!(answered.trim(), "new");
}

#[test]
fn a_closed_pipe_and_a_wrong_word_are_no_panic() {
    let ended = run(&["sned"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("similar") && ended.stderr.contains("send"), "{ended:?}");
    assert_eq!(run_with("", &["openapi"]).code, Some(0));
}
