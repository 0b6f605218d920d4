//! Status callbacks as Telnyx makes them: an event in JSON, signed with the account's Ed25519 key.
//!
//! Source: Telnyx's guides on messaging webhooks and on webhook signatures. Up to three calls to
//! `webhook_url`, then up to three to `webhook_failover_url`.

use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::resource::{self, Extras};
use crate::twin::callbacks::{Call, CallbackKeys, Failure, Form, Habits, Letter, State};
use crate::twin::clock;
use crate::twin::ledger::Line;

const SIGNATURE: HeaderName = HeaderName::from_static("telnyx-signature-ed25519");
const TIMESTAMP: HeaderName = HeaderName::from_static("telnyx-timestamp");

const HABITS: Habits =
    Habits { tries: 3, patience: Duration::from_secs(2), longest_wait: Duration::from_mins(1) };

/// The only state that is not final.
const SENT: &str = "sent";

/// Source: Telnyx's page on messaging error codes.
const FAILURES: [Failure; 6] = [
    Failure { state: "delivery_failed", code: 40001, title: "Not routable" },
    Failure { state: "delivery_failed", code: 40002, title: "Blocked as spam - temporary" },
    Failure { state: "delivery_failed", code: 40004, title: "Rejected by destination" },
    Failure { state: "delivery_failed", code: 40008, title: "Undeliverable" },
    Failure { state: "sending_failed", code: 40006, title: "Recipient server unavailable" },
    Failure { state: "expired", code: 40005, title: "Message expired during transmission" },
];

/// What the callbacks of one message repeat.
#[derive(Debug)]
pub(super) struct TelnyxForm {
    /// The message as the answer to its request has it.
    message: Value,
}

impl TelnyxForm {
    /// Of an accepted message.
    pub(super) fn new(line: &Line, extras: &Extras) -> Self {
        let mut answer = serde_json::from_slice::<Value>(&resource::render(line, extras)).unwrap_or_default();
        Self { message: answer.get_mut("data").map(Value::take).unwrap_or_default() }
    }

    fn payload(&self, call: &Call) -> Value {
        let state = call.event.state;
        let at = clock::rfc_3339(call.event.at_us);
        let mut payload = self.message.clone();
        if let Some(status) = payload.pointer_mut("/to/0/status") {
            *status = json!(state.name);
        }
        if let Some(fields) = payload.as_object_mut() {
            fields.insert(if state.name == SENT { "sent_at" } else { "completed_at" }.to_owned(), json!(at));
            if let Some(failure) = state.failure {
                let error = json!({ "code": failure.code.to_string(), "title": failure.title, "detail": failure.title });
                fields.insert("errors".to_owned(), json!([error]));
            }
        }
        payload
    }

    fn body(&self, call: &Call) -> Value {
        let event_type = if call.event.state.name == SENT { "message.sent" } else { "message.finalized" };
        json!({
            "data": {
                "event_type": event_type,
                "id": call.event.id,
                "occurred_at": clock::rfc_3339(call.event.at_us),
                "payload": self.payload(call),
                "record_type": "event",
            },
            "meta": { "attempt": call.attempt, "delivered_to": call.url },
        })
    }
}

impl Form for TelnyxForm {
    fn reasons(&self) -> &'static [Failure] {
        &FAILURES
    }

    fn states(&self, failure: Option<&'static Failure>) -> Vec<State> {
        let last = failure.map_or(State::good("delivered"), State::bad);
        if last.name == "sending_failed" { vec![last] } else { vec![State::good(SENT), last] }
    }

    fn letter(&self, call: &Call, keys: &CallbackKeys) -> Letter {
        let body = self.body(call).to_string().into_bytes();
        let timestamp = (call.now_us / 1_000_000).to_string();
        let signature =
            keys.telnyx().map(|pair| STANDARD.encode(pair.sign(&signed_bytes(&timestamp, &body))));
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        for (name, value) in [(SIGNATURE, signature), (TIMESTAMP, Some(timestamp))] {
            headers
                .extend(value.and_then(|value| HeaderValue::try_from(value).ok()).map(|value| (name, value)));
        }
        Letter { headers, body }
    }

    fn habits(&self) -> &'static Habits {
        &HABITS
    }
}

fn signed_bytes(timestamp: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b"|", body].concat()
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;
    use crate::twin::tests::vectors;

    /// The vectors do not tell the private key, so what is compared is over which bytes they sign.
    #[test]
    fn what_is_signed_is_what_telnyxs_sdk_verifies() {
        let mut checked = 0;
        for vector in vectors()["telnyx"].as_array().unwrap() {
            let decode = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
            let key = UnparsedPublicKey::new(&ED25519, decode(&vector["public_key_base64"]));
            let timestamp = vector["headers"]["telnyx-timestamp"].as_str().unwrap();
            let body = vector["raw_body"].as_str().unwrap();
            let signature = decode(&vector["headers"]["telnyx-signature-ed25519"]);
            key.verify(&signed_bytes(timestamp, body.as_bytes()), &signature).unwrap();
            checked += 1;
        }
        assert!(checked >= 3);
    }
}
