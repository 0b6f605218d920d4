//! Limits of an organization whose two accounts are used by several processes. Judged as those of an account are.

use std::sync::Arc;

use sendyard_actors::domain::time::Time;

use super::account_limits_hold_over_all_processes::{Judged, judge, queue_many};
use super::messages_move_with_their_shards::{accepting, two};
use super::*;
use crate::engine::faulty::Faults;
use crate::engine::yard::{account, second};

const TEN: Judged = Judged { units: 10, window: SECOND };

/// Numbers of the second account; some of each process.
const AT_SECOND: [&str; 8] = [
    "+12125550100",
    "+12125550101",
    "+12125550102",
    "+12125550103",
    "+12125550104",
    "+12125550105",
    "+12125550106",
    "+12125550107",
];

fn limited(organization: &'static str) -> Builder {
    Builder {
        organization_limits: vec![organization],
        second_account: true,
        at_second: AT_SECOND.to_vec(),
        ..accepting(20 * MOMENT)
    }
}

/// A number of the second account that this engine sends from.
fn at_second(engine: &Engine) -> &'static str {
    let owned = engine.shards();
    AT_SECOND
        .into_iter()
        .find(|one| owned.contains(Shard::of(number(one))))
        .expect("it has some of eight numbers")
}

#[tokio::test(start_paused = true)]
async fn two_processes_with_two_accounts_use_nearly_all_of_it_and_never_more() {
    for (text, units) in [("1/s", 1), ("10/s", 10), ("100/s", 100)] {
        let (yard, another) = two(limited(text), &Arc::default()).await;
        for engine in [&yard.engine, &another.engine] {
            queue_many(engine, &number_of(engine), units * 15).await;
            queue_many(engine, at_second(engine), units * 15).await;
        }
        tokio::time::sleep(2 * SECOND).await;
        let from = yard.now();
        tokio::time::sleep(20 * SECOND).await;
        let limit = Judged { units: u32::try_from(units).unwrap(), window: SECOND };
        let used = judge(&yard.seen(), limit, from, yard.now());
        println!("{text}: {used:.3}");
        assert!(used >= 0.95, "{text}: {used:.3}");
    }
}

/// Units of the account that wait for the organization's go back in time: they do not use up its week.
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_organization_costs_the_account_nothing() {
    let builder = Builder { account_limits: vec!["25/week@UTC"], ..limited("1/2s") };
    let (yard, another) = two(builder, &Arc::default()).await;
    for engine in [&yard.engine, &another.engine] {
        queue_many(engine, &number_of(engine), 40).await;
    }
    tokio::time::sleep(90 * SECOND).await;
    let seen = yard.seen();
    judge(&seen, Judged { units: 1, window: 2 * SECOND }, Time::ZERO, yard.now());
    assert_eq!(seen.iter().filter(|one| one.account == account()).count(), 25);
}

#[tokio::test(start_paused = true)]
async fn no_window_is_over_while_processes_come_and_go() {
    let mut yard = yard_of(limited("5/s")).await;
    queue_many(&yard.engine, FROM, 200).await;
    for from in AT_SECOND {
        queue_many(&yard.engine, from, 40).await;
    }
    tokio::time::sleep(2 * SECOND).await;
    let from = yard.now();
    for round in 0..4_u32 {
        let another = yard.another().await;
        tokio::time::sleep(2 * SECOND + 130 * round * MOMENT).await;
        if round % 2 == 0 {
            another.stop(SECOND).await;
        } else {
            yard.stop(SECOND).await;
            yard.stand_in(another);
        }
        tokio::time::sleep(SECOND + 170 * round * MOMENT).await;
    }
    let used = judge(&yard.seen(), Judged { units: 5, window: SECOND }, from, yard.now());
    assert!(used >= 0.4, "{used:.3}");
}

#[tokio::test(start_paused = true)]
async fn while_notes_are_lost_no_window_is_over_and_afterwards_both_send() {
    let faults = Arc::<Faults>::default();
    let (yard, another) = two(limited("10/s"), &faults).await;
    for engine in [&yard.engine, &another.engine] {
        queue_many(engine, &number_of(engine), 200).await;
        queue_many(engine, at_second(engine), 200).await;
    }
    tokio::time::sleep(3 * SECOND).await;
    for deaf in [yard.faults(), &*faults] {
        deaf.refuse_all("tell");
        tokio::time::sleep(3 * SECOND).await;
        deaf.refuse_no_more();
        tokio::time::sleep(3 * SECOND).await;
    }
    let from = yard.now();
    tokio::time::sleep(10 * SECOND).await;
    let used = judge(&yard.seen(), TEN, from, yard.now());
    assert!(used >= 0.95, "{used:.3}");
    let other = yard.seen().iter().filter(|one| one.account == second() && one.at >= from).count();
    assert!(other > 20, "{other}");
}

/// A claim that takes longer than its units last is of no use: the message goes back, and is not begun.
#[tokio::test(start_paused = true)]
async fn a_message_whose_units_are_over_when_it_is_claimed_is_not_begun() {
    let faults = Arc::<Faults>::default();
    let (yard, another) = two(limited("10/s"), &faults).await;
    let slow = &another.engine;
    faults.delay_all("claim", SECOND);
    let id = queue(slow, &number_of(slow), "+15550000001", "hello").await.id;
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(yard.seen().len(), 0);
    faults.delay_all("claim", Duration::ZERO);
    yard.until(id, State::Sent).await;
}
