//! For tests: a message, a way out, and the outcomes to compare with.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{
    AccountName, AssistantId, MessageId, OrganizationId, ProviderKind, Shard,
};
use sendyard_actors::domain::message::{Answer, Draft, Kind, Lane, Message};
use sendyard_actors::domain::outcome::{Class, Outcome, Refusal, Slows};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{HandOver, Provider};
use url::Url;
use uuid::Uuid;

use super::http_client;
use super::scripted::{Reply, Scripted, answer};

/// Longer than any test: what ends, ends for another reason.
pub(super) const PATIENT: Duration = Duration::from_secs(10);

/// For tests whose subject is that it runs out.
pub(super) const IMPATIENT: Duration = Duration::from_millis(60);

/// A provider as the tests that are the same for all of them need it.
pub(super) struct WayOut {
    pub(super) kind: ProviderKind,
    /// Its way out, with [`WayOut::secret`] to sign in, at this address.
    pub(super) at: fn(Url, Client) -> Arc<dyn Provider>,
    /// Status and body of its yes.
    pub(super) yes: (&'static str, &'static str),
    /// What becomes of an attempt that is answered [`WayOut::yes`].
    pub(super) accepted: fn() -> Outcome,
    /// The body of a no that says this.
    pub(super) no: fn(&str) -> String,
    pub(super) secret: &'static str,
}

impl WayOut {
    pub(super) fn start(&self, base_url: Url) -> Arc<dyn Provider> {
        (self.at)(base_url, http_client(4).unwrap())
    }

    /// Its yes as bytes, with more headers.
    pub(super) fn yes_with(&self, headers: &str) -> Vec<u8> {
        let (status, body) = self.yes;
        answer(status, headers, body)
    }

    /// What becomes of an attempt that the provider replies to like this.
    pub(super) async fn outcome_of(&self, reply: Reply, patience: Duration) -> Outcome {
        let provider = Scripted::start(vec![reply]).await;
        self.start(provider.url()).send(self.hand_over("hi"), patience).await
    }

    pub(super) async fn outcome_of_answer(&self, status: &str, headers: &str, body: &str) -> Outcome {
        self.outcome_of(Reply::Close(answer(status, headers, body)), PATIENT).await
    }

    /// What becomes of attempts that are answered like this, one after the other on one connection.
    pub(super) async fn outcomes_of_answers(&self, answers: Vec<Vec<u8>>) -> Vec<Outcome> {
        let count = answers.len();
        let mut provider = Scripted::start(answers.into_iter().map(Reply::Keep).collect()).await;
        let way_out = self.start(provider.url());
        let mut outcomes = Vec::new();
        for _ in 0..count {
            outcomes.push(way_out.send(self.hand_over("hi"), PATIENT).await);
            provider.request().await;
        }
        outcomes
    }

    pub(super) fn hand_over(&self, text: &str) -> HandOver {
        hand_over(self.kind, text, &[])
    }
}

/// The third attempt of a message.
pub(super) fn hand_over(provider: ProviderKind, text: &str, media: &[&str]) -> HandOver {
    let answer = Answer { position: 1, estimate: Time::ZERO };
    let message = Box::new(Message::queued(draft(provider, text, media), 1, answer, Time::ZERO));
    HandOver { message, attempt: 3, deadline: Time::MAX }
}

pub(super) fn draft(provider: ProviderKind, text: &str, media: &[&str]) -> Draft {
    let sender: E164 = "+15550001111".parse().unwrap();
    let recipient: E164 = "+15552223333".parse().unwrap();
    let media: Vec<String> = media.iter().map(|url| (*url).to_owned()).collect();
    Draft {
        id: MessageId::new(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000), Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Normal,
        kind: Kind::Queued,
        organization: OrganizationId(1),
        assistant: AssistantId(1),
        account: AccountName::from("acme"),
        provider,
        text: text.to_owned(),
        media: media.clone(),
        segments: 1,
        encoding: Encoding::Gsm7,
        fingerprint: Fingerprint::of(sender, recipient, text, &media, true),
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: None,
        metadata: None,
    }
}

pub(super) fn refused(class: Class, code: Option<&str>, detail: &str, seconds: Option<u64>) -> Outcome {
    let code = code.map(str::to_owned);
    let retry_after = seconds.map(Duration::from_secs);
    Outcome::Refused(Refusal { class, code, detail: detail.to_owned(), retry_after, slows: None })
}

/// The same refusal, for the pace of whose this is.
pub(super) fn slowing(outcome: Outcome, slows: Slows) -> Outcome {
    match outcome {
        Outcome::Refused(refusal) => Outcome::Refused(Refusal { slows: Some(slows), ..refusal }),
        other => other,
    }
}

/// A refusal of which nothing but its status could be read.
pub(super) fn bare(status: u16, class: Class) -> Outcome {
    refused(class, None, &format!("http status {status} without a message"), None)
}

/// Method, path, headers in lower case and sorted, body.
pub(super) fn dissect(request: &str) -> (String, Vec<String>, String) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let mut headers: Vec<String> = headers
        .lines()
        .map(|header| header.split_once(": ").unwrap())
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        .collect();
    headers.sort();
    (line.to_owned(), headers, body.to_owned())
}
