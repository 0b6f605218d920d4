//! `sendyard load`: the load generator.

mod progress;
mod yardstick;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use secrecy::SecretString;
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use super::target::base_url;
use super::{Failure, duration, say};
use crate::load::{self, Arrivals, Length, Mix, Numbers, Plan, Rate, Report, Target, Twin};
use crate::shutdown::{Signal, Signals};

/// How long a run lasts unless told otherwise.
const LASTING: Duration = Duration::from_secs(10);

/// Send messages to a running server, and measure how it answers.
///
/// What it sends is really sent: use it on a server whose provider account points to the twin. Without
/// --rate each connection sends its next message when its last one is answered, and latency counts from
/// then; with it, messages go at scheduled instants, and latency counts from those. Ends with 0 if every
/// request was answered as expected. docs/LOAD.md explains the figures and the JSON.
#[derive(Debug, Args)]
#[command(after_help = "Examples, while `sendyard demo` runs:
  export SENDYARD_API_KEY=sendyard-demo
  sendyard load --senders +15550100010 --messages 1000
  sendyard load --senders +15550100010 --connections 64 --duration 30s --queued 8 --keyed 1
  sendyard load --senders +15550100010 --rate 200/s --json
  sendyard load --senders +15550100010 --connections 64 --yardstick accept

With a server whose directory has +15550000000 to +15550000009, and that sends to `sendyard twin`:
  sendyard load --senders 10 --messages 10000 --twin http://127.0.0.1:4010
  sendyard load --senders 10 --connections 64 --yardstick hand-over --twin http://127.0.0.1:4010")]
pub(super) struct Load {
    /// The server's API.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = base_url)]
    url: Url,
    /// An API key with the scope sms:send.
    #[arg(long, value_name = "KEY", env = "SENDYARD_API_KEY", hide_env_values = true)]
    key: SecretString,
    /// The sending numbers, with commas; or how many of +15550000000 and those after it.
    #[arg(long, value_name = "NUMBERS", value_parser = Numbers::senders)]
    senders: Numbers,
    /// The recipients, with commas; or how many of +16660000000 and those after it.
    #[arg(long, value_name = "NUMBERS", default_value = "1000", value_parser = Numbers::recipients)]
    recipients: Numbers,
    /// Closed loop: so many connections, each of which waits for its answers.
    #[arg(long, value_name = "N", default_value = "8", value_parser = up_to_100_000(), conflicts_with = "rate")]
    connections: usize,
    /// Open loop: so many messages in every second or minute, whether or not earlier ones are answered.
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Open loop: the most messages without an answer; what would be more is counted, not sent.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = up_to_100_000(), requires = "rate")]
    outstanding: usize,
    /// Send for so long [default: 10s; 3s for each half of a round of a yardstick].
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "messages")]
    duration: Option<Duration>,
    /// Send so many messages instead, replays included; with a yardstick, in each half of a round.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    messages: Option<u64>,
    #[command(flatten)]
    mix: Weights,
    /// The length of each message.
    #[arg(long, value_name = "CHARACTERS", default_value_t = load::SENTENCE.len(), value_parser = text_length())]
    text_length: usize,
    /// A request without an answer is given up after this.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// The twin that the server sends to: compare what it accepted.
    #[arg(long, value_name = "URL", value_parser = base_url)]
    twin: Option<Url>,
    /// How long the twin may take to see the last message.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, requires = "twin")]
    settle: Duration,
    /// Measure in turn with the least that could stand in the server's place.
    #[arg(long, value_name = "WHICH", conflicts_with_all = ["rate", "queued", "immediate", "keyed"])]
    yardstick: Option<Which>,
    /// Rounds of a yardstick; the result is their median.
    #[arg(long, value_name = "N", default_value = "5", value_parser = up_to_100_000(), requires = "yardstick")]
    rounds: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Which yardstick.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Acceptance, beside a bare axum endpoint in this process.
    Accept,
    /// Hand-over, beside a bare reqwest loop against the same --twin.
    HandOver,
}

