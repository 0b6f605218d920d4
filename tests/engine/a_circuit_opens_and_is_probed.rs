use std::collections::HashMap;
use std::time::Duration;

use sendyard_actors::domain::breaker::{Circuit, Why};
use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::domain::message::{AttemptResult, State};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::engine::NotSent;
use sendyard_actors::settings::Settings;

use super::faulty::Fault;
use super::yard::{Builder, Line, ORGANIZATION, Yard, account};

const PLACES: usize = 16;
const QUICK: Line = Line::Accept(Duration::from_millis(10));

async fn yard(line: Line) -> Yard {
    let settings = Settings { places_in_flight: PLACES, ..Settings::default() };
    Builder { script: vec![line], settings, ..Builder::default() }.start().await
}

fn circuit(yard: &Yard) -> Circuit {
    yard.engine.accounts(ORGANIZATION).unwrap()[0].circuit
}

/// The provider swallows requests for ten minutes: what was in flight and a handful of probes is
/// unknown; everything else waits, and leaves afterwards in order.
#[tokio::test(start_paused = true)]
async fn an_outage_strands_what_was_in_flight_and_a_few_probes() {
    let yard = yard(Line::Swallow).await;
    let mut ids = Vec::new();
    for n in 0..300_u32 {
        ids.push(yard.queue(&format!("+1555111{:04}", n % 100), &n.to_string()).await.id);
    }
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(matches!(circuit(&yard), Circuit::Open { why: Why::Outage, .. }), "{:?}", circuit(&yard));
    yard.provider.play(vec![QUICK]);
    tokio::time::sleep(Duration::from_mins(30)).await;

    assert_eq!(circuit(&yard), Circuit::Closed);
    let mut stranded = 0;
    for id in ids {
        let message = yard.message(id).await;
        match message.state {
            State::Sent => {}
            State::Unknown if message.listed => stranded += 1,
            state => panic!("{state:?}: {message:?}"),
        }
    }
    assert!((1..=PLACES + 5).contains(&stranded), "{stranded} are unknown");
    assert_eq!(yard.provider.accepted().len() + stranded, 300);
    let mut last: HashMap<_, u32> = HashMap::new();
    for seen in yard.seen() {
        let number = seen.text.parse().unwrap();
        let before = last.insert(seen.to, number);
        assert!(before.is_none_or(|before| before <= number), "order of {:?}", seen.to);
    }
}

/// Without a connection nothing is in doubt, and the provider is not run at.
#[tokio::test(start_paused = true)]
async fn refused_connections_leave_nothing_in_doubt() {
    let yard = yard(Line::NoConnection).await;
    for n in 0..50_u32 {
        yard.queue(&format!("+1555111{n:04}"), "hi").await;
    }
    tokio::time::sleep(Duration::from_mins(10)).await;
    let tried = yard.seen().len();
    assert!(tried <= PLACES + 10, "{tried} attempts in ten minutes");
    yard.provider.play(vec![QUICK]);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(yard.provider.accepted().len(), 50);
    assert_eq!(yard.engine.doubtful(ORGANIZATION, None, 100).await.unwrap(), []);
}

/// Wrong credentials stop the account with the first refusal; closed by hand it goes on at once.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_account_opens_it_at_once_and_a_hand_closes_it() {
    let yard = yard(Line::Refuse(Class::Configuration, Duration::from_millis(10))).await;
    let first = yard.queue("+15551110001", "first").await.id;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = yard.queue("+15551110002", "second").await.id;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(circuit(&yard), Circuit::Open { why: Why::Configuration, .. }));
    assert_eq!(yard.seen().len(), 1, "the second one waits");

    yard.provider.play(vec![QUICK]);
    assert_eq!(yard.engine.close_circuit(OrganizationId(2), &account()), Ok(None), "another's account");
    assert_eq!(yard.engine.close_circuit(ORGANIZATION, &account()), Ok(Some(true)));
    let asked_at = yard.now();
    yard.until(second, State::Sent).await;
    assert!(yard.now().since(asked_at) < Duration::from_secs(1));
    yard.until(first, State::Sent).await;
    assert_eq!(yard.engine.close_circuit(ORGANIZATION, &account()), Ok(Some(false)), "it is closed");
}

/// What concerns one number does not stop its account.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_number_leaves_the_account_alone() {
    let yard = yard(Line::Refuse(Class::Sender, Duration::from_millis(10))).await;
    yard.queue("+15551110001", "hi").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(circuit(&yard), Circuit::Closed);
}

/// An immediate message does not wait for a circuit: it is refused, and nothing is stored.
#[tokio::test(start_paused = true)]
async fn an_immediate_message_is_refused_while_it_is_open() {
    let yard = yard(Line::Refuse(Class::Configuration, Duration::from_millis(10))).await;
    let refused = yard.send_now("+15551110001", "hi").await;
    assert!(matches!(refused, Err(NotSent::Refused { retryable: true, .. })), "{refused:?}");
    let refused = yard.send_now("+15551110001", "hi").await;
    assert!(matches!(refused, Err(NotSent::ProviderOut(_))), "{refused:?}");
    assert_eq!(yard.seen().len(), 1);
    let sends: u64 =
        yard.engine.tallies(ORGANIZATION).await.unwrap().iter().map(|t| t.failed + t.active).sum();
    assert_eq!(sends, 1, "the second is not stored");
}

/// The first sign of trouble leaves one place; good answers give the others back.
#[tokio::test(start_paused = true)]
async fn trouble_shrinks_the_places_and_good_answers_give_them_back() {
    let yard = yard(Line::Accept(Duration::from_secs(1))).await;
    let slow = Line::Accept(Duration::from_secs(1));
    yard.provider.play(vec![Line::NoConnection, slow]);
    for n in 0..200_u32 {
        yard.queue(&format!("+1555111{n:04}"), "hi").await;
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let allowed = yard.engine.accounts(ORGANIZATION).unwrap()[0].allowed;
    assert!(allowed < PLACES, "{allowed}");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(yard.engine.accounts(ORGANIZATION).unwrap()[0].allowed, PLACES);
    assert_eq!(circuit(&yard), Circuit::Closed);
}

/// The last check looks at the circuit: what was claimed before it opened is not begun behind that.
#[tokio::test(start_paused = true)]
async fn what_was_claimed_before_it_opened_is_not_begun() {
    let yard = yard(Line::Refuse(Class::Configuration, Duration::from_millis(10))).await;
    yard.faults().push("claim", Fault::After(Duration::from_secs(1)));
    let claimed = yard.queue("+15551110001", "claimed").await.id;
    yard.until(claimed, State::Sending).await;
    // Nobody has heard of the claim yet; meanwhile another message opens the circuit.
    let refused = yard.send_now("+15551110002", "now").await;
    assert!(matches!(refused, Err(NotSent::Refused { .. })), "{refused:?}");
    assert!(matches!(circuit(&yard), Circuit::Open { .. }));
    yard.provider.play(vec![QUICK]);

    tokio::time::sleep(Duration::from_secs(2)).await;
    let back = yard.message(claimed).await;
    assert_eq!(yard.seen().len(), 1, "it was handed over through an open circuit");
    assert_eq!((back.state, back.tries), (State::Queued, 0));
    assert_eq!(back.attempts[0].result, AttemptResult::NeverBegun);
    yard.until(claimed, State::Sent).await;
}
