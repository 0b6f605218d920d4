//! Each guard of the state machine by itself.

use super::*;

const RETRY: Next = Next::Retry { due: at(0) };

/// A queued message whose first attempt is open.
fn claimed() -> Message {
    let answer = Answer { position: 1, estimate: at(0) };
    let mut message = Message::queued(draft(Kind::Queued), 1, answer, at(0));
    claim(&mut message);
    message
}

/// An immediate message whose first attempt is open.
fn immediate() -> Message {
    Message::born_sending(draft(Kind::Immediate), 1, claim_id(0), times(at(0)))
}

fn claim(message: &mut Message) {
    let last = message.attempt;
    message.claim(last, claim_id(u64::from(last)), times(at(0))).unwrap();
}

fn lose(message: &mut Message) {
    message.mark_unknown(message.attempt, Doubt::NoAnswer, at(10), at(3), at(0)).unwrap();
}

/// Attempt 1 is lost, attempt 2 is open.
fn claimed_again() -> Message {
    let mut message = claimed();
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    let last = message.attempt;
    message.claim(last, claim_id(1), times(at(10))).unwrap();
    message
}

fn settle(message: &mut Message, number: u16, settlement: Settlement) -> Result<Settled, KnownAlready> {
    message.settle(number, settlement, None, at(5))
}

#[test]
fn the_usual_way_is_queued_sending_sent() {
    let answer = Answer { position: 1, estimate: at(0) };
    let mut message = Message::queued(draft(Kind::Queued), 1, answer, at(0));
    assert_eq!(message.shown(), Shown::Queued);
    claim(&mut message);
    assert_eq!(message.shown(), Shown::Sending);
    let settled = message.settle(1, accepted(), Some(at(1)), at(2)).unwrap();
    assert_eq!(message.shown(), Shown::Sent);
    assert_eq!(settled.charged_at, Some(at(1)), "where it was written");
    assert_eq!((message.sent_at, message.tries), (Some(at(1)), 1));
    assert_eq!(message.provider_id.as_deref(), Some("SM1"));
}

#[test]
fn a_repeated_claim_is_told_so_and_starts_nothing_anew() {
    let mut message = claimed();
    let before = message.clone();
    assert_eq!(message.claim(0, claim_id(0), times(at(9))), Err(ClaimRefused::Already));
    assert_eq!(message.claim(0, claim_id(7), times(at(9))), Err(ClaimRefused::Changed));
    assert_eq!(message, before);
}

#[test]
fn a_claim_names_the_attempt_that_it_follows() {
    let mut message = claimed();
    settle(&mut message, 1, refused(RETRY)).unwrap();
    assert_eq!(message.claim(0, claim_id(0), times(at(9))), Err(ClaimRefused::Changed), "a late duplicate");
    assert_eq!(message.claim(1, claim_id(1), times(at(9))), Ok(()));
    assert_eq!(message.attempt, 2);
}

#[test]
fn a_retry_is_not_claimed_before_it_is_due() {
    let mut message = claimed();
    settle(&mut message, 1, refused(Next::Retry { due: at(60) })).unwrap();
    assert_eq!(message.claim(1, claim_id(1), times(at(59))), Err(ClaimRefused::NotDue(at(60))));
    assert_eq!(message.claim(1, claim_id(1), times(at(60))), Ok(()));
}

#[test]
fn what_waits_is_cancelled_once_and_never_claimed() {
    let answer = Answer { position: 1, estimate: at(0) };
    let mut message = Message::queued(draft(Kind::Queued), 1, answer, at(0));
    assert_eq!(message.cancel(at(1)), Cancelled::Done);
    assert_eq!(message.cancel(at(2)), Cancelled::Before);
    assert_eq!(message.claim(0, claim_id(0), times(at(3))), Err(ClaimRefused::Changed));
}

#[test]
fn what_may_have_been_written_is_not_cancelled() {
    let mut message = claimed();
    assert_eq!(message.cancel(at(1)), Cancelled::TooLate(Shown::Sending), "its attempt is open");
    lose(&mut message);
    assert_eq!(message.cancel(at(1)), Cancelled::TooLate(Shown::Sending), "nobody knows");
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    assert_eq!(message.state, State::Queued);
    assert_eq!(message.shown(), Shown::Sending);
    assert_eq!(message.cancel(at(11)), Cancelled::TooLate(Shown::Sending), "it waits to be sent again (C3)");
    assert_eq!(settle(&mut message, 1, refused(RETRY)), Ok(Settled { charged_at: None }));
    assert_eq!(message.cancel(at(12)), Cancelled::Done, "no provider has it after all");
}

