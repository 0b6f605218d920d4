//! The message resource, made from a ledger line.

use serde::Serialize;

use crate::twin::clock;
use crate::twin::ledger::Line;

/// Field names and types as in Twilio's `OpenAPI` description: counts are strings, dates RFC 2822.
#[derive(Serialize)]
struct Resource<'a> {
    account_sid: &'a str,
    api_version: &'static str,
    body: &'a str,
    date_created: &'a str,
    date_sent: Option<&'static str>,
    date_updated: &'a str,
    direction: &'static str,
    error_code: Option<u32>,
    error_message: Option<&'static str>,
    from: Option<&'a str>,
    messaging_service_sid: Option<&'a str>,
    num_media: String,
    num_segments: String,
    price: Option<&'static str>,
    price_unit: &'static str,
    sid: &'a str,
    status: &'static str,
    subresource_uris: Subresources,
    to: &'a str,
    uri: String,
}

#[derive(Serialize)]
struct Subresources {
    media: String,
}

/// JSON of an accepted message, in its first state.
pub(super) fn render(line: &Line) -> Vec<u8> {
    let sid = line.provider_message_id.as_deref().unwrap_or_default();
    let created = rfc_2822(line.at_us);
    let below = format!("/2010-04-01/Accounts/{}/Messages/{sid}", line.account);
    // A Messaging Service picks the sender later, and only then counts.
    let picked = line.service.is_none();
    let resource = Resource {
        account_sid: &line.account,
        api_version: "2010-04-01",
        body: &line.text,
        date_created: &created,
        date_sent: None,
        date_updated: &created,
        direction: "outbound-api",
        error_code: None,
        error_message: None,
        from: line.from.as_deref(),
        messaging_service_sid: line.service.as_deref(),
        num_media: line.media.len().to_string(),
        num_segments: if picked { line.segments.to_string() } else { "0".to_owned() },
        price: None,
        price_unit: "USD",
        sid,
        status: if picked { "queued" } else { "accepted" },
        subresource_uris: Subresources { media: format!("{below}/Media.json") },
        to: &line.to,
        uri: format!("{below}.json"),
    };
    let mut json = Vec::with_capacity(1024 + line.text.len());
    if serde_json::to_writer(&mut json, &resource).is_err() {
        json.clear();
    }
    json
}

fn rfc_2822(at_us: u64) -> String {
    clock::timestamp(at_us).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
