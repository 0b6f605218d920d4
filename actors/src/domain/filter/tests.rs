use uuid::Uuid;

use super::super::fingerprint::Fingerprint;
use super::super::ids::{AccountName, AssistantId, MessageId, ProviderKind, Shard};
use super::super::message::{Answer, Draft, Kind};
use super::super::segments::Encoding;
use super::*;

const US: OrganizationId = OrganizationId(1);

fn message() -> Message {
    let sender: E164 = "+15550100001".parse().unwrap();
    let recipient: E164 = "+15550100002".parse().unwrap();
    let draft = Draft {
        id: MessageId::new(Uuid::now_v7(), Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Normal,
        kind: Kind::Queued,
        organization: US,
        assistant: AssistantId(1),
        account: AccountName::from("main"),
        provider: ProviderKind::Twilio,
        text: "hello".to_owned(),
        media: Vec::new(),
        segments: 1,
        encoding: Encoding::Gsm7,
        fingerprint: Fingerprint::of(sender, recipient, "hello", &[], true),
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: Some("order 7".to_owned()),
        metadata: None,
    };
    let now = Time::from_millis(5000);
    Message::queued(draft, 0, Answer { position: 1, estimate: now }, now)
}

#[test]
fn all_that_is_asked_must_be_so() {
    let message = message();
    let other: E164 = "+15550100003".parse().unwrap();
    let (at, later) = (message.accepted_at, Time::from_millis(5001));
    let all = Filter {
        sender: Some(message.draft.sender),
        recipient: Some(message.draft.recipient),
        lane: Some(Lane::Normal),
        standing: Some(Standing::Shown(Shown::Queued)),
        client_reference: Some("order 7".to_owned()),
        accepted_from: Some(at),
        accepted_before: Some(later),
        ..Filter::of(US)
    };
    assert!(all.matches(&message) && Filter::of(US).matches(&message));
    let misses = [
        ("organization", Filter { organization: OrganizationId(2), ..all.clone() }),
        ("sender", Filter { sender: Some(other), ..all.clone() }),
        ("recipient", Filter { recipient: Some(other), ..all.clone() }),
        ("lane", Filter { lane: Some(Lane::Bulk), ..all.clone() }),
        ("standing", Filter { standing: Some(Standing::Shown(Shown::Sent)), ..all.clone() }),
        ("unknown", Filter { standing: Some(Standing::Unknown), ..all.clone() }),
        ("reference", Filter { client_reference: Some("order".to_owned()), ..all.clone() }),
        ("from", Filter { accepted_from: Some(later), ..all.clone() }),
        ("before", Filter { accepted_before: Some(at), ..all.clone() }),
    ];
    for (what, filter) in misses {
        assert!(!filter.matches(&message), "{what}");
    }
    let mut unnamed = message;
    unnamed.draft.client_reference = None;
    assert!(!all.matches(&unnamed));
}
