use std::time::Duration;

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::message::{Kind, State, UnknownPolicy};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::engine::{SendRequest, Sent};

use super::yard::{Builder, Line, ORGANIZATION, SECOND_TAKES, Yard, account, second};

const QUICK: Line = Line::Accept(Duration::from_millis(10));

async fn yard(first: Line) -> Yard {
    let script = vec![first, QUICK];
    Builder {
        script,
        second_account: true,
        fallback: true,
        policy: UnknownPolicy::Hold,
        ..Builder::default()
    }
    .start()
    .await
}

fn refuse(class: Class) -> Line {
    Line::Refuse(class, Duration::from_millis(1))
}

/// Its account refuses it for a reason of its own: it goes through the fallback at once, although the
/// account's circuit is open, and what is behind it in its conversation comes after it.
#[tokio::test(start_paused = true)]
async fn a_refused_message_goes_elsewhere() {
    for class in [Class::Configuration, Class::Sender, Class::NextWindow] {
        let yard = yard(refuse(class)).await;
        let refused = yard.queue("+15551110001", "refused").await.id;
        let asked_at = yard.now();
        let sent = yard.until(refused, State::Sent).await;
        assert!(yard.now().since(asked_at) < Duration::from_secs(5), "{class:?}");
        assert_eq!((sent.draft.account, sent.draft.provider), (second(), ProviderKind::Telnyx), "{class:?}");
        let ways: Vec<_> = yard.seen().into_iter().map(|seen| seen.account).collect();
        assert_eq!(ways, [account(), second()], "{class:?}");
        let kept = yard.message(refused).await;
        let accounts = kept.attempts.iter().map(|attempt| kept.account_of(attempt.number).cloned());
        assert_eq!(accounts.collect::<Vec<_>>(), [Some(account()), Some(second())], "{class:?}: as recorded");

        let tallies = yard.engine.tallies(ORGANIZATION).await.unwrap();
        let counts: Vec<_> = tallies.iter().map(|t| (t.provider, t.waiting, t.active, t.sent)).collect();
        assert_eq!(counts, [(ProviderKind::Telnyx, 0, 0, 1)], "{class:?}: counted where it went");
    }
}

/// Only once: what the fallback refuses, too, is retried there.
#[tokio::test(start_paused = true)]
async fn it_goes_elsewhere_once() {
    let yard = yard(refuse(Class::Sender)).await;
    yard.provider.play(vec![refuse(Class::Sender), refuse(Class::Sender), QUICK]);
    let refused = yard.queue("+15551110001", "refused").await.id;
    yard.until(refused, State::Sent).await;
    let ways: Vec<_> = yard.seen().into_iter().map(|seen| seen.account).collect();
    assert_eq!(ways, [account(), second(), second()]);
}

/// What may have arrived is never given to another provider; nor is what no provider should send.
#[tokio::test(start_paused = true)]
async fn what_may_have_arrived_and_what_nobody_should_send_stay() {
    let lost = yard(Line::LoseAnswer).await;
    let id = lost.queue("+15551110001", "lost").await.id;
    lost.until(id, State::Unknown).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(lost.seen().len(), 1);

    for class in [Class::Recipient, Class::Request, Class::Content, Class::OptedOut] {
        let yard = yard(refuse(class)).await;
        let refused = yard.queue("+15551110001", "refused").await.id;
        yard.until(refused, State::Failed).await;
        assert_eq!(yard.seen().len(), 1, "{class:?}");
    }
}

/// The same key gets the first answer again, whichever account has the message by now.
#[tokio::test(start_paused = true)]
async fn its_key_is_answered_as_the_first_time() {
    let yard = yard(refuse(Class::Sender)).await;
    let request =
        SendRequest { key: Some("once".to_owned()), ..Yard::request("+15551110001", "hi", Kind::Queued) };
    let first = yard.engine.send(request.clone()).await.unwrap();
    yard.until(first.id, State::Sent).await;
    let again = yard.engine.send(request).await.unwrap();
    assert_eq!(again, Sent { replayed: true, ..first });
}

/// What the fallback would refuse for its length, for good, waits for its own account.
#[tokio::test(start_paused = true)]
async fn what_is_too_long_for_the_fallback_stays() {
    let yard = yard(refuse(Class::Sender)).await;
    let long = yard.queue("+15551110001", &"x".repeat(SECOND_TAKES + 1)).await.id;
    yard.until(long, State::Sent).await;
    let ways: Vec<_> = yard.seen().into_iter().map(|seen| seen.account).collect();
    assert_eq!(ways, [account(), account()]);
}

