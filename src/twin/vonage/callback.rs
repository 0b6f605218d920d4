//! Status callbacks as Vonage's Messages API makes them: JSON, with a JWT of the account's signature
//! secret, HS256.
//!
//! Source: Vonage's `OpenAPI` description of the Messages API and its guide on signed webhooks. What is
//! not answered well is repeated for a day; the waits double up to an hour.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::credentials::Asker;
use crate::twin::callbacks::{Call, CallbackKeys, Failure, Form, Habits, Letter, State};
use crate::twin::clock;
use crate::twin::ledger::Line;

/// From a second up, waits doubling to an hour fill a day with this many calls.
const HABITS: Habits =
    Habits { tries: 35, patience: Duration::from_secs(15), longest_wait: Duration::from_hours(1) };

/// Source: Vonage's error catalogue.
const FAILURES: [Failure; 7] = [
    Failure { state: "undeliverable", code: 1180, title: "Absent subscriber - temporary" },
    Failure { state: "undeliverable", code: 1190, title: "Absent subscriber - permanent" },
    Failure { state: "undeliverable", code: 1250, title: "Unroutable" },
    Failure { state: "undeliverable", code: 1260, title: "Destination unreachable" },
    Failure { state: "rejected", code: 1210, title: "Anti-spam rejection" },
    Failure { state: "rejected", code: 1220, title: "Subscriber busy" },
    Failure { state: "rejected", code: 1241, title: "Too many requests" },
];
/// Vonage takes a message to whoever said STOP, and tells only afterwards.
const OPTED_OUT: Failure = Failure { state: "rejected", code: 1240, title: "Illegal number: opted out" };

/// What the callbacks of one message repeat.
#[derive(Debug)]
pub(super) struct VonageForm {
    id: String,
    from: String,
    to: String,
    channel: &'static str,
    client_ref: Option<String>,
    segments: u32,
    asker: Asker,
}

impl VonageForm {
    /// Of an accepted message.
    pub(super) fn new(line: &Line, mms: bool, asker: Asker) -> Self {
        let without_plus = |number: &str| number.strip_prefix('+').unwrap_or(number).to_owned();
        Self {
            id: line.provider_message_id.clone().unwrap_or_default(),
            from: without_plus(line.from.as_deref().unwrap_or_default()),
            to: without_plus(&line.to),
            channel: if mms { "mms" } else { "sms" },
            client_ref: line.token.clone(),
            segments: line.segments,
            asker,
        }
    }

    fn body(&self, call: &Call) -> Value {
        let state = call.event.state;
        let mut body = json!({
            "message_uuid": self.id,
            "to": self.to,
            "from": self.from,
            "timestamp": clock::timestamp(call.event.at_us).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "status": state.name,
            "channel": self.channel,
        });
        let Some(fields) = body.as_object_mut() else { return body };
        fields.extend(self.client_ref.as_ref().map(|text| ("client_ref".to_owned(), json!(text))));
        if let Some(failure) = state.failure {
            // The number stands in the title too, other than in the answers to requests.
            let error = json!({
                "type": format!("https://developer.vonage.com/api-errors/messages#{}", failure.code),
                "title": failure.code.to_string(),
                "detail": failure.title,
                "instance": self.id,
            });
            fields.insert("error".to_owned(), error);
        } else {
            fields.insert("usage".to_owned(), json!({ "currency": "EUR", "price": "0.0333" }));
            fields.insert("destination".to_owned(), json!({ "network_code": "12345" }));
        }
        if self.channel == "sms" {
            fields.insert("sms".to_owned(), json!({ "count_total": self.segments.to_string() }));
        }
        body
    }
}

impl Form for VonageForm {
    fn reasons(&self) -> &'static [Failure] {
        &FAILURES
    }

    fn opted_out(&self) -> Option<&'static Failure> {
        Some(&OPTED_OUT)
    }

    fn states(&self, failure: Option<&'static Failure>) -> Vec<State> {
        let last = failure.map_or(State::good("delivered"), State::bad);
        if last.name == "rejected" { vec![last] } else { vec![State::good("submitted"), last] }
    }

    fn letter(&self, call: &Call, keys: &CallbackKeys) -> Letter {
        let body = self.body(call).to_string().into_bytes();
        let (api_key, application_id) = match &self.asker {
            Asker::Key(key) => (key.as_str(), None),
            Asker::Application(id) => (keys.vonage_api_key.as_str(), Some(id.as_str())),
        };
        let claims = Claims {
            iat: call.now_us / 1_000_000,
            jti: Uuid::new_v4().to_string(),
            iss: "Vonage",
            payload_hash: hex::encode(Sha256::digest(&body)),
            api_key,
            application_id,
        };
        let token = sign(keys.vonage_signature_secret.expose_secret(), &claims);
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        headers.extend(
            HeaderValue::try_from(format!("Bearer {token}")).ok().map(|value| (AUTHORIZATION, value)),
        );
        Letter { headers, body }
    }

    fn habits(&self) -> &'static Habits {
        &HABITS
    }
}

#[derive(Debug, Serialize)]
struct Claims<'a> {
    /// Seconds.
    iat: u64,
    jti: String,
    iss: &'static str,
    /// Of the raw body: SHA-256, hexadecimal.
    payload_hash: String,
    api_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<&'a str>,
}

/// A JWT, HS256.
fn sign(secret: &str, claims: &Claims) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap_or_default());
    let signed = format!("{header}.{claims}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::tests::vectors;

    #[test]
    fn tokens_are_those_that_vonages_sdk_verifies() {
        let mut checked = 0;
        for vector in vectors()["vonage_jwt"].as_array().unwrap() {
            let header = vector["headers"]["Authorization"].as_str().unwrap();
            let expected = header.strip_prefix("Bearer ").unwrap();
            let told = URL_SAFE_NO_PAD.decode(expected.split('.').nth(1).unwrap()).unwrap();
            let told: Value = serde_json::from_slice(&told).unwrap();
            let claims = Claims {
                iat: told["iat"].as_u64().unwrap(),
                jti: told["jti"].as_str().unwrap().to_owned(),
                iss: "Vonage",
                payload_hash: hex::encode(Sha256::digest(vector["raw_body"].as_str().unwrap())),
                api_key: told["api_key"].as_str().unwrap(),
                application_id: told["application_id"].as_str(),
            };
            let token = sign(vector["signature_secret"].as_str().unwrap(), &claims);
            assert_eq!(token, expected, "{}", vector["id"]);
            checked += 1;
        }
        assert_eq!(checked, 2);
    }
}
