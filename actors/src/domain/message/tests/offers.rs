//! Offers: taken in time, withdrawn afterwards, and never both (`C9`).

use super::*;

fn offered() -> Message {
    Message::offered(draft(Kind::Immediate), 1, at(5), at(0))
}

#[test]
fn an_offer_is_taken_up_to_its_last_instant_and_not_after_it() {
    let mut in_time = offered();
    in_time.take(0, claim_id(1), times(at(5))).unwrap();
    assert_eq!((in_time.state, in_time.attempt, in_time.not_after), (State::Sending, 1, None));

    let mut late = offered();
    let before = late.clone();
    let just_after = Time::from_nanos(at(5).as_nanos() + 1);
    assert_eq!(late.take(0, claim_id(1), times(just_after)), Err(ClaimRefused::Changed));
    assert_eq!(late, before);
}

#[test]
fn an_offer_is_withdrawn_after_its_last_instant_and_not_at_it() {
    let mut offer = offered();
    let before = offer.clone();
    assert_eq!(offer.withdraw(at(5)), Err(Changed));
    assert_eq!(offer, before);
    offer.withdraw(at(6)).unwrap();
    assert_eq!((offer.state, offer.not_after), (State::Failed, None));
    assert_eq!(
        offer.take(0, claim_id(1), times(at(5))),
        Err(ClaimRefused::Changed),
        "it was told to be failed"
    );
}

#[test]
fn what_was_taken_is_not_withdrawn() {
    let mut offer = offered();
    offer.take(0, claim_id(1), times(at(1))).unwrap();
    assert_eq!(offer.withdraw(at(100)), Err(Changed));
    offer.mark_unknown(1, Doubt::NoAnswer, at(700), at(4), at(30)).unwrap();
    assert_eq!(offer.withdraw(at(100)), Err(Changed));
    assert_eq!(offer.state, State::Unknown);
}

#[test]
fn an_offer_names_the_attempt_that_it_follows() {
    let mut offer = offered();
    assert_eq!(offer.take(1, claim_id(1), times(at(1))), Err(ClaimRefused::Changed));
    offer.take(0, claim_id(1), times(at(1))).unwrap();
    let once = offer.clone();
    assert_eq!(offer.take(0, claim_id(1), times(at(2))), Err(ClaimRefused::Already));
    assert_eq!(offer.take(0, claim_id(2), times(at(2))), Err(ClaimRefused::Changed));
    assert_eq!(offer, once);
}

#[test]
fn an_offer_is_watched_and_can_be_neither_cancelled_nor_settled() {
    let mut offer = offered();
    let before = offer.clone();
    assert!(offer.is_unsettled() && !offer.is_final() && !offer.is_waiting() && !offer.is_in_conversation());
    assert_eq!(offer.cancel(at(1)), Cancelled::TooLate(Shown::Sending));
    assert_eq!(offer.settle_by_hand(ByHand::Failed, at(1)), Err(NotByHand::UnderWay));
    assert_eq!(offer.settle(0, accepted(), None, at(1)), Err(KnownAlready));
    assert_eq!(offer.claim(0, claim_id(1), times(at(1))), Err(ClaimRefused::Changed));
    assert_eq!(offer.retry(0, claim_id(1), times(at(1))), Err(ClaimRefused::Changed));
    assert_eq!(offer, before);
}

#[test]
fn only_an_immediate_message_that_definitely_failed_is_offered_again() {
    let mut offer = offered();
    offer.take(0, claim_id(1), times(at(1))).unwrap();
    assert_eq!(offer.offer_again(1, at(9), at(2)), Err(Changed), "it is on its way");
    offer.settle(1, refused(Next::GiveUp), None, at(2)).unwrap();
    assert_eq!(offer.offer_again(0, at(9), at(3)), Err(Changed), "that was another attempt");
    assert_eq!(offer.offer_again(1, at(2), at(3)), Err(Changed), "its time is over");
    offer.offer_again(1, at(9), at(3)).unwrap();
    let once = offer.clone();
    offer.offer_again(1, at(20), at(4)).unwrap();
    assert_eq!(offer, once, "a repeat gives it no more time");
    offer.take(1, claim_id(2), times(at(9))).unwrap();
    assert_eq!((offer.state, offer.attempt), (State::Sending, 2));
    offer.mark_unknown(2, Doubt::NoAnswer, at(700), at(10), at(30)).unwrap();
    assert_eq!(offer.offer_again(2, at(99), at(31)), Err(Changed), "it may have arrived");

    let mut queued = Message::queued(draft(Kind::Queued), 1, Answer { position: 1, estimate: at(0) }, at(0));
    queued.claim(0, claim_id(1), times(at(1))).unwrap();
    queued.settle(1, refused(Next::GiveUp), None, at(2)).unwrap();
    assert_eq!(queued.offer_again(1, at(9), at(3)), Err(Changed));
}
