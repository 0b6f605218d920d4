//! Status callbacks as Twilio makes them: a form, signed with the account's token.
//!
//! Source: Twilio's guides on status callbacks and on validating requests. Twilio tells nothing of the
//! state that the answer to the request named, and repeats nothing unless the address asks for it in
//! its fragment, which this face ignores.

use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use crate::twin::callbacks::{Call, CallbackKeys, Failure, Form, Habits, Letter, State};
use crate::twin::clock;
use crate::twin::ledger::Line;

const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
/// The same for all calls about one event.
const EVENT: HeaderName = HeaderName::from_static("i-twilio-idempotency-token");

const HABITS: Habits = Habits { tries: 1, patience: Duration::from_secs(15), longest_wait: Duration::ZERO };

/// Source: Twilio's error catalogue.
const FAILURES: [Failure; 7] = [
    Failure { state: "undelivered", code: 30003, title: "Unreachable destination handset" },
    Failure { state: "undelivered", code: 30004, title: "Message blocked" },
    Failure { state: "undelivered", code: 30005, title: "Unknown destination handset" },
    Failure { state: "undelivered", code: 30006, title: "Landline or unreachable carrier" },
    Failure { state: "undelivered", code: 30007, title: "Carrier violation" },
    Failure { state: "undelivered", code: 30008, title: "Unknown error" },
    Failure { state: "failed", code: 30001, title: "Queue overflow" },
];

/// What the callbacks of one message repeat.
#[derive(Debug)]
pub(super) struct TwilioForm {
    account: String,
    sid: String,
    from: Option<String>,
    to: String,
    service: Option<String>,
    /// None: the request came with an API key, which is no such token.
    auth_token: Option<SecretString>,
}

impl TwilioForm {
    /// Of an accepted message.
    pub(super) fn new(line: &Line, auth_token: Option<SecretString>) -> Self {
        Self {
            account: line.account.clone(),
            sid: line.provider_message_id.clone().unwrap_or_default(),
            from: line.from.clone(),
            to: line.to.clone(),
            service: line.service.clone(),
            auth_token,
        }
    }

    fn fields(&self, call: &Call) -> Vec<(&'static str, String)> {
        let state = call.event.state;
        let mut fields = vec![
            ("ApiVersion", "2010-04-01".to_owned()),
            ("AccountSid", self.account.clone()),
            ("MessageSid", self.sid.clone()),
            ("MessageStatus", state.name.to_owned()),
            ("SmsSid", self.sid.clone()),
            ("SmsStatus", state.name.to_owned()),
            ("To", self.to.clone()),
        ];
        fields.extend(self.from.clone().map(|from| ("From", from)));
        fields.extend(self.service.clone().map(|service| ("MessagingServiceSid", service)));
        if let Some(failure) = state.failure {
            fields.push(("ErrorCode", failure.code.to_string()));
            fields.push(("ErrorMessage", failure.title.to_owned()));
        }
        if matches!(state.name, "delivered" | "undelivered") {
            let done = clock::timestamp(call.event.at_us).strftime("%y%m%d%H%M").to_string();
            fields.push(("RawDlrDoneDate", done));
        }
        fields
    }
}

impl Form for TwilioForm {
    fn reasons(&self) -> &'static [Failure] {
        &FAILURES
    }

    fn states(&self, failure: Option<&'static Failure>) -> Vec<State> {
        let mut states = Vec::new();
        if self.service.is_some() {
            states.push(State::good("queued"));
        }
        states.push(State::good("sending"));
        if failure.is_none_or(|failure| failure.state == "undelivered") {
            states.push(State::good("sent"));
        }
        states.push(failure.map_or(State::good("delivered"), State::bad));
        states
    }

    fn letter(&self, call: &Call, keys: &CallbackKeys) -> Letter {
        let fields = self.fields(call);
        let token = self.auth_token.as_ref().unwrap_or(&keys.twilio_auth_token);
        let signature = sign(token.expose_secret(), call.url, &fields);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let mut headers = vec![(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8"),
        )];
        for (name, value) in [(SIGNATURE, signature), (EVENT, call.event.id.to_string())] {
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
        Letter { headers, body: body.into_bytes() }
    }

    fn habits(&self) -> &'static Habits {
        &HABITS
    }
}

/// Base64 of the HMAC-SHA1 over the address and the fields, sorted by name and value, each pair once.
fn sign<N: AsRef<str> + Ord, V: AsRef<str> + Ord>(token: &str, url: &str, fields: &[(N, V)]) -> String {
    let mut sorted: Vec<&(N, V)> = fields.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut signed = url.to_owned();
    for (name, value) in sorted {
        signed.push_str(name.as_ref());
        signed.push_str(value.as_ref());
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twin::tests::vectors;

    #[test]
    fn signatures_are_those_of_twilios_own_example_and_of_its_sdk() {
        let mut checked = 0;
        for vector in vectors()["twilio"].as_array().unwrap() {
            let fields: Vec<(String, String)> = serde_json::from_value(vector["params"].clone()).unwrap();
            let signature = sign(vector["key"].as_str().unwrap(), vector["url"].as_str().unwrap(), &fields);
            assert_eq!(signature, vector["headers"]["X-Twilio-Signature"], "{}", vector["id"]);
            checked += 1;
        }
        assert!(checked >= 5);
    }
}
