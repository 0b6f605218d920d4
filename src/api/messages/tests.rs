use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::RETRY_AFTER;
use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::{NotSent, QueuedAt};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::request_id::RequestId;
use super::*;

const FROM: &str = "+1234567890";

fn id() -> MessageId {
    MessageId::new(Uuid::now_v7(), Shard::of(FROM.parse().unwrap()))
}

fn sent(queued: Option<QueuedAt>) -> Sent {
    let (segments, encoding) = (1, Encoding::Gsm7);
    Sent { id: id(), provider: ProviderKind::Telnyx, segments, encoding, queued, replayed: false }
}

#[test]
fn a_queued_message_has_its_documented_body() {
    let estimate = Time::from_millis(1_795_463_573_123);
    let sent = sent(Some(QueuedAt { position: 3, estimate, is_expectation: false }));
    let expected = json!({
        "success": true, "message_id": sent.id.to_string(),
        "message": "SMS queued successfully via telnyx", "provider": "telnyx", "status": "queued",
        "queued": true, "queue_position": 3, "estimated_send_time": "2026-11-23T19:52:53.123000Z",
        "segments": 1, "encoding": "GSM-7",
    });
    assert_eq!(serde_json::to_value(SendAnswer::of(&sent)).unwrap(), expected);
}

#[test]
fn an_expectation_is_said_to_be_one() {
    let queued = QueuedAt { position: 1, estimate: Time::from_millis(7), is_expectation: true };
    let answer = serde_json::to_value(SendAnswer::of(&sent(Some(queued)))).unwrap();
    assert_eq!(answer["estimate_is_expectation"], true);
}

#[test]
fn an_immediate_message_has_its_documented_body() {
    let sent = sent(None);
    let expected = json!({
        "success": true, "message_id": sent.id.to_string(),
        "message": "SMS sent successfully via telnyx", "provider": "telnyx", "status": "sent",
        "queued": false, "queue_position": null, "estimated_send_time": null,
        "segments": 1, "encoding": "GSM-7",
    });
    assert_eq!(serde_json::to_value(SendAnswer::of(&sent)).unwrap(), expected);
}

#[test]
fn only_a_replay_says_that_it_is_one() {
    let first = sent(None);
    let replay = Sent { replayed: true, ..first.clone() };
    assert!(answer(&first).headers().get("idempotent-replayed").is_none());
    assert_eq!(answer(&replay).headers()["idempotent-replayed"], "true");
}

/// Status, `Retry-After`, and the body without the request's id.
fn told(not_sent: NotSent, keyed: bool) -> (u16, Option<String>, Value) {
    let error = refusal::answer(not_sent, FROM.parse().unwrap(), keyed);
    let response = error.clone().into_response();
    let wait = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let mut body = serde_json::to_value(error.body(&RequestId::of(&HeaderMap::new()))).unwrap();
    body.as_object_mut().unwrap().remove("request_id");
    (response.status().as_u16(), wait, body)
}

#[test]
fn each_refusal_of_the_engine_has_its_answer() {
    let id = id();
    let provider = ProviderKind::Twilio;
    let refused = |provider_code: Option<&str>, retryable| NotSent::Refused {
        id,
        provider,
        provider_code: provider_code.map(str::to_owned),
        retryable,
    };
    let wait = Duration::from_millis(2_500);
    let cases = [
        (NotSent::NoAssistant, 404, "no_assistant", None, false),
        (NotSent::OtherOrganization, 403, "other_organization", None, false),
        (NotSent::TooLong("vonage takes 1000".to_owned()), 400, "message_too_long", None, false),
        (NotSent::OtherRequest, 422, "idempotency_mismatch", None, false),
        (NotSent::InProgress(id), 409, "idempotency_in_progress", Some("1"), true),
        (NotSent::QueueFull(wait), 429, "queue_full", Some("3"), true),
        (NotSent::OrganizationFull(wait), 429, "queue_full", Some("3"), true),
        (NotSent::Busy(Duration::ZERO), 503, "busy", Some("1"), true),
        (NotSent::ProviderOut(provider), 500, "send_failed", None, true),
        (NotSent::StoreUnavailable, 503, "store_unavailable", Some("5"), true),
        (NotSent::OutcomeUnknown(id), 503, "outcome_unknown", Some("5"), true),
        (refused(None, true), 500, "send_failed", None, true),
        (refused(Some("21211"), false), 500, "send_failed", None, false),
        (NotSent::Unknown { id, provider }, 504, "outcome_unknown", None, false),
        (NotSent::Stopping, 503, "stopping", Some("5"), true),
    ];
    for (not_sent, status, code, wait, retryable) in cases {
        let case = format!("{not_sent:?}");
        let told = told(not_sent, true);
        assert_eq!((told.0, told.1.as_deref()), (status, wait), "{case}");
        assert_eq!((&told.2["code"], &told.2["retryable"]), (&json!(code), &json!(retryable)), "{case}");
    }
}

#[test]
fn documented_sentences_and_fields_are_as_documented() {
    let id = id();
    let provider = ProviderKind::Twilio;
    let detail = |not_sent| told(not_sent, false).2["detail"].clone();
    assert_eq!(detail(NotSent::NoAssistant), "No assistant found for phone number +1234567890");
    assert_eq!(
        detail(NotSent::OtherOrganization),
        "Unauthorized: phone number belongs to different organization"
    );
    assert_eq!(detail(NotSent::TooLong("the very sentence".to_owned())), "the very sentence");

    let refused = NotSent::Refused { id, provider, provider_code: None, retryable: false };
    let expected = json!({
        "detail": "Failed to send SMS via twilio", "code": "send_failed", "retryable": false,
        "provider_code": null, "message_id": id.to_string(),
    });
    assert_eq!(told(refused, false).2, expected);

    for not_sent in [NotSent::InProgress(id), NotSent::OutcomeUnknown(id), NotSent::Unknown { id, provider }]
    {
        assert_eq!(told(not_sent, false).2["message_id"], id.to_string());
    }
}

#[test]
fn without_a_key_an_unknown_outcome_is_not_to_be_repeated() {
    assert_eq!(told(NotSent::OutcomeUnknown(id()), false).2["retryable"], false);
    assert_eq!(told(NotSent::OutcomeUnknown(id()), true).2["retryable"], true);
}