#[test]
fn a_refusal_settles_only_its_own_attempt() {
    let mut message = claimed_again();
    settle(&mut message, 2, refused(Next::GiveUp)).unwrap();
    assert_eq!((message.state, message.listed), (State::Unknown, true), "1 may have arrived (C4)");
    assert_eq!(message.unresolved, [1]);
    assert!(!message.is_in_conversation(), "its conversation goes on");
    settle(&mut message, 1, accepted()).unwrap();
    assert_eq!((message.state, message.listed), (State::Sent, false));
}

#[test]
fn a_retried_refusal_keeps_the_older_doubt() {
    let mut message = claimed_again();
    settle(&mut message, 2, refused(RETRY)).unwrap();
    assert_eq!((message.state, message.unresolved.as_slice()), (State::Queued, [1].as_slice()));
    assert_eq!(message.shown(), Shown::Sending);
}

#[test]
fn a_refusal_of_an_older_attempt_leaves_the_open_one_open() {
    let mut message = claimed_again();
    settle(&mut message, 1, refused(Next::GiveUp)).unwrap();
    assert!(message.is_open(2));
    settle(&mut message, 2, refused(Next::GiveUp)).unwrap();
    assert_eq!(message.state, State::Failed, "both are definitely refused");
}

#[test]
fn evidence_of_an_older_attempt_waits_for_the_open_one() {
    let never_begun = Settlement::NeverBegun { due: at(0) };
    let ends = [Some(accepted()), Some(refused(RETRY)), Some(refused(Next::GiveUp)), Some(never_begun), None];
    for end in ends {
        let mut message = claimed_again();
        settle(&mut message, 1, accepted()).unwrap();
        assert!(message.is_open(2) && message.is_in_conversation(), "noted only (C5)");
        match end {
            Some(settlement) => {
                settle(&mut message, 2, settlement).unwrap();
            }
            None => lose(&mut message),
        }
        assert_eq!(message.state, State::Sent);
    }
}

#[test]
fn evidence_frees_a_message_that_waits_to_be_sent_again() {
    let mut message = claimed();
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    settle(&mut message, 1, accepted()).unwrap();
    assert_eq!(message.state, State::Sent);
    assert_eq!(message.claim(1, claim_id(9), times(at(11))), Err(ClaimRefused::Changed));
}

#[test]
fn a_repeated_settle_does_not_touch_the_next_attempt() {
    let mut message = claimed();
    settle(&mut message, 1, refused(RETRY)).unwrap();
    claim(&mut message);
    let before = message.clone();
    assert_eq!(settle(&mut message, 1, refused(RETRY)), Err(KnownAlready));
    assert_eq!(settle(&mut message, 3, accepted()), Err(KnownAlready), "never claimed");
    assert_eq!(message, before);
}

#[test]
fn an_attempt_that_never_began_costs_no_try_and_charges_nothing() {
    let mut message = claimed();
    let settled = settle(&mut message, 1, Settlement::NeverBegun { due: at(7) }).unwrap();
    assert_eq!((settled.charged_at, message.tries), (None, 0));
    assert_eq!((message.state, message.due), (State::Queued, at(7)));
    assert_eq!(message.cancel(at(6)), Cancelled::Done, "no provider saw it");
}

#[test]
fn late_word_that_an_attempt_never_began_gives_its_try_back() {
    let mut message = claimed();
    lose(&mut message);
    assert_eq!(message.tries, 1);
    settle(&mut message, 1, Settlement::NeverBegun { due: at(7) }).unwrap();
    assert_eq!((message.state, message.tries), (State::Queued, 0));
}

#[test]
fn begun_attempts_are_charged_once_and_cost_a_try() {
    let mut message = claimed();
    let settled = settle(&mut message, 1, refused(RETRY)).unwrap();
    assert_eq!((settled.charged_at, message.tries), (Some(at(5)), 1));
    claim(&mut message);
    let marked = message.mark_unknown(2, Doubt::NoAnswer, at(10), at(3), at(4)).unwrap();
    assert_eq!((marked.charged_at, message.tries), (Some(at(3)), 2));
    let late = settle(&mut message, 2, accepted()).unwrap();
    assert_eq!((late.charged_at, message.tries), (None, 2));
}