/// A fallback that knows repeats is asked again until it knows, as an account of its kind is.
#[tokio::test(start_paused = true)]
async fn what_moved_is_repeated_where_repeats_are_known() {
    let script = vec![refuse(Class::Sender), Line::LoseAnswer, QUICK];
    let second_knows_repeats = true;
    let builder =
        Builder { script, second_account: true, fallback: true, second_knows_repeats, ..Builder::default() };
    let yard = builder.start().await;
    let id = yard.queue("+15551110001", "hi").await.id;
    let sent = yard.until(id, State::Sent).await;
    assert_eq!(sent.draft.frozen.as_deref(), Some("second: hi"), "the fallback's own bytes");
    let ways: Vec<_> = yard.seen().into_iter().map(|seen| seen.account).collect();
    assert_eq!(ways, [account(), second(), second()]);
    assert_eq!(yard.provider.accepted(), [id], "and taken once");
}

/// The limit of the fallback account holds across a restart, too.
#[tokio::test(start_paused = true)]
async fn the_pace_of_the_fallback_holds_across_a_restart() {
    let script = vec![refuse(Class::Sender), QUICK, refuse(Class::Sender), QUICK];
    let second_limits = vec!["1/min"];
    let builder =
        Builder { script, second_account: true, fallback: true, second_limits, ..Builder::default() };
    let mut yard = builder.start().await;
    let before = yard.queue("+15551110001", "before").await.id;
    yard.until(before, State::Sent).await;
    yard.crash_and_restart().await;
    let behind = yard.queue("+15551110002", "behind").await.id;
    yard.until(behind, State::Sent).await;
    let there: Vec<_> = yard.seen().into_iter().filter(|seen| seen.account == second()).collect();
    let [first, next] = there.as_slice() else { panic!("{there:?}") };
    assert!(next.at.since(first.at) >= Duration::from_mins(1), "{:?}", next.at.since(first.at));
}

/// Where the own account and the number have no limits, what goes through them is not noted; it makes nothing
/// forgotten of what went through the fallback.
#[tokio::test(start_paused = true)]
async fn what_goes_through_an_account_without_limits_makes_nothing_forgotten() {
    let mut script = vec![refuse(Class::Sender)];
    script.extend(vec![QUICK; 41]);
    script.extend([refuse(Class::Sender), QUICK]);
    let second_limits = vec!["1/min"];
    let builder =
        Builder { script, second_account: true, fallback: true, second_limits, ..Builder::default() };
    let mut yard = builder.start().await;
    let before = yard.queue("+15551110001", "before").await.id;
    yard.until(before, State::Sent).await;
    for n in 0..40_u32 {
        let id = yard.queue(&format!("+1555222{n:04}"), "through its own").await.id;
        yard.until(id, State::Sent).await;
    }
    yard.crash_and_restart().await;
    let behind = yard.queue("+15551110002", "behind").await.id;
    yard.until(behind, State::Sent).await;
    let there: Vec<_> = yard.seen().into_iter().filter(|seen| seen.account == second()).collect();
    let [first, next] = there.as_slice() else { panic!("{there:?}") };
    assert!(next.at.since(first.at) >= Duration::from_mins(1), "{:?}", next.at.since(first.at));
}

/// Whatever the own account refuses, the fallback gets no more than its limit, and about as much.
#[tokio::test(start_paused = true)]
async fn the_limit_of_the_fallback_holds() {
    let (script, second_plays) = (vec![refuse(Class::Sender)], Some(QUICK));
    let second_limits = vec!["10/s"];
    let builder = Builder {
        script,
        second_plays,
        second_account: true,
        fallback: true,
        second_limits,
        ..Builder::default()
    };
    let yard = builder.start().await;
    for n in 0..50_u32 {
        yard.queue(&format!("+1555111{n:04}"), "hi").await;
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    let there: Vec<_> = yard.seen().into_iter().filter(|seen| seen.account == second()).collect();
    assert_eq!(there.len(), 50, "in eight seconds");
    for (first, over) in there.iter().zip(there.iter().skip(10)) {
        assert!(over.at.since(first.at) >= Duration::from_secs(1), "{:?}", over.at.since(first.at));
    }
}
