//! The n-th request's body and key. Pure.

use bytes::Bytes;
use serde_json::json;

use super::kind::Kind;
use super::numbers::Numbers;

/// What a request is written from.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) kind: Kind,
    pub(super) body: Bytes,
    /// Its idempotency key.
    pub(super) key: Option<String>,
    /// The message that an earlier request under this key was told; only of a replay.
    pub(super) expected_id: Option<String>,
}

/// Writes them.
#[derive(Debug)]
pub(super) struct Letters {
    senders: Numbers,
    recipients: Numbers,
    text: String,
    /// Tells the keys of one run from those of another.
    run: String,
}

impl Letters {
    pub(super) const fn new(senders: Numbers, recipients: Numbers, text: String, run: String) -> Self {
        Self { senders, recipients, text, run }
    }

    /// Senders take turns; a sender's recipients take turns too, so that conversations are many.
    pub(super) fn fresh(&self, n: u64, kind: Kind) -> Letter {
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        let from = self.senders.nth(n);
        let to = self.recipients.nth(n / self.senders.count());
        let key = (kind == Kind::Keyed).then(|| format!("load-{}-{n}", self.run));
        let body = body(from, to, &self.text, kind != Kind::Immediate);
        Letter { kind, body, key, expected_id: None }
    }
}

/// The body of a request to send.
fn body(from: &str, to: &str, text: &str, queue: bool) -> Bytes {
    let fields = json!({
        "from_phone_number": from,
        "to_phone_number": to,
        "message": text,
        "queue": queue,
    });
    fields.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Letters {
        let senders = Numbers::senders("2").unwrap();
        let recipients = Numbers::recipients("2").unwrap();
        Letters::new(senders, recipients, "hello".to_owned(), "run".to_owned())
    }

    #[test]
    fn conversations_take_turns() {
        let pairs: Vec<(String, String)> = (0..5)
            .map(|n| {
                let letter = letters().fresh(n, Kind::Queued);
                let body: serde_json::Value = serde_json::from_slice(&letter.body).unwrap();
                let last = |field: &str| body[field].as_str().unwrap().chars().last().unwrap().to_string();
                (last("from_phone_number"), last("to_phone_number"))
            })
            .collect();
        let expected = [("0", "0"), ("1", "0"), ("0", "1"), ("1", "1"), ("0", "0")];
        assert_eq!(pairs, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
    }

    #[test]
    fn only_a_keyed_request_has_a_key_and_only_an_immediate_one_does_not_queue() {
        let table = [
            (Kind::Queued, None, true),
            (Kind::Keyed, Some("load-run-7"), true),
            (Kind::Immediate, None, false),
        ];
        for (kind, key, queue) in table {
            let letter = letters().fresh(7, kind);
            let body: serde_json::Value = serde_json::from_slice(&letter.body).unwrap();
            assert_eq!((letter.key.as_deref(), &body["queue"]), (key, &json!(queue)), "{kind:?}");
            assert_eq!(body["message"], "hello");
        }
    }
}