#[test]
fn only_an_open_attempt_becomes_unknown() {
    let mut message = claimed_again();
    assert_eq!(message.mark_unknown(1, Doubt::NoAnswer, at(10), at(3), at(4)), Err(Changed));
    settle(&mut message, 2, accepted()).unwrap();
    assert_eq!(message.mark_unknown(2, Doubt::NoAnswer, at(10), at(3), at(4)), Err(Changed));
}

#[test]
fn evidence_is_waited_for_before_an_unknown_is_decided() {
    let mut message = claimed();
    lose(&mut message);
    for policy in [UnknownPolicy::Resend, UnknownPolicy::Hold] {
        assert_eq!(message.settle_unknown(1, policy, at(9)), Err(Changed));
        assert_eq!(message.settle_unknown(2, policy, at(10)), Err(Changed));
    }
    assert!(message.is_unsettled() && message.is_in_conversation());
    message.settle_unknown(1, UnknownPolicy::Hold, at(10)).unwrap();
    assert!(message.listed && !message.is_unsettled() && !message.is_in_conversation());
    assert_eq!(message.settle_unknown(1, UnknownPolicy::Resend, at(99)), Err(Changed), "a person decides");
}

#[test]
fn a_late_refusal_of_a_listed_message_fails_it() {
    let mut message = claimed();
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Hold, at(10)).unwrap();
    settle(&mut message, 1, refused(RETRY)).unwrap();
    assert_eq!((message.state, message.listed), (State::Failed, false), "its conversation has gone on");
}

#[test]
fn a_late_refusal_of_one_that_is_not_listed_is_tried_again() {
    let mut message = claimed();
    lose(&mut message);
    settle(&mut message, 1, refused(RETRY)).unwrap();
    assert_eq!((message.state, message.evidence_until), (State::Queued, None));
}

#[test]
fn immediate_messages_never_wait_in_the_queue() {
    let settlements = [refused(RETRY), refused(Next::GiveUp), Settlement::NeverBegun { due: at(0) }];
    for settlement in settlements {
        let mut open = immediate();
        settle(&mut open, 1, settlement.clone()).unwrap();
        assert_eq!(open.state, State::Failed, "{settlement:?}");
        let mut unknown = immediate();
        lose(&mut unknown);
        settle(&mut unknown, 1, settlement.clone()).unwrap();
        assert_eq!(unknown.state, State::Failed, "late {settlement:?}");
    }
    let mut message = immediate();
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    assert!(message.state == State::Unknown && message.listed, "held, never sent again");
}

#[test]
fn an_immediate_message_that_failed_is_taken_again_under_its_id() {
    let mut message = immediate();
    assert_eq!(message.retry(1, claim_id(0), times(at(1))), Err(ClaimRefused::Already));
    assert_eq!(message.retry(1, claim_id(5), times(at(1))), Err(ClaimRefused::Changed), "it is open");
    settle(&mut message, 1, refused(Next::GiveUp)).unwrap();
    assert_eq!(message.retry(0, claim_id(5), times(at(1))), Err(ClaimRefused::Changed));
    assert_eq!(message.retry(1, claim_id(5), times(at(1))), Ok(()));
    assert!(message.is_open(2));
}

#[test]
fn an_immediate_message_that_was_listed_is_watched_again_after_a_retry() {
    let mut message = immediate();
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Hold, at(10)).unwrap();
    assert_eq!(message.retry(1, claim_id(5), times(at(11))), Err(ClaimRefused::Changed), "it may be there");
    settle(&mut message, 1, refused(Next::GiveUp)).unwrap();
    message.retry(1, claim_id(5), times(at(12))).unwrap();
    assert!(message.is_unsettled(), "else a lost answer leaves it `sending` for ever");
}

#[test]
fn a_queued_message_that_failed_is_not_taken_again() {
    let mut message = claimed();
    settle(&mut message, 1, refused(Next::GiveUp)).unwrap();
    assert_eq!(message.retry(1, claim_id(5), times(at(1))), Err(ClaimRefused::Changed));
}

