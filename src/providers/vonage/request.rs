//! Our message → Vonage's request, exact to the byte (PROVIDERS.md §3.2).

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Request};
use sendyard_actors::domain::message::Draft;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::ports::HandOver;
use serde::Serialize;
use url::Url;

use super::authorization::Authorization;
use super::client::Settings;
use super::media::MediaType;

/// Characters of a `client_ref` that are safe: the fields allow 100, an error text says 40.
const CLIENT_REF_LIMIT: usize = 40;

/// The form of the status reports that are asked for.
const WEBHOOK_VERSION: &str = "v1";

/// Where messages are created.
pub(super) fn messages_url(settings: &Settings) -> Url {
    let mut url = settings.base_url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        path.extend(["v1", "messages"]);
    }
    url
}

/// The request of one attempt.
pub(super) fn build(
    settings: &Settings,
    messages_url: &Url,
    http: &Client,
    authorization: &Authorization,
    hand_over: &HandOver,
) -> Result<Request, reqwest::Error> {
    // A body of strings can always be written.
    let body = serde_json::to_string(&Body::of(settings, hand_over)).unwrap_or_default();
    authorization
        .sign(http.post(messages_url.clone()))
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/json")
        .body(body)
        .build()
}

/// The body, in the order of these fields.
#[derive(Serialize)]
struct Body<'a> {
    channel: &'static str,
    message_type: &'static str,
    to: String,
    from: String,
    #[serde(flatten)]
    content: Content<'a>,
    client_ref: String,
    /// Without our token, as every report repeats `client_ref`.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_version: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    /// An SMS.
    Text { text: &'a str, sms: Sms },
    /// An MMS with one medium, under the word for its type.
    Single(BTreeMap<&'static str, Attachment<'a>>),
    /// An MMS with several.
    Several { content: Vec<Item<'a>> },
}

#[derive(Serialize)]
struct Sms {
    encoding_type: &'static str,
}

/// An MMS has no field for a text but these captions.
#[derive(Serialize)]
struct Attachment<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    attachment: Attachment<'a>,
}

impl<'a> Body<'a> {
    fn of(settings: &'a Settings, hand_over: &'a HandOver) -> Self {
        let draft = &hand_over.message.draft;
        let webhook_url = settings.status_callback.as_ref().map(Url::as_str);
        let (message_type, content) = content(draft);
        Self {
            channel: if draft.media.is_empty() { "sms" } else { "mms" },
            message_type,
            to: digits(draft.recipient),
            from: digits(draft.sender),
            content,
            client_ref: client_ref(hand_over),
            webhook_url,
            webhook_version: webhook_url.and(Some(WEBHOOK_VERSION)),
        }
    }
}

/// What is sent, and the word for it.
fn content(draft: &Draft) -> (&'static str, Content<'_>) {
    let text = draft.text.as_str();
    match draft.media.as_slice() {
        [] => ("text", Content::Text { text, sms: Sms { encoding_type: encoding_type(draft.encoding) } }),
        [url] => {
            let kind = MediaType::of(url).as_str();
            (kind, Content::Single(BTreeMap::from([(kind, attachment(url, text))])))
        }
        [first, others @ ..] => {
            let others = others.iter().map(|url| item(url, ""));
            let content = std::iter::once(item(first, text)).chain(others).collect();
            ("content", Content::Several { content })
        }
    }
}

fn item<'a>(url: &'a str, text: &'a str) -> Item<'a> {
    Item { kind: MediaType::of(url).as_str(), attachment: attachment(url, text) }
}

/// An empty caption is not allowed.
fn attachment<'a>(url: &'a str, text: &'a str) -> Attachment<'a> {
    Attachment { url, caption: Some(text).filter(|text| !text.is_empty()) }
}

/// Named rather than left to Vonage, so that it sends the segments that we count.
const fn encoding_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Gsm7 => "text",
        Encoding::Ucs2 => "unicode",
    }
}

/// Vonage takes no plus sign.
fn digits(number: E164) -> String {
    number.as_u64().to_string()
}

/// Our token where it fits: up to attempt 999. Else the message without its attempt, which finds it all
/// the same.
fn client_ref(hand_over: &HandOver) -> String {
    let token = hand_over.callback_token();
    if token.len() <= CLIENT_REF_LIMIT { token } else { hand_over.message.draft.id.to_string() }
}
