//! The move to the fallback account: after a definite refusal, once, and with nothing in doubt.

use super::*;

const RETRY: Next = Next::Retry { due: at(60) };

fn elsewhere(name: &str, provider: ProviderKind) -> Elsewhere {
    Elsewhere { account: AccountName::from(name), provider }
}

/// A message with a fallback account, whose first attempt is open.
fn claimed(kind: Kind) -> Message {
    let to = elsewhere("spare", ProviderKind::Telnyx);
    let fallback = Some(Fallback { to, frozen: Some("{}".to_owned()) });
    let draft = Draft { fallback, ..draft(kind) };
    if kind == Kind::Immediate {
        return Message::born_sending(draft, 1, claim_id(0), times(at(0)));
    }
    let mut message = Message::queued(draft, 1, Answer { position: 1, estimate: at(0) }, at(0));
    claim(&mut message);
    message
}

fn claim(message: &mut Message) {
    let last = message.attempt;
    message.claim(last, claim_id(u64::from(last)), times(at(100))).unwrap();
}

fn lose(message: &mut Message) {
    message.mark_unknown(message.attempt, Doubt::NoAnswer, at(10), at(3), at(0)).unwrap();
}

fn refuse(message: &mut Message, number: u16, class: Class, next: Next) {
    let refusal = Refusal { class, code: None, detail: String::new(), retry_after: None, slows: None };
    message.settle(number, Settlement::Refused { refusal, next }, None, at(5)).unwrap();
}

fn ways(message: &Message) -> Vec<&str> {
    let numbers = message.attempts.iter().map(|attempt| attempt.number);
    numbers.map(|number| message.account_of(number).unwrap().as_str()).collect()
}

#[test]
fn what_its_account_refuses_moves_at_once_and_once() {
    for (class, next) in [
        (Class::Configuration, RETRY),
        (Class::Configuration, Next::GiveUp),
        (Class::Sender, RETRY),
        (Class::NextWindow, RETRY),
        (Class::Retry, Next::GiveUp),
    ] {
        let mut message = claimed(Kind::Queued);
        refuse(&mut message, 1, class, next);
        assert_eq!((message.state, message.due), (State::Queued, at(5)), "{class:?}");
        assert_eq!((message.draft.account.as_str(), message.draft.provider), ("spare", ProviderKind::Telnyx));
        assert_eq!(message.draft.frozen.as_deref(), Some("{}"), "that account's own bytes");
        assert_eq!(message.provider_at_first(), ProviderKind::Twilio);

        claim(&mut message);
        refuse(&mut message, 2, class, RETRY);
        assert_eq!((message.state, message.due), (State::Queued, at(60)), "{class:?}: as of any account");
        claim(&mut message);
        assert_eq!(ways(&message), ["main", "spare", "spare"], "{class:?}");
        refuse(&mut message, 3, class, Next::GiveUp);
        assert_eq!(message.state, State::Failed, "{class:?}: there is no third");
    }
}

#[test]
fn what_is_merely_early_or_wrong_everywhere_stays() {
    let mut early = claimed(Kind::Queued);
    refuse(&mut early, 1, Class::Retry, RETRY);
    assert_eq!((early.state, early.moved), (State::Queued, None));
    for class in [Class::Recipient, Class::Request, Class::Content, Class::OptedOut] {
        let mut wrong = claimed(Kind::Queued);
        refuse(&mut wrong, 1, class, Next::GiveUp);
        assert_eq!((wrong.state, wrong.moved), (State::Failed, None), "{class:?}");
    }
    let mut never_begun = claimed(Kind::Queued);
    never_begun.settle(1, Settlement::NeverBegun { due: at(7) }, None, at(5)).unwrap();
    assert_eq!(never_begun.moved, None);
}

#[test]
fn what_may_have_arrived_is_not_given_to_another_account() {
    let mut message = claimed(Kind::Queued);
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    claim(&mut message);
    refuse(&mut message, 2, Class::Sender, RETRY);
    assert_eq!((message.state, message.moved.as_ref()), (State::Queued, None), "1 may have arrived");
    refuse(&mut message, 1, Class::Sender, RETRY);
    assert_eq!(message.draft.account.as_str(), "spare", "it has not");

    let mut given_up = claimed(Kind::Queued);
    lose(&mut given_up);
    given_up.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    claim(&mut given_up);
    refuse(&mut given_up, 2, Class::Sender, Next::GiveUp);
    assert_eq!((given_up.state, given_up.moved), (State::Unknown, None), "listed, and stays");
}

#[test]
fn a_late_refusal_beside_an_open_attempt_moves_nothing() {
    let mut message = claimed(Kind::Queued);
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    claim(&mut message);
    refuse(&mut message, 1, Class::Sender, RETRY);
    assert!(message.is_open(2));
    assert_eq!(message.draft.account.as_str(), "main", "2 is on its way there");
}

#[test]
fn what_was_accepted_after_all_does_not_move() {
    let mut message = claimed(Kind::Queued);
    lose(&mut message);
    message.settle_unknown(1, UnknownPolicy::Resend, at(10)).unwrap();
    claim(&mut message);
    message.settle(1, accepted(), None, at(11)).unwrap();
    refuse(&mut message, 2, Class::Sender, RETRY);
    assert_eq!((message.state, message.moved), (State::Sent, None));
}

#[test]
fn an_immediate_message_does_not_move() {
    let mut message = claimed(Kind::Immediate);
    refuse(&mut message, 1, Class::Sender, Next::GiveUp);
    assert_eq!((message.state, message.moved), (State::Failed, None));
}
