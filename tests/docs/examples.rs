//! Every command and every example of README.md and docs/ is run, or at least understood.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use sendyard::cli::Cli;
use sendyard::config::{Directory, Environment};
use tempfile::TempDir;

use super::root;
use crate::clients::demo::{Demo, finish, skip};

/// A fenced block of a page.
struct Block {
    language: String,
    code: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                open = Some(Block { language: language.to_owned(), code: String::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.code.push_str(line);
                block.code.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block without its end");
    blocks
}

fn pages() -> Vec<String> {
    let files = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|ending| ending == "md"));
    let names = files.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
    let mut pages: Vec<String> = names.map(|name| format!("docs/{name}")).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

/// Where each kind of example is run. A page that gets one which is not listed here fails the test.
#[test]
fn no_example_is_left_out() {
    let mut found: Vec<String> = Vec::new();
    for page in pages() {
        for Block { language, code } in blocks(&page) {
            // What is no example has no language; what has none is no example.
            let is_command =
                |line: &str| ["sendyard ", "cargo ", "curl "].iter().any(|word| line.starts_with(word));
            assert!(!language.is_empty() || !code.lines().any(is_command), "{page}: {code}");
            if !language.is_empty() && !found.contains(&format!("{page} {language}")) {
                found.push(format!("{page} {language}"));
            }
        }
    }
    let run = [
        "README.md json",           // below, and `readme`
        "README.md sh",             // `readme`
        "docs/CLIENTS.md python",   // .ci/run, with what the block before it installs
        "docs/CLIENTS.md sh",       // .ci/run
        "docs/COMMANDS.md sh",      // below
        "docs/ERRORS.md json",      // below
        "docs/LOAD.md sh",          // below
        "docs/MIGRATING.md python", // below
        "docs/OPERATIONS.md sh",    // `watch`
        "docs/PROVIDERS.md toml",   // below
        "docs/SETUP.md toml",       // `readme`
        "docs/TWIN.md json",        // below
        "docs/TWIN.md sh",          // below
        "docs/USING.md js",         // `readme`
        "docs/USING.md php",        // `readme`
        "docs/USING.md python",     // `readme`
        "docs/USING.md sh",         // `readme`
    ];
    found.sort();
    assert_eq!(found, run);
}

#[test]
fn every_printed_object_is_one() {
    for page in pages() {
        for block in blocks(&page).into_iter().filter(|block| block.language == "json") {
            for line in block.code.lines() {
                let read: Result<serde_json::Value, _> = serde_json::from_str(line);
                assert!(read.is_ok_and(|value| value.is_object()), "{page}: {line}");
            }
        }
    }
}

/// With the program on its path, in a directory of its own.
fn shell(home: &Path, script: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_sendyard")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", script]).env("PATH", path).env("RUST_LOG", "off").current_dir(home);
    shell
}

#[test]
fn the_commands_work_while_the_demo_runs() {
    let demo = Demo::start();
    for page in ["docs/COMMANDS.md", "docs/LOAD.md"] {
        let scripts: Vec<Block> = blocks(page).into_iter().filter(|block| block.language == "sh").collect();
        assert!(!scripts.is_empty(), "{page}");
        for Block { code, .. } in scripts {
            let home = TempDir::new().unwrap();
            // The demo runs already, and on another port.
            let lines: Vec<&str> = code.lines().filter(|line| !line.starts_with("sendyard demo")).collect();
            let script = lines
                .join("\n")
                .replace("127.0.0.1:8080", demo.address())
                .replace("sendyard load ", &format!("sendyard load --url {} ", demo.url()));
            finish(&mut shell(home.path(), &script));
        }
    }
}

#[test]
fn the_program_of_before_works_with_another_address() {
    let importing = Command::new("python3").args(["-c", "import burki"]).output();
    if !importing.is_ok_and(|importing| importing.status.success()) {
        skip("the example of docs/MIGRATING.md: python3 has no package `burki` (pip install burki==0.1.2)");
        return;
    }
    let demo = Demo::start();
    for block in blocks("docs/MIGRATING.md").into_iter().filter(|block| block.language == "python") {
        let code = block.code.replace("127.0.0.1:8080", demo.address());
        let printed = finish(Command::new("python3").args(["-c", &code]));
        assert!(printed.trim_end().ends_with(" queued"), "{printed}");
    }
}

/// Every account and assistant that is shown, in a directory that has what it names.
#[test]
fn the_accounts_are_good() {
    const ORGANIZATION: &str = "[[organizations]]\nid = 1\nname = \"Acme\"\n";
    let home = TempDir::new().unwrap();
    let key = home.path().join("vonage.key");
    fs::copy(root().join("src/twin/tests/vonage/application.pem"), &key).unwrap();
    let secrets =
        ["TWILIO_API_KEY_SECRET", "TWILIO_AUTH_TOKEN", "VONAGE_SIGNATURE_SECRET", "VONAGE_API_SECRET"];
    let [a, b, c, d] = secrets.map(|name| (name, "a-secret"));
    let environment = Environment::from([a, b, c, d, ("TELNYX_API_KEY", "KEYx")]);
    let shown: Vec<String> = blocks("docs/PROVIDERS.md")
        .into_iter()
        .filter(|block| block.language == "toml")
        .map(|block| block.code.replace("file:vonage.key", &format!("file:{}", key.display())))
        .collect();
    let of = |name: &str| shown.iter().find(|text| text.contains(&format!("name = \"{name}\""))).unwrap();
    let mut checked = 0;
    for example in &shown {
        let needed = if example.contains("[[assistants]]") {
            [of("acme-twilio").as_str(), of("acme-telnyx").as_str()].concat()
        } else {
            String::new()
        };
        let text = format!("{ORGANIZATION}{needed}{example}");
        Directory::parse(Path::new("directory.toml"), &text, &environment).unwrap();
        checked += 1;
    }
    assert_eq!(checked, 6);
}

