//! `sendyard send`: one message to a running server.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::paint::Paint;
use super::target::Target;
use super::{Failure, complain, say};
use crate::client::{Answer, Client, NoAnswer};

/// How often the status is asked for with --wait.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// The server refused it.
const REFUSED: u8 = 3;

/// Nobody knows what became of it.
const UNKNOWN: u8 = 4;

/// The longest text that is read from standard input, in bytes.
const LONGEST_TEXT: u64 = 64 * 1024;

/// Send one message through a running server.
///
/// It goes under an idempotency key, a fresh one unless you name one: with the same key the same command may
/// be repeated without sending twice. Prints where the message stands, and its id.
#[derive(Debug, Args)]
#[command(after_help = "Examples, while `sendyard demo` runs:
  export SENDYARD_API_KEY=sendyard-demo
  sendyard send --from +1234567890 --to +1555123456 'Hello from the shell'
  sendyard send --from +15550100010 --to +1555123456 --now 'This one waits for nobody'
  sendyard send --from +15550100010 --to +1555123456 --lane bulk 'When the others leave room'
  sendyard send --from +15550100010 --to +1555123456 --client-reference 'order 7' 'It is on its way'
  sendyard send --from +15550100010 --to +1555123456 --wait --json 'What became of it?'
  date | sendyard send --from +15550100010 --to +1555123456 -

Exit codes:
  0  accepted; with --now or --wait: sent
  1  no server was reached, or it does not know the key
  2  a mistake in the command line
  3  refused, or failed; the sentence says why
  4  nobody knows what became of it: ask for its status, or repeat with the printed key")]
pub(super) struct Send {
    #[command(flatten)]
    target: Target,
    /// The sending number, in E.164 form.
    #[arg(long, value_name = "NUMBER")]
    from: String,
    /// The recipient, in E.164 form.
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// A picture or another medium by its address, up to 10 times; makes it an MMS.
    #[arg(long, value_name = "URL")]
    media: Vec<String>,
    /// Hand it over at once, and wait for the outcome.
    #[arg(long)]
    now: bool,
    /// Wait until it is sent, or will not be.
    #[arg(long)]
    wait: bool,
    /// How long --wait waits.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = super::duration, requires = "wait")]
    patience: Duration,
    /// The same key is the same message, however often it is sent.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Its share of the number's pace, 8 to 3 to 1 unless the number has other weights; normal unless given.
    #[arg(long, value_name = "LANE", value_parser = ["urgent", "normal", "bulk"])]
    lane: Option<String>,
    /// What you call it: messages are listed and cancelled by it.
    #[arg(long, value_name = "REFERENCE")]
    client_reference: Option<String>,
    /// What you keep with it, NAME=VALUE, up to 16 times. Kept as text.
    #[arg(long, value_name = "NAME=VALUE", value_parser = named)]
    metadata: Vec<(String, String)>,
    /// Not before this time, with its offset (2026-11-23T20:00:00Z); up to 35 days ahead.
    #[arg(long = "send-at", value_name = "TIME", conflicts_with = "now")]
    not_before: Option<String>,
    /// Not handed over from this time on.
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// The same, so many seconds after --send-at, else after it was accepted.
    #[arg(long, value_name = "SECONDS", conflicts_with = "expires_at")]
    validity_seconds: Option<u64>,
    /// Print the server's answer as one JSON object; without one, the key to repeat it with.
    #[arg(long)]
    json: bool,
    /// The text; `-` reads it from standard input.
    #[arg(value_name = "TEXT")]
    text: String,
}