#[test]
fn the_list_of_attempts_is_bounded_and_keeps_what_is_unresolved() {
    let mut message = claimed();
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    for expected in 1..60 {
        message.claim(expected, claim_id(u64::from(expected)), times(at(20))).unwrap();
        settle(&mut message, expected + 1, refused(RETRY)).unwrap();
        assert!(message.attempts.len() <= ATTEMPTS_KEPT);
    }
    let kept: Vec<u16> = message.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(kept.first(), Some(&1), "unresolved");
    assert_eq!(kept.last(), Some(&60));
    assert_eq!(message.unresolved, [1]);
}

#[test]
fn more_unresolved_attempts_than_the_list_holds_are_still_known_by_number() {
    let mut message = claimed();
    for number in 1..=20 {
        lose(&mut message);
        message.settle_unknown(number, UnknownPolicy::Resend, at(10)).unwrap();
        message.claim(number, claim_id(u64::from(number)), times(at(20))).unwrap();
    }
    assert_eq!(message.attempts.len(), ATTEMPTS_KEPT);
    assert_eq!(message.unresolved.len(), 20);
    settle(&mut message, 21, refused(Next::GiveUp)).unwrap();
    assert_eq!(message.state, State::Unknown, "20 attempts may have arrived");
    settle(&mut message, 1, accepted()).unwrap();
    assert_eq!(message.state, State::Sent);
}

/// The same message, as of a provider that knows repeats.
fn frozen(mut message: Message) -> Message {
    message.draft.frozen = Some("{}".to_owned());
    message
}

#[test]
fn what_its_provider_knows_again_is_repeated_whatever_the_policy() {
    let mut message = frozen(claimed());
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Hold, at(10)).unwrap();
    assert_eq!((message.state, message.due), (State::Queued, at(10)));
    assert_eq!(message.unresolved, [1], "attempt 1 may still have arrived");
    assert_eq!(message.shown(), Shown::Sending);
}

#[test]
fn it_is_repeated_for_a_day_and_no_longer() {
    let mut message = frozen(claimed());
    lose(&mut message);
    let late = at(0) + repeat::WITHIN;
    message.settle_unknown(1, UnknownPolicy::Hold, late).unwrap();
    assert!(message.listed);
}

#[test]
fn an_immediate_message_is_not_repeated() {
    let mut message = frozen(immediate());
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Hold, at(10)).unwrap();
    assert!(message.listed);
}

#[test]
fn a_person_settles_what_is_unknown_listed_or_not() {
    for listed in [false, true] {
        for (verdict, state) in
            [(ByHand::Sent, State::Sent), (ByHand::Failed, State::Failed), (ByHand::Retry, State::Queued)]
        {
            let mut message = claimed();
            lose(&mut message);
            if listed {
                message.settle_unknown(1, UnknownPolicy::Hold, at(10)).unwrap();
            }
            message.settle_by_hand(verdict, at(11)).unwrap();
            assert_eq!(message.state, state, "{verdict:?}, listed: {listed}");
            assert!(!message.listed);
            assert_eq!(message.overtaken, listed);
            let in_doubt = verdict == ByHand::Retry;
            assert_eq!(message.unresolved.is_empty(), !in_doubt, "a retry answers no question");
        }
    }
}

#[test]
fn a_person_settles_nothing_else() {
    let mut message = claimed();
    assert_eq!(message.settle_by_hand(ByHand::Failed, at(1)), Err(NotByHand::UnderWay));
    settle(&mut message, 1, accepted()).unwrap();
    assert_eq!(message.settle_by_hand(ByHand::Failed, at(1)), Err(NotByHand::Known));

    let mut immediate = immediate();
    lose(&mut immediate);
    assert_eq!(immediate.settle_by_hand(ByHand::Retry, at(1)), Err(NotByHand::Immediate));

    let mut waiting = claimed();
    lose(&mut waiting);
    waiting.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    assert_eq!(waiting.settle_by_hand(ByHand::Failed, at(11)), Err(NotByHand::UnderWay));
    waiting.settle_by_hand(ByHand::Sent, at(11)).unwrap();
    assert_eq!(waiting.state, State::Sent);
}

#[test]
fn what_the_provider_counted_is_what_it_costs() {
    let mut message = claimed();
    assert_eq!(message.cost().segments, 1);
    let counted =
        Acceptance { provider_id: "SM1".into(), provider_status: "queued".into(), segments: Some(3) };
    settle(&mut message, 1, Settlement::Accepted(counted)).unwrap();
    assert_eq!(message.cost().segments, 3);
}
