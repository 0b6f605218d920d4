//! One process, two accounts of one organization that has limits. Judged as those of an account are.

use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::SendRequest;

use super::several_processes_share_a_store::account_limits_hold_over_all_processes::{Judged, judge};
use super::yard::{Builder, FROM, Line, Seen, Yard, account, number, second};

const AT_SECOND: &str = "+12025550100";
const SECOND: Duration = Duration::from_secs(1);
const TEN: Judged = Judged { units: 10, window: SECOND };

fn limited(organization: &'static str) -> Builder {
    Builder {
        organization_limits: vec![organization],
        second_account: true,
        at_second: vec![AT_SECOND],
        script: vec![Line::Accept(Duration::from_millis(20))],
        ..Builder::default()
    }
}

async fn queue_many(yard: &Yard, from: &str, count: usize) {
    for index in 0..count {
        yard.queue_from(from, &format!("+1555{index:07}")).await;
    }
}

fn through(seen: &[Seen], account: &sendyard_actors::domain::ids::AccountName) -> usize {
    seen.iter().filter(|one| one.account == *account).count()
}

#[tokio::test(start_paused = true)]
async fn two_accounts_use_nearly_all_of_it_in_turns_and_never_more() {
    for (text, units) in [("1/s", 1), ("10/s", 10), ("100/s", 100)] {
        let yard = limited(text).start().await;
        for from in [FROM, AT_SECOND] {
            queue_many(&yard, from, usize::try_from(units).unwrap() * 25).await;
        }
        tokio::time::sleep(2 * SECOND).await;
        let from = yard.now();
        tokio::time::sleep(20 * SECOND).await;
        let seen = yard.seen();
        let used = judge(&seen, Judged { units, window: SECOND }, from, yard.now());
        let (first, other) = (through(&seen, &account()), through(&seen, &second()));
        println!("{text}: {used:.3}, {first} and {other}");
        assert!(used >= 0.95, "{text}: {used:.3}");
        assert!(first.abs_diff(other) <= seen.len() / 5, "{text}: {first} and {other}");
    }
}

/// What the account of one does not allow it, the other account gets of the organization's.
#[tokio::test(start_paused = true)]
async fn what_an_account_does_not_allow_costs_the_organization_nothing() {
    let yard = Builder { account_limits: vec!["1/s"], ..limited("10/s") }.start().await;
    for from in [FROM, AT_SECOND] {
        queue_many(&yard, from, 300).await;
    }
    tokio::time::sleep(2 * SECOND).await;
    let from = yard.now();
    tokio::time::sleep(20 * SECOND).await;
    let seen = yard.seen();
    let used = judge(&seen, TEN, from, yard.now());
    let first = through(&seen, &account());
    assert!(used >= 0.95, "{used:.3}");
    assert!((20..=23).contains(&first), "{first} in 22 s at 1/s");
}

/// And the other way round: what it does not allow leaves the account's day as it is.
#[tokio::test(start_paused = true)]
async fn what_the_organization_does_not_allow_costs_the_account_nothing() {
    let yard = Builder { account_limits: vec!["25/week@UTC"], ..limited("1/2s") }.start().await;
    queue_many(&yard, FROM, 60).await;
    tokio::time::sleep(70 * SECOND).await;
    assert_eq!(yard.seen().len(), 25, "those of the week, in the time of the organization");
}

#[tokio::test(start_paused = true)]
async fn what_was_handed_over_before_a_restart_counts_of_both_accounts() {
    let mut yard = limited("4/h").start().await;
    for from in [FROM, AT_SECOND] {
        let ids =
            [yard.queue_from(from, "+15550000001").await.id, yard.queue_from(from, "+15550000002").await.id];
        for id in ids {
            yard.until(id, State::Sent).await;
        }
    }
    let before = yard.seen().last().unwrap().at;
    yard.crash_and_restart().await;
    queue_many(&yard, AT_SECOND, 2).await;
    tokio::time::sleep(50 * 60 * SECOND).await;
    assert_eq!(yard.seen().len(), 4);
    tokio::time::sleep(60 * 60 * SECOND).await;
    let seen = yard.seen();
    assert!(seen.len() > 4);
    judge(&seen, Judged { units: 4, window: 3600 * SECOND }, before, yard.now());
}

/// They ask nobody, and the queues of all accounts yield.
#[tokio::test(start_paused = true)]
async fn immediate_messages_are_charged_to_it() {
    let yard = limited("5/10s").start().await;
    // What it knows is read by then.
    tokio::time::sleep(SECOND).await;
    for index in 0..5 {
        let to = format!("+1555000000{index}");
        let request =
            SendRequest { from: number(AT_SECOND), ..Yard::request(&to, "at once", Kind::Immediate) };
        yard.engine.send(request).await.unwrap();
    }
    let last = yard.seen().last().unwrap().at;
    let id = yard.queue("+15559999999", "queued").await.id;
    yard.until(id, State::Sent).await;
    let went = yard.seen().last().unwrap().at;
    assert!(went.since(last) >= 9 * SECOND, "{:?}", went.since(last));
}

/// The first message waits for nothing, though its organization has limits.
#[tokio::test(start_paused = true)]
async fn an_idle_organization_starts_at_once() {
    let yard = limited("1/s").start().await;
    tokio::time::sleep(SECOND).await;
    let asked_at = yard.now();
    let id = yard.queue("+15550000001", "hello").await.id;
    yard.until(id, State::Sent).await;
    let took = yard.seen()[0].at.since(asked_at);
    assert!(took <= Duration::from_millis(5), "{took:?}");
}

/// A message that moves to another account is one of the organization there, too.
#[tokio::test(start_paused = true)]
async fn what_moves_to_its_fallback_account_goes_by_it() {
    let refuse = Line::Refuse(sendyard_actors::domain::outcome::Class::Configuration, Duration::ZERO);
    let builder = Builder {
        fallback: true,
        script: vec![refuse],
        second_plays: Some(Line::Accept(Duration::ZERO)),
        ..limited("2/s")
    };
    let yard = builder.start().await;
    queue_many(&yard, FROM, 3).await;
    queue_many(&yard, AT_SECOND, 40).await;
    tokio::time::sleep(30 * SECOND).await;
    judge(&yard.seen(), Judged { units: 2, window: SECOND }, Time::ZERO, yard.now());
    assert_eq!(yard.provider.accepted().len(), 43);
}
