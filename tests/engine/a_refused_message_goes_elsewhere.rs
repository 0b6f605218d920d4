use std::time::Duration;

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::message::{State, UnknownPolicy};
use sendyard_actors::domain::outcome::Class;

use super::yard::{Builder, Line, ORGANIZATION, Yard, account, second};

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
