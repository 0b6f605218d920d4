//! The message resource, made from a ledger line.

use std::time::Duration;

use serde::Serialize;

use crate::twin::clock;
use crate::twin::ledger::Line;
use crate::twin::segments;

/// What the answer to a send request tells, and the ledger does not keep: reading a message back
/// goes without.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) webhook_url: Option<String>,
    pub(super) webhook_failover_url: Option<String>,
    /// How long the message waits in its queues.
    pub(super) wait: Option<Duration>,
    /// An MMS was asked for, perhaps without media.
    pub(super) mms: bool,
    /// UCS-2 was asked for, whatever the text.
    pub(super) ucs2: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    data: Message<'a>,
}

/// Field names and types as in Telnyx's `OpenAPI` description.
#[derive(Serialize)]
struct Message<'a> {
    record_type: &'static str,
    direction: &'static str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    messaging_profile_id: Option<&'a str>,
    from: Party<'a>,
    to: [Recipient<'a>; 1],
    text: &'a str,
    media: Vec<Medium<'a>>,
    webhook_url: Option<&'a str>,
    webhook_failover_url: Option<&'a str>,
    encoding: &'static str,
    parts: u32,
    tags: [&'static str; 0],
    cost: Option<&'static str>,
    tcr_campaign_id: Option<&'static str>,
    received_at: String,
    sent_at: Option<String>,
    completed_at: Option<String>,
    valid_until: Option<String>,
    wait_seconds: Option<f64>,
    errors: [&'static str; 0],
}

#[derive(Serialize)]
struct Party<'a> {
    phone_number: Option<&'a str>,
    carrier: &'static str,
    line_type: &'static str,
}

#[derive(Serialize)]
struct Recipient<'a> {
    phone_number: &'a str,
    status: &'static str,
    carrier: &'static str,
    line_type: &'static str,
}

#[derive(Serialize)]
struct Medium<'a> {
    url: &'a str,
    content_type: Option<&'static str>,
    size: Option<u64>,
    sha256: Option<&'static str>,
}

/// JSON of an accepted message, in its first state.
pub(super) fn render(line: &Line, extras: &Extras) -> Vec<u8> {
    let mms = extras.mms || !line.media.is_empty();
    let gsm = !extras.ucs2 && segments::is_telnyx_gsm(&line.text);
    let medium = |url| Medium { url, content_type: None, size: None, sha256: None };
    let message = Message {
        record_type: "message",
        direction: "outbound",
        id: line.provider_message_id.as_deref().unwrap_or_default(),
        kind: if mms { "MMS" } else { "SMS" },
        messaging_profile_id: line.service.as_deref(),
        from: Party { phone_number: line.from.as_deref(), carrier: "", line_type: "" },
        to: [Recipient { phone_number: &line.to, status: "queued", carrier: "", line_type: "" }],
        text: &line.text,
        media: line.media.iter().map(|url| medium(url.as_str())).collect(),
        webhook_url: extras.webhook_url.as_deref(),
        webhook_failover_url: extras.webhook_failover_url.as_deref(),
        encoding: if gsm { "GSM-7" } else { "UCS-2" },
        parts: line.segments,
        tags: [],
        cost: None,
        tcr_campaign_id: None,
        received_at: clock::rfc_3339(line.at_us),
        sent_at: None,
        completed_at: None,
        valid_until: None,
        wait_seconds: extras.wait.filter(|wait| !wait.is_zero()).map(|wait| wait.as_secs_f64()),
        errors: [],
    };
    serde_json::to_vec(&Body { data: message }).unwrap_or_default()
}