/// A twin that a line of the page starts; killed with the value.
struct RunningTwin {
    process: Child,
    address: String,
}

impl RunningTwin {
    fn start(line: &str, home: &Path) -> Self {
        let line = line.replace("127.0.0.1:4010", "127.0.0.1:0");
        let mut process =
            shell(home, &format!("exec {line}")).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("listens on http://")?;
            Some(rest.split_once(';')?.0.to_owned())
        });
        std::thread::spawn(move || lines.count());
        Self { process, address: address.unwrap() }
    }
}

impl Drop for RunningTwin {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn the_twin_is_spoken_to_as_shown() {
    if Command::new("curl").arg("--version").output().is_err() {
        skip("the examples of docs/TWIN.md: there is no curl here");
        return;
    }
    let home = TempDir::new().unwrap();
    let key = home.path().join("application.pub.pem");
    fs::copy(root().join("src/twin/tests/vonage/application.pub.pem"), key).unwrap();
    let scripts: Vec<Block> =
        blocks("docs/TWIN.md").into_iter().filter(|block| block.language == "sh").collect();
    let (starts, calls): (Vec<&Block>, Vec<&Block>) =
        scripts.iter().partition(|block| block.code.starts_with("sendyard twin"));
    assert!(starts.len() >= 2 && calls.len() >= 5);
    for start in &starts {
        drop(RunningTwin::start(start.code.trim_end(), home.path()));
    }
    let twin = RunningTwin::start(starts[0].code.trim_end(), home.path());
    for call in calls {
        // The door that refuses everybody is closed to its own test: the control port is not known here.
        if call.code.contains(":4011") {
            assert!(call.code.contains("\"refuse\": true"));
            continue;
        }
        // Nobody outside is called.
        let script = call
            .code
            .replace("127.0.0.1:4010", &twin.address)
            .replace("https://example.com", "http://127.0.0.1:9");
        let script = script.replace("curl ", "curl -sS --fail ");
        finish(&mut shell(home.path(), &script));
    }
}

/// Words of a command line, as a shell parts them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = String::new();
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// A command that is only mentioned may leave out what it needs, but has no option that is not there.
fn assert_understood(line: &str, place: &str) {
    let line = line.split([';', '|', '>', '#']).next().unwrap_or_default();
    let Err(error) = Cli::try_parse_from(words(line)) else { return };
    let is_shortened = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::DisplayHelp
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::MissingSubcommand
    );
    assert!(is_shortened, "{place}: {line}\n{error}");
}

#[test]
fn every_command_that_is_mentioned_is_one() {
    let mut mentioned = 0;
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for span in text.split('`').skip(1).step_by(2) {
            // As it is said to whoever has only the source.
            let span = ["cargo run -- ", "cargo run --release -- "]
                .iter()
                .find_map(|cargo| span.strip_prefix(cargo))
                .map_or_else(|| span.to_owned(), |rest| format!("sendyard {rest}"));
            let is_command = span.starts_with("sendyard ") && !span.contains('\n');
            // `sendyard COMMAND`, and choices as `check|apply`, stand for several.
            if is_command && !span.contains("COMMAND") && !span.contains('|') && !span.contains('…') {
                assert_understood(&span, &page);
                mentioned += 1;
            }
        }
    }
    assert!(mentioned > 20, "{mentioned}");
}

#[test]
fn every_command_has_its_line() {
    let page = fs::read_to_string(root().join("docs/COMMANDS.md")).unwrap();
    for command in Cli::command().get_subcommands() {
        let line = format!("`sendyard {}`", command.get_name());
        assert!(page.lines().any(|row| row.starts_with("| ") && row.contains(&line)), "{line}");
    }
}

#[test]
fn every_example_of_a_help_is_understood() {
    let mut commands = vec![Cli::command()];
    let mut shown = 0;
    while let Some(command) = commands.pop() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines() {
            // What stands before the command is the shell's.
            if let (true, Some(start)) = (line.starts_with("  "), line.find("sendyard ")) {
                assert_understood(&line[start..], command.get_name());
                shown += 1;
            }
        }
        commands.extend(command.get_subcommands().cloned());
    }
    assert!(shown > 20, "{shown}");
}

/// Is there a heading, or a named place, that a link leads to by this name?
fn has_part(page: &str, part: &str) -> bool {
    let named = |line: &str| {
        let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let name: String =
            heading.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').collect();
        line.starts_with('#') && name == part
    };
    page.contains(&format!("id=\"{part}\"")) || page.lines().any(named)
}

#[test]
fn the_links_lead_somewhere() {
    for page in pages() {
        let file = root().join(&page);
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (path, part) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(target.exists(), "{page}: {link}");
            if !part.is_empty() {
                assert!(has_part(&fs::read_to_string(target).unwrap(), part), "{page}: {link}");
            }
        }
    }
}