/// How many of which kind. None named: all are queued.
#[derive(Debug, Args)]
struct Weights {
    /// The weight of queued messages in the mix.
    #[arg(long, value_name = "WEIGHT")]
    queued: Option<u32>,
    /// The weight of immediate messages.
    #[arg(long, value_name = "WEIGHT")]
    immediate: Option<u32>,
    /// The weight of queued messages with an idempotency key; every fourth repeats an earlier one.
    #[arg(long, value_name = "WEIGHT")]
    keyed: Option<u32>,
}

impl Weights {
    fn mix(&self) -> Result<Mix, load::Nothing> {
        let weights = [self.queued, self.immediate, self.keyed];
        if weights.iter().all(Option::is_none) {
            return Mix::new(1, 0, 0);
        }
        let [queued, immediate, keyed] = weights.map(Option::unwrap_or_default);
        Mix::new(queued, immediate, keyed)
    }
}

impl Load {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.yardstick {
            None => self.load().await,
            Some(Which::Accept) => self.accept().await,
            Some(Which::HandOver) => self.hand_over().await,
        }
    }

    async fn load(&self) -> Result<ExitCode, Failure> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        let length = match self.messages {
            Some(messages) => Length::Requests(messages),
            None => Length::Lasting(self.duration.unwrap_or(LASTING)),
        };
        let load = load::Load::new(self.plan(length)?).map_err(anyhow::Error::new)?;
        load.check().await.map_err(anyhow::Error::new)?;
        let mut twin = match &self.twin {
            Some(url) => Some(Twin::at(url.clone()).await.map_err(anyhow::Error::new)?),
            None => None,
        };
        let mut report = match finish(&load, length, signals).await {
            Ok(report) => report,
            Err(second) => return Ok(ExitCode::from(second.exit_code())),
        };
        if let Some(twin) = &mut twin {
            let agreement = twin.agree(&report, self.settle).await.map_err(anyhow::Error::new)?;
            report.compare(agreement);
        }
        self.print(&report)?;
        if !self.json {
            for sentence in load::advice(&report) {
                say(&format!("! {sentence}"));
            }
        }
        Ok(if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn plan(&self, length: Length) -> Result<Plan, Failure> {
        let arrivals = match self.rate {
            Some(rate) => Arrivals::Open { rate, outstanding: self.outstanding },
            None => Arrivals::Closed { connections: self.connections },
        };
        Ok(Plan {
            target: self.target(),
            senders: self.senders.clone(),
            recipients: self.recipients.clone(),
            mix: self.mix.mix().context("--queued, --immediate, --keyed")?,
            text: load::of_length(self.text_length),
            arrivals,
            length,
            run: Uuid::new_v4().simple().to_string(),
        })
    }

    fn target(&self) -> Target {
        Target { url: self.url.clone(), key: self.key.clone(), timeout: self.timeout }
    }

    /// One object, or what people read.
    fn print(&self, report: &(impl Serialize + ToString)) -> Result<(), Failure> {
        if self.json {
            say(&serde_json::to_string(report).context("cannot write the report as JSON")?);
        } else {
            say(report.to_string().trim_end());
        }
        Ok(())
    }
}

/// To the last answer. After the first signal nothing more is begun; the second ends it at once.
async fn finish(load: &load::Load, length: Length, mut signals: Signals) -> Result<Report, Signal> {
    let running = load.run();
    tokio::pin!(running);
    tokio::select! {
        report = &mut running => return Ok(report),
        never = progress::show(load, length) => never,
        _ = signals.next() => load.stop().set(),
    }
    tokio::select! {
        report = &mut running => Ok(report),
        second = signals.next() => Err(second),
    }
}

fn up_to_100_000() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=100_000)
}

fn text_length() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=load::LONGEST as u64)
}