impl Send {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = Client::new(&self.target.server(), 1).map_err(anyhow::Error::new)?;
        let key = self.idempotency_key.clone().unwrap_or_else(|| format!("send-{}", Uuid::new_v4()));
        let body = serde_json::to_vec(&self.body()?).context("cannot write the message as JSON")?;
        let answer = match client.post("/sms/send", body, Some(&key)).await {
            Ok(answer) => answer,
            Err(lost) => return Ok(self.lost(lost, &key)),
        };
        if answer.status == 200 && self.wait && !self.now {
            return self.follow(&client, answer).await;
        }
        self.tell(&answer, &key)
    }

    fn body(&self) -> Result<Value, Failure> {
        let text = if self.text == "-" { read_text()? } else { self.text.clone() };
        let mut body = json!({
            "from_phone_number": self.from,
            "to_phone_number": self.to,
            "message": text,
            "queue": !self.now,
        });
        let Value::Object(fields) = &mut body else { return Ok(body) };
        if !self.media.is_empty() {
            fields.insert("media_urls".to_owned(), json!(self.media));
        }
        for (field, text) in [
            ("lane", &self.lane),
            ("send_at", &self.not_before),
            ("expires_at", &self.expires_at),
            ("client_reference", &self.client_reference),
        ] {
            if let Some(text) = text {
                fields.insert(field.to_owned(), json!(text));
            }
        }
        if let Some(seconds) = self.validity_seconds {
            fields.insert("validity_seconds".to_owned(), json!(seconds));
        }
        if !self.metadata.is_empty() {
            let metadata = self.metadata.iter().cloned().map(|(name, value)| (name, Value::from(value)));
            fields.insert("metadata".to_owned(), metadata.collect());
        }
        Ok(body)
    }

    /// Without an answer: was it asked for at all?
    fn lost(&self, lost: NoAnswer, key: &str) -> ExitCode {
        if self.json {
            say(&json!({ "success": false, "detail": lost.to_string(), "idempotency_key": key }).to_string());
        }
        let advice = "repeat the command with this key, and it is not sent twice";
        complain(&format!("{lost}; {advice}: --idempotency-key {key}"));
        match lost {
            NoAnswer::Connect => ExitCode::FAILURE,
            NoAnswer::Timeout | NoAnswer::Cut => ExitCode::from(UNKNOWN),
        }
    }

    /// What the answer to the request itself says.
    fn tell(&self, answer: &Answer, key: &str) -> Result<ExitCode, Failure> {
        if self.json {
            say(&answer.body.to_string());
        }
        if answer.code() == Some("unauthorized") {
            let advice = "give a key of the server's directory with --key or SENDYARD_API_KEY";
            return Err(anyhow::anyhow!("{}; {advice}", answer.detail()).into());
        }
        let id = answer.text("message_id").unwrap_or_default();
        if answer.status == 200 {
            if !self.json {
                say(&accepted(answer, id));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let code = answer.code().unwrap_or("no Sendyard error");
        let is_unknown = code == "outcome_unknown";
        if !self.json {
            let what = if is_unknown {
                Paint::Pending.on_stdout("unknown")
            } else {
                Paint::Bad.on_stdout("refused")
            };
            say(&format!("{what}  {} ({code})", answer.detail()));
            if let Some(provider_code) = answer.text("provider_code") {
                say(&format!("         the provider's code is {provider_code}"));
            }
            if is_unknown {
                say(&format!("         message {id}; to repeat it: --idempotency-key {key}"));
            }
            say(&format!("         help: {}docs/errors#{code}", self.target.server().url));
        }
        Ok(ExitCode::from(if is_unknown { UNKNOWN } else { REFUSED }))
    }

    /// Asks for the status until it is final.
    async fn follow(&self, client: &Client, first: Answer) -> Result<ExitCode, Failure> {
        let id = first.text("message_id").unwrap_or_default().to_owned();
        if !self.json {
            say(&accepted(&first, &id));
        }
        let until = Instant::now() + self.patience;
        loop {
            let asked = client.get(&format!("/sms/{id}/status")).await;
            let status = match &asked {
                Ok(answer) if answer.status == 200 => answer.text("status").unwrap_or_default(),
                Ok(answer) if answer.status == 403 => {
                    return Err(
                        anyhow::anyhow!("{}; --wait needs the scope sms:read", answer.detail()).into()
                    );
                }
                // Whatever it is, it may be over with the next one.
                Ok(_) | Err(_) => "",
            };
            let end = match status {
                "sent" => Some(ExitCode::SUCCESS),
                "failed" | "cancelled" => Some(ExitCode::from(REFUSED)),
                _ if Instant::now() >= until => Some(ExitCode::from(UNKNOWN)),
                _ => None,
            };
            let (Some(end), Ok(answer)) = (end, asked) else {
                if Instant::now() >= until {
                    return Err(anyhow::anyhow!("no status of message {id} in time").into());
                }
                sleep(ASK_EVERY).await;
                continue;
            };
            say(&if self.json { answer.body.to_string() } else { followed(&answer) });
            return Ok(end);
        }
    }
}

fn named(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn read_text() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(LONGEST_TEXT).read_to_string(&mut text);
    read.context("cannot read the text from standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn accepted(answer: &Answer, id: &str) -> String {
    let field = |name: &str| answer.body.get(name).map(Value::to_string).unwrap_or_default();
    let words = |name: &str| answer.text(name).unwrap_or_default().to_owned();
    let (provider, segments, encoding) = (words("provider"), field("segments"), words("encoding"));
    let line = if words("status") == "sent" {
        format!("{}     {id} via {provider}", Paint::Good.on_stdout("sent"))
    } else {
        let (place, when) = (field("queue_position"), words("estimated_send_time"));
        format!("{}   {id} via {provider}, place {place}, about {when}", Paint::Good.on_stdout("queued"))
    };
    let earlier = "; the answer to an earlier request under this idempotency key";
    let earlier = if answer.is_replay { earlier } else { "" };
    format!("{line}, segments {segments} ({encoding}){earlier}")
}

fn followed(answer: &Answer) -> String {
    let words = |name: &str| answer.text(name).unwrap_or_default().to_owned();
    match words("status").as_str() {
        "sent" => format!(
            "{}     at {}, the provider's id is {}",
            Paint::Good.on_stdout("sent"),
            words("sent_at"),
            words("provider_message_id")
        ),
        "failed" => format!(
            "{}   {} ({} {})",
            Paint::Bad.on_stdout("failed"),
            words("error"),
            words("error_code"),
            words("error_message")
        ),
        other => format!("{}  by now; it goes on by itself", Paint::Pending.on_stdout(other)),
    }
}
