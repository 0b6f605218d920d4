//! The state machine against its invariants (PROTOCOL.md §3 and §5).

mod guards;
mod moves;
mod offers;
mod timing;
mod walk;

use uuid::Uuid;

use super::super::ids::{Incarnation, Shard};
use super::*;

fn draft(kind: Kind) -> Draft {
    let sender: E164 = "+15550100001".parse().unwrap();
    let recipient: E164 = "+15550100002".parse().unwrap();
    Draft {
        id: MessageId::new(Uuid::now_v7(), Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Normal,
        kind,
        organization: OrganizationId(1),
        assistant: AssistantId(1),
        account: AccountName::from("main"),
        provider: ProviderKind::Twilio,
        text: "hello".to_owned(),
        media: Vec::new(),
        segments: 1,
        encoding: Encoding::Gsm7,
        fingerprint: Fingerprint::of(sender, recipient, "hello", &[], kind == Kind::Queued),
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: None,
        metadata: None,
    }
}

const fn at(second: u64) -> Time {
    Time::from_millis(second * 1000)
}

const fn claim_id(counter: u64) -> ClaimId {
    ClaimId { incarnation: Incarnation(1), counter }
}

fn times(now: Time) -> ClaimTimes {
    use std::time::Duration;
    ClaimTimes { now, begin_by: now + Duration::from_secs(2), deadline: now + Duration::from_secs(20) }
}

fn accepted() -> Settlement {
    Settlement::Accepted(Acceptance {
        provider_id: "SM1".to_owned(),
        provider_status: "queued".to_owned(),
        segments: Some(1),
    })
}

fn refused(next: Next) -> Settlement {
    let refusal = Refusal {
        class: Class::Retry,
        code: Some("20429".to_owned()),
        detail: String::new(),
        retry_after: None,
        slows: None,
    };
    Settlement::Refused { refusal, next }
}
