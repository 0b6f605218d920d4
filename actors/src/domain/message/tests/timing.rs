//! What waits for its time, and what is over: never late, never lost, never in the way.

use super::*;

const ANSWER: Answer = Answer { position: 1, estimate: Time::ZERO };

fn expiring(end: u64) -> Draft {
    Draft { expires_at: Some(at(end)), ..draft(Kind::Queued) }
}

fn queued(draft: Draft) -> Message {
    Message::queued(draft, 7, ANSWER, at(0))
}

fn scheduled(draft: Draft, due: u64) -> Message {
    Message::scheduled(draft, 7, ANSWER, at(due), at(0))
}

#[test]
fn what_is_scheduled_waits_in_no_queue_and_holds_no_conversation() {
    let message = scheduled(draft(Kind::Queued), 60);
    assert!(!message.is_waiting() && !message.is_in_conversation() && !message.is_unsettled());
    assert_eq!((message.shown(), message.timer()), (Shown::Queued, Some(at(60))));
}

#[test]
fn it_takes_its_place_when_its_time_comes_and_not_before() {
    let mut message = scheduled(draft(Kind::Queued), 60);
    let before = message.clone();
    let just_before = Time::from_nanos(at(60).as_nanos() - 1);
    assert_eq!(message.time_up(20, just_before), Err(Changed));
    assert_eq!(message.clone().claim(0, claim_id(1), times(at(61))), Err(ClaimRefused::Changed));
    assert_eq!(message, before);

    assert_eq!(message.time_up(20, at(60)), Ok(TimeUp::Due));
    assert!(message.is_waiting() && message.is_in_conversation());
    assert_eq!((message.seq, message.timer()), (20, None), "behind what was accepted meanwhile");
    assert_eq!(message.time_up(21, at(61)), Err(Changed), "once");
    message.claim(0, claim_id(1), times(at(61))).unwrap();
}

#[test]
fn an_expired_message_is_not_claimed_at_its_last_instant_and_fails() {
    let mut message = queued(expiring(60));
    assert_eq!(message.timer(), Some(at(60)));
    let just_before = Time::from_nanos(at(60).as_nanos() - 1);
    message.clone().claim(0, claim_id(1), times(just_before)).unwrap();
    assert_eq!(message.clone().time_up(9, just_before), Err(Changed));

    let before = message.clone();
    assert_eq!(message.claim(0, claim_id(1), times(at(60))), Err(ClaimRefused::Expired));
    assert_eq!(message, before);
    assert_eq!(message.time_up(9, at(60)), Ok(TimeUp::Expired));
    let code = message.refusal.as_ref().and_then(|refusal| refusal.code.as_deref());
    assert_eq!((message.shown(), code, message.seq), (Shown::Failed, Some("expired"), 7));
    assert_eq!(message.time_up(9, at(61)), Err(Changed), "once");
}

#[test]
fn what_is_scheduled_expires_too_and_by_whichever_comes_first() {
    let mut both = scheduled(expiring(60), 50);
    assert_eq!(both.timer(), Some(at(50)));
    assert_eq!(both.time_up(9, at(60)), Ok(TimeUp::Expired), "not let in to be refused there");
    assert_eq!(scheduled(expiring(60), 90).timer(), Some(at(60)));
}

#[test]
fn what_may_have_arrived_does_not_fail_by_expiring() {
    let mut message = queued(expiring(60));
    message.claim(0, claim_id(1), times(at(1))).unwrap();
    message.mark_unknown(1, Doubt::NoAnswer, at(30), at(2), at(25)).unwrap();
    message.settle_unknown(1, UnknownPolicy::Resend, at(30)).unwrap();
    assert_eq!(message.timer(), Some(at(60)), "it waits to be sent again");

    assert_eq!(message.claim(1, claim_id(2), times(at(60))), Err(ClaimRefused::Expired));
    assert_eq!(message.time_up(9, at(60)), Ok(TimeUp::Expired));
    assert_eq!((message.state, message.listed, message.shown()), (State::Unknown, true, Shown::Sending));
    // Its answer, late.
    message.settle(1, accepted(), Some(at(2)), at(70)).unwrap();
    assert_eq!(message.shown(), Shown::Sent);
}

#[test]
fn what_is_on_its_way_has_no_end_but_its_outcome() {
    let mut message = queued(expiring(60));
    message.claim(0, claim_id(1), times(at(59))).unwrap();
    assert_eq!(message.timer(), None);
    assert_eq!(message.time_up(9, at(70)), Err(Changed));
    message.settle(1, accepted(), Some(at(59)), at(70)).unwrap();
    assert_eq!((message.shown(), message.timer()), (Shown::Sent, None));
}

#[test]
fn what_is_scheduled_is_cancelled() {
    let mut message = scheduled(expiring(90), 60);
    assert_eq!(message.cancel(at(1)), Cancelled::Done);
    assert_eq!((message.timer(), message.time_up(9, at(100))), (None, Err(Changed)));
}

#[test]
fn only_what_waits_and_is_in_no_doubt_is_postponed() {
    let mut message = queued(draft(Kind::Queued));
    assert_eq!(message.postpone(1, at(60), at(1)), Err(Changed), "after another attempt");
    message.postpone(0, at(60), at(1)).unwrap();
    assert_eq!((message.state, message.timer()), (State::Scheduled, Some(at(60))));
    assert_eq!(message.postpone(0, at(90), at(1)), Err(Changed), "it waits already");

    let mut claimed = queued(draft(Kind::Queued));
    claimed.claim(0, claim_id(1), times(at(1))).unwrap();
    assert_eq!(claimed.postpone(1, at(60), at(2)), Err(Changed));

    let mut doubtful = claimed;
    doubtful.mark_unknown(1, Doubt::NoAnswer, at(30), at(2), at(25)).unwrap();
    doubtful.settle_unknown(1, UnknownPolicy::Resend, at(30)).unwrap();
    let before = doubtful.clone();
    assert_eq!(doubtful.postpone(1, at(60), at(31)), Err(Changed), "it holds its conversation");
    assert_eq!(doubtful, before);
}
