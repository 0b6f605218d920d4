//! Our message → Telnyx's request, exact to the byte (PROVIDERS.md §2.1).

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Request};
use secrecy::ExposeSecret;
use sendyard_actors::domain::message::Draft;
use sendyard_actors::ports::HandOver;
use serde::Serialize;
use url::Url;

use super::client::Settings;
use crate::providers::exchange::with_body;

/// Names the message to Telnyx: for 24 hours after a success, the same request under the same key is
/// answered as the first time and not worked on.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The query parameter of the status callback that holds our token. `webhooks` reads it back.
const TOKEN_PARAMETER: &str = "a";

/// Where messages are created.
pub(super) fn messages_url(settings: &Settings) -> Url {
    let mut url = settings.base_url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        path.extend(["v2", "messages"]);
    }
    url
}

/// What is the same in every request of an account.
pub(super) fn template(settings: &Settings, http: &Client) -> Result<Request, reqwest::Error> {
    http.post(messages_url(settings))
        .bearer_auth(settings.api_key.expose_secret())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/json")
        .build()
}

/// The request of one attempt: key and body are the same in every attempt of a message.
pub(super) fn build(settings: &Settings, template: &Request, hand_over: &HandOver) -> Request {
    let draft = &hand_over.message.draft;
    // A record of before bodies were frozen has none. A body of strings can always be written.
    let body = draft.frozen.clone().or_else(|| body(settings, draft)).unwrap_or_default();
    let mut request = with_body(template, body);
    // An id is digits, letters and hyphens, which every header can have.
    if let Ok(key) = HeaderValue::try_from(draft.id.to_string()) {
        request.headers_mut().insert(IDEMPOTENCY_KEY, key);
    }
    request
}

/// The body, in the order of these fields.
///
/// Left out on purpose: `encoding`, because Telnyx's own choice (`auto`) is the one that cannot be
/// wrong. To pin `gsm7` would refuse a text where its alphabet and our count of it differ, and `ucs2`
/// would undo a profile's smart encoding; a count that differs only costs pace. `use_profile_webhooks`,
/// because the URL of a message goes before its profile's anyway.
#[derive(Serialize)]
struct Body<'a> {
    from: String,
    to: String,
    text: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    media_urls: &'a [String],
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_profile_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
}

/// What is frozen with the message.
pub(super) fn body(settings: &Settings, draft: &Draft) -> Option<String> {
    let body = Body {
        from: draft.sender.to_string(),
        to: draft.recipient.to_string(),
        text: &draft.text,
        media_urls: &draft.media,
        kind: if draft.media.is_empty() { "SMS" } else { "MMS" },
        messaging_profile_id: settings.messaging_profile_id.as_deref(),
        webhook_url: settings.status_callback.as_ref().map(|callback| with_token(callback, draft)),
    };
    serde_json::to_string(&body).ok()
}

/// The token is the message without its attempt: a repeat must be the same to the byte.
fn with_token(callback: &Url, draft: &Draft) -> String {
    let mut with_token = callback.clone();
    with_token.query_pairs_mut().append_pair(TOKEN_PARAMETER, &draft.id.to_string());
    with_token.into()
}
