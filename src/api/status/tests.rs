use std::time::Duration;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{AccountName, AssistantId, ClaimId, Incarnation, OrganizationId, Shard};
use sendyard_actors::domain::message::{Answer, ClaimTimes, Draft, Kind, Lane, Settlement, UnknownPolicy};
use sendyard_actors::domain::outcome::{Acceptance, Doubt, Next, Refusal};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const START: Time = Time::from_millis(1_795_463_573_000);

fn queued() -> Message {
    let sender: E164 = "+1234567890".parse().unwrap();
    let recipient: E164 = "+1555123456".parse().unwrap();
    let draft = Draft {
        id: MessageId::new(Uuid::now_v7(), Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Normal,
        kind: Kind::Queued,
        organization: OrganizationId(1),
        assistant: AssistantId(1),
        account: AccountName::from("acme"),
        provider: ProviderKind::Telnyx,
        text: "hi".to_owned(),
        media: Vec::new(),
        segments: 2,
        encoding: Encoding::Gsm7,
        fingerprint: Fingerprint::of(sender, recipient, "hi", &[], true),
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: None,
        metadata: None,
    };
    Message::queued(draft, 1, Answer { position: 1, estimate: START }, START)
}

fn claim(message: &mut Message) {
    let claim_id = ClaimId { incarnation: Incarnation(1), counter: u64::from(message.attempt) };
    let times = ClaimTimes { now: Time::MAX, begin_by: Time::MAX, deadline: Time::MAX };
    message.claim(message.attempt, claim_id, times).unwrap();
}

fn settle(message: &mut Message, settlement: Settlement) {
    let written = START + Duration::from_millis(250);
    message.settle(message.attempt, settlement, Some(written), START + Duration::from_secs(1)).unwrap();
}

fn doubt(message: &mut Message) {
    let now = START + Duration::from_secs(1);
    message.mark_unknown(message.attempt, Doubt::NoAnswer, now, now, now).unwrap();
}

fn refused(class: Class, code: Option<&str>, next: Next) -> Settlement {
    let refusal = Refusal {
        class,
        code: code.map(str::to_owned),
        detail: "no such number".to_owned(),
        retry_after: None,
        slows: None,
    };
    Settlement::Refused { refusal, next }
}

fn accepted() -> Settlement {
    Settlement::Accepted(Acceptance {
        provider_id: "abc".to_owned(),
        provider_status: "accepted".to_owned(),
        segments: Some(3),
    })
}

fn body(message: &Message) -> Value {
    serde_json::to_value(StatusAnswer::of(message)).unwrap()
}

#[test]
fn a_queued_message_has_every_field() {
    let message = queued();
    let expected = json!({
        "success": true, "message_id": message.draft.id.to_string(), "status": "queued",
        "provider": "telnyx", "provider_message_id": null, "provider_status": null,
        "error": null, "error_code": null, "error_message": null, "retryable": null, "segments": 2, "attempts": 0,
        "queued_at": "2026-11-23T19:52:53.000000Z", "sent_at": null, "delivered_at": null,
        "updated_at": "2026-11-23T19:52:53.000000Z",
    });
    assert_eq!(body(&message), expected);
}

#[test]
fn a_sent_message_shows_what_the_provider_said() {
    let mut message = queued();
    claim(&mut message);
    settle(&mut message, accepted());
    let expected = json!({
        "success": true, "message_id": message.draft.id.to_string(), "status": "sent",
        "provider": "telnyx", "provider_message_id": "abc", "provider_status": "accepted",
        "error": null, "error_code": null, "error_message": null, "retryable": null, "segments": 3, "attempts": 1,
        "queued_at": "2026-11-23T19:52:53.000000Z", "sent_at": "2026-11-23T19:52:53.250000Z",
        "delivered_at": null, "updated_at": "2026-11-23T19:52:54.000000Z",
    });
    assert_eq!(body(&message), expected);
}

#[test]
fn only_a_failed_message_shows_its_refusal() {
    let mut message = queued();
    claim(&mut message);
    settle(&mut message, refused(Class::Retry, Some("429"), Next::Retry { due: START }));
    let waiting = body(&message);
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(1)));
    for field in ["error", "error_code", "error_message"] {
        assert_eq!(waiting[field], Value::Null, "{field}");
    }

    claim(&mut message);
    settle(&mut message, refused(Class::Recipient, Some("21211"), Next::GiveUp));
    let failed = body(&message);
    assert_eq!((&failed["status"], &failed["attempts"]), (&json!("failed"), &json!(2)));
    assert_eq!(failed["error"], "The recipient cannot be reached");
    assert_eq!(failed["error_code"], "21211", "a string, also where the code is a number");
    assert_eq!(failed["error_message"], "no such number");
}

#[test]
fn a_message_that_failed_without_a_refusal_says_so() {
    let mut message = queued();
    message.draft.kind = Kind::Immediate;
    claim(&mut message);
    settle(&mut message, Settlement::NeverBegun { due: START });
    let failed = body(&message);
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"], NEVER_HANDED_OVER);
    assert_eq!(failed["attempts"], 0, "nothing was begun");
}

#[test]
fn an_unknown_outcome_is_shown_as_sending_and_unknown_also_while_it_waits_to_be_resent() {
    let mut message = queued();
    claim(&mut message);
    assert_eq!(body(&message)["provider_status"], Value::Null);
    doubt(&mut message);
    let unknown = body(&message);
    assert_eq!((&unknown["status"], &unknown["provider_status"]), (&json!("sending"), &json!("unknown")));
    message.settle_unknown(1, UnknownPolicy::Resend, START + Duration::from_hours(1)).unwrap();
    let resend = body(&message);
    assert_eq!((&resend["status"], &resend["provider_status"]), (&json!("sending"), &json!("unknown")));
    assert_eq!(resend["sent_at"], Value::Null);
}

#[test]
fn only_a_sent_message_has_a_time_of_sending() {
    let mut message = queued();
    claim(&mut message);
    doubt(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, START + Duration::from_hours(1)).unwrap();
    claim(&mut message);
    // Late word on the first attempt, while the second is open.
    message.settle(1, accepted(), Some(START), START).unwrap();
    assert_eq!((&body(&message)["status"], &body(&message)["sent_at"]), (&json!("sending"), &Value::Null));
    settle(&mut message, accepted());
    assert_eq!((&body(&message)["status"], &body(&message)["attempts"]), (&json!("sent"), &json!(2)));
    assert_ne!(body(&message)["sent_at"], Value::Null);
}

#[test]
fn attempts_that_the_record_forgot_still_count() {
    let mut message = queued();
    for _ in 0..20 {
        claim(&mut message);
        settle(&mut message, refused(Class::Retry, None, Next::Retry { due: START }));
    }
    assert_eq!(body(&message)["attempts"], 20);
}
