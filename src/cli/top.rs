//! `sendyard top`: senders and provider accounts, live, and keys to pause, resume and re-tune a sender.
//!
//! It reads `GET /v1/senders` and, if the key may, `GET /v1/accounts` again and again, and owns nothing but what is
//! on the screen. Keys are read one at a time. The terminal is in raw mode while one is waited for, and must
//! not stay so, whatever ends the program (`terminal.rs`).

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use console::{Key, Term};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use self::screen::Screen;
use self::terminal::{Ends, Taken};
use super::target::Target;
use super::{Failure, say};
use crate::client::{Answer, Client, NoAnswer};

pub(super) mod screen;
mod terminal;

/// Senders on one page of the server.
const PAGE: usize = 200;

/// The most senders that are read: more do not fit on a screen, and each costs the server a question.
const MOST_SENDERS: usize = 1000;

/// The most that keys have asked for and that is not answered yet.
const MOST_ASKED: usize = 8;

/// Watch senders and provider accounts live, and pause, resume or re-tune a sender by a key.
///
/// Up and down choose a sender; p pauses it, r resumes it, t asks for its limits (with commas; nothing: the
/// directory's again), q ends. Not on a terminal, or with --json, it shows how things stand once and ends. Needs a key
/// with the scope sms:read; for accounts admin, for changes senders:write.
#[derive(Debug, Args)]
#[command(after_help = "Examples, while `sendyard demo` runs:
  sendyard top --key sendyard-demo
  sendyard top --key sendyard-demo --json

Exit codes:
  0  ended by a key; with --json: it is printed
  1  no server answered, or it does not know the key
  2  a mistake in the command line
  129, 130, 143  ended by SIGHUP, SIGINT or SIGTERM; the terminal is as it was")]
pub(super) struct Top {
    #[command(flatten)]
    target: Target,
    /// How often it looks.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = super::duration)]
    every: Duration,
    /// Print how things stand now as one JSON object.
    #[arg(long)]
    json: bool,
}

/// How things stand, as the server says.
#[derive(Debug, Default)]
struct Standing {
    senders: Vec<Value>,
    /// More are there than are read.
    more: bool,
    /// None where the key may not see them.
    accounts: Option<Vec<Value>>,
}

impl Top {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = Client::new(&self.target.server(), 2).map_err(anyhow::Error::new)?;
        let first = Standing::read(&client).await?;
        if self.json {
            say(&json!({ "senders": first.senders, "accounts": first.accounts, "more": first.more })
                .to_string());
            return Ok(ExitCode::SUCCESS);
        }
        let mut screen = Screen::new(first);
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            screen.lines(usize::MAX).iter().for_each(|line| say(&line.text));
            return Ok(ExitCode::SUCCESS);
        }
        // From here on a signal ends it by our hand alone, so that the terminal is given back.
        let mut ends = Ends::listen().context("cannot listen for signals")?;
        let terminal = Taken::take().context("cannot write to the terminal")?;
        let ended = tokio::select! {
            ended = watch(&client, &terminal.term, &mut screen, self.every) => Ok(ended),
            code = ends.next() => Err(code),
        };
        match ended {
            Ok(ended) => {
                terminal.give_back(false).await.context("cannot write to the terminal")?;
                ended?;
                Ok(ExitCode::SUCCESS)
            }
            Err(code) => {
                // One that has gone needs nothing.
                let _ = terminal.give_back(true).await;
                Ok(ExitCode::from(code))
            }
        }
    }
}

/// Until a key ends it, also while the server does not answer: keys are read, and looks are made, beside its answers.
async fn watch(
    client: &Client,
    terminal: &Term,
    screen: &mut Screen,
    every: Duration,
) -> Result<(), Failure> {
    let mut key = next_key(terminal);
    let mut look = Box::pin(look_after(client, every));
    // What keys asked for, one after the other. The first is under way.
    let mut asked: VecDeque<BoxFuture<'_, String>> = VecDeque::new();
    loop {
        let (rows, columns) = terminal.size();
        let drawn = screen.draw(rows.into(), columns.into());
        terminal.write_str(&drawn).context("cannot write to the terminal")?;
        tokio::select! {
            pressed = &mut key => {
                let pressed = pressed.context("cannot read keys")?.context("cannot read keys")?;
                match screen.press(&pressed) {
                    Deed::End => return Ok(()),
                    Deed::Nothing => {}
                    Deed::Ask { .. } if asked.len() >= MOST_ASKED => {
                        "the server does not answer; this key did nothing".clone_into(&mut screen.note);
                    }
                    Deed::Ask { path, body } => asked.push_back(Box::pin(told(client, path, body))),
                }
                key = next_key(terminal);
            }
            said = next_told(&mut asked) => {
                asked.pop_front();
                screen.note = said;
                look.set(look_after(client, Duration::ZERO));
            }
            read = &mut look => {
                match read {
                    Ok(standing) => screen.update(standing),
                    Err(error) => screen.trouble = error.to_string(),
                }
                look.set(look_after(client, every));
            }
        }
    }
}

/// How things stand after so long.
async fn look_after(client: &Client, wait: Duration) -> Result<Standing, Failure> {
    sleep(wait).await;
    Standing::read(client).await
}

/// What the server said to what was asked first; never, where nothing was.
async fn next_told(asked: &mut VecDeque<BoxFuture<'_, String>>) -> String {
    match asked.front_mut() {
        Some(first) => first.await,
        None => std::future::pending().await,
    }
}

fn next_key(terminal: &Term) -> JoinHandle<io::Result<Key>> {
    let terminal = terminal.clone();
    tokio::task::spawn_blocking(move || terminal.read_key_raw())
}

/// What a key asks for.
#[derive(Debug, PartialEq)]
enum Deed {
    Nothing,
    End,
    /// A request to the server; PATCH if it has a body.
    Ask {
        path: String,
        body: Option<Value>,
    },
}

/// Asks the server; one line of what it said.
async fn told(client: &Client, path: String, body: Option<Value>) -> String {
    let asked = match body {
        Some(body) => client.patch(&path, body.to_string().into_bytes()).await,
        None => client.post(&path, Vec::new(), None).await,
    };
    match asked {
        Ok(Answer { status: 200, .. }) => String::new(),
        Ok(answer) => answer.detail(),
        Err(error) => error.to_string(),
    }
}

impl Standing {
    async fn read(client: &Client) -> Result<Self, Failure> {
        let mut standing = Self::default();
        let mut after = String::new();
        loop {
            let path = format!("/v1/senders?limit={PAGE}{after}");
            let mut page = good(client.get(&path).await)?.body;
            if let Some(Value::Array(senders)) = page.get_mut("senders").map(Value::take) {
                standing.senders.extend(senders);
            }
            let Some(next) = page.get("next_after").and_then(Value::as_str) else { break };
            if standing.senders.len() >= MOST_SENDERS {
                standing.more = true;
                break;
            }
            after = format!("&after={}", next.replace('+', "%2B"));
        }
        if let Ok(Answer { status: 200, mut body, .. }) = client.get("/v1/accounts").await
            && let Some(Value::Array(accounts)) = body.get_mut("accounts").map(Value::take)
        {
            standing.accounts = Some(accounts);
        }
        Ok(standing)
    }
}

fn good(asked: Result<Answer, NoAnswer>) -> Result<Answer, Failure> {
    match asked {
        Ok(answer) if answer.status == 200 => Ok(answer),
        Ok(answer) => Err(anyhow::anyhow!("{}", answer.detail()).into()),
        Err(error) => Err(anyhow::anyhow!("{error}; is a server there? --server says where").into()),
    }
}
