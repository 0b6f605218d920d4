//! Our message → Twilio's request, exact to the field (PROVIDERS.md §1.1).

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Request};
use secrecy::ExposeSecret;
use sendyard_actors::ports::HandOver;
use url::{Url, form_urlencoded};

use super::client::Settings;

/// The query parameter of the status callback that holds our token. `webhooks` reads it back.
const TOKEN_PARAMETER: &str = "a";

/// About what a form takes up besides its text.
const FORM_BYTES: usize = 256;

/// Where an account's messages are created. The path keeps the account also where a key signs in.
fn messages_url(settings: &Settings) -> Url {
    let mut url = settings.base_url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        path.extend(["2010-04-01", "Accounts", &settings.account_sid, "Messages.json"]);
    }
    url
}

/// What is the same in every request of an account; its body is each attempt's own.
pub(super) fn template(settings: &Settings, http: &Client) -> Result<Request, reqwest::Error> {
    http.post(messages_url(settings))
        .basic_auth(&settings.user, Some(settings.secret.expose_secret()))
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .build()
}

/// The body of one attempt's request.
pub(super) fn form(settings: &Settings, hand_over: &HandOver) -> String {
    let draft = &hand_over.message.draft;
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(FORM_BYTES + draft.text.len()));
    form.append_pair("To", &draft.recipient.to_string());
    form.append_pair("From", &draft.sender.to_string());
    if let Some(service) = &settings.messaging_service_sid {
        form.append_pair("MessagingServiceSid", service);
    }
    form.append_pair("Body", &draft.text);
    for url in &draft.media {
        form.append_pair("MediaUrl", url);
    }
    if let Some(callback) = &settings.status_callback {
        let mut with_token = callback.clone();
        with_token.query_pairs_mut().append_pair(TOKEN_PARAMETER, &hand_over.callback_token());
        form.append_pair("StatusCallback", with_token.as_str());
    }
    form.finish()
}
