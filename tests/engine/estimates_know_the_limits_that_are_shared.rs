//! Several senders behind one limit of their account or organization.

use std::collections::HashMap;
use std::time::Duration;

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{Kind, Lane, State};
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::validity::{Expires, Validity};
use sendyard_actors::engine::{NotSent, SendRequest};
use sendyard_actors::settings::Settings;

use super::estimates_come_from_the_real_schedule::{Dice, Told, queue_from, share_told_well};
use super::yard::{Builder, FROM, Line, Yard};

const OTHERS: [&str; 6] =
    ["+12025550100", "+12025550101", "+12025550102", "+12025550103", "+12025550104", "+12025550105"];

const AT_SECOND: [&str; 3] = ["+12125550100", "+12125550101", "+12125550102"];

fn builder(limits: Vec<&'static str>, account_limits: Vec<&'static str>) -> Builder {
    Builder {
        limits,
        account_limits,
        more_numbers: OTHERS.map(str::to_owned).to_vec(),
        script: vec![Line::Accept(Duration::from_millis(20))],
        ..Builder::default()
    }
}

/// What was told of the messages of one sender, while `others` have random backlogs and nothing more comes to them.
async fn of_one_beside(yard: &Yard, others: &[&str], seed: u64) -> Vec<Told> {
    let mut dice = Dice(seed);
    let mut index = 0;
    for other in others {
        for _ in 0..dice.below(120) {
            index += 1;
            queue_from(&yard.engine, yard, other, index, 1 + dice.below(3), Lane::Normal).await;
        }
    }
    let mut told = Vec::new();
    for _ in 0..150 {
        if dice.below(12) == 0 {
            tokio::time::sleep(Duration::from_millis(dice.below(4_000))).await;
        }
        index += 1;
        told.push(queue_from(&yard.engine, yard, FROM, index, 1 + dice.below(3), Lane::Normal).await);
    }
    told
}

/// By how much of their wait messages go later than was told, on average.
fn bias(yard: &Yard, told: &[Told]) -> f64 {
    let went: HashMap<MessageId, Time> = yard.seen().into_iter().map(|seen| (seen.id, seen.at)).collect();
    let (mut waited, mut was_told) = (Duration::ZERO, Duration::ZERO);
    for one in told {
        waited += went[&one.id].since(one.at);
        was_told += one.estimate.since(one.at);
    }
    waited.as_secs_f64() / was_told.as_secs_f64() - 1.0
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_account_is_told_with_what_waits_at_others() {
    let cases = [
        (vec!["5/s"], vec!["10/s"]),
        (vec!["100/s"], vec!["10/s"]),
        (vec!["3/s"], vec!["10 messages/s", "15/s"]),
        (vec![], vec!["5/s", "200/min"]),
        (vec!["5/s"], vec!["60/min", "3/s"]),
    ];
    for (seed, (limits, account_limits)) in cases.into_iter().enumerate() {
        let name = format!("{limits:?} behind {account_limits:?}");
        let yard = builder(limits, account_limits).start().await;
        let told = of_one_beside(&yard, &OTHERS, seed as u64 + 1).await;
        let share = share_told_well(&yard, &told).await;
        let expected = told.iter().filter(|one| one.is_expectation).count();
        let bias = bias(&yard, &told);
        println!("{name}: {share:.3}, bias {bias:.3}, {expected} of {} expected", told.len());
        assert!(share >= 0.95 && bias.abs() <= 0.03, "{name}: {share:.3}, bias {bias:.3}");
        assert!(expected * 10 >= told.len() * 9, "{name}: {expected}");
    }
}

/// What is larger than the limit takes the windows behind it as well.
#[tokio::test(start_paused = true)]
async fn messages_that_are_larger_than_the_limit_are_told_with_what_waits_at_others() {
    let mut all = 0.0;
    for seed in 1..7 {
        let yard = builder(vec!["1/s"], vec!["2/s"]).start().await;
        let told = of_one_beside(&yard, &OTHERS, seed).await;
        let share = share_told_well(&yard, &told).await;
        let bias = bias(&yard, &told);
        println!("{seed}: {share:.3}, bias {bias:.3}");
        assert!(share >= 0.85 && bias.abs() <= 0.03, "{seed}: {share:.3}, bias {bias:.3}");
        all += share;
    }
    assert!(all / 6.0 >= 0.95, "{all:.3} of 6");
}

/// A message that cannot go in time because of what waits at others is refused, with an instant at which it can.
#[tokio::test(start_paused = true)]
async fn what_expires_before_its_turn_at_the_account_is_refused() {
    let yard = builder(vec!["5/s"], vec!["1/s"]).start().await;
    for index in 0..20 {
        for other in &OTHERS[..2] {
            queue_from(&yard.engine, &yard, other, index, 1, Lane::Normal).await;
        }
    }
    for index in 0..9 {
        queue_from(&yard.engine, &yard, FROM, index, 1, Lane::Normal).await;
    }
    let within = |seconds| Validity {
        expires: Some(Expires::Within(Duration::from_secs(seconds))),
        ..Validity::default()
    };
    let asked = |validity| SendRequest { validity, ..Yard::request("+15559999999", "hello", Kind::Queued) };
    // Its own limits would let it go in two seconds; it is the tenth of three senders at one per second.
    let refused = yard.engine.send(asked(within(20))).await;
    let Err(NotSent::ExpiresBefore(earliest)) = refused else { panic!("{refused:?}") };
    let wait = earliest.since(yard.now());
    assert!(wait > Duration::from_secs(28) && wait < Duration::from_secs(32), "{wait:?}");
    let id = yard.engine.send(asked(within(33))).await.expect("in time").id;
    yard.until(id, State::Sent).await;
}

/// A full queue has room when the account lets its head go, not when its own limits would.
#[tokio::test(start_paused = true)]
async fn a_full_queue_has_room_when_the_account_lets_its_head_go() {
    let settings = Settings { queue_limit: 1, ..Settings::default() };
    let yard = Builder { settings, ..builder(vec!["5/s"], vec!["1/min"]) }.start().await;
    let first = queue_from(&yard.engine, &yard, OTHERS[0], 1, 1, Lane::Normal).await;
    yard.until(first.id, State::Sent).await;
    queue_from(&yard.engine, &yard, FROM, 1, 1, Lane::Normal).await;
    let refused = yard.engine.send(Yard::request("+15559999999", "hello", Kind::Queued)).await;
    let Err(NotSent::QueueFull(wait)) = refused else { panic!("{refused:?}") };
    assert!(wait > Duration::from_secs(50), "{wait:?}");
    tokio::time::sleep(wait + Duration::from_secs(1)).await;
    yard.engine.send(Yard::request("+15559999999", "hello", Kind::Queued)).await.expect("there is room");
}

/// Whose turn it is hangs on milliseconds here and there, as an account may want its turn just when it is another's; and
/// what goes beside what in a window hangs on that.
#[tokio::test(start_paused = true)]
async fn the_limit_of_the_organization_is_told_with_what_waits_at_others() {
    let cases = [1, 2]
        .into_iter()
        .flat_map(|seed| ["10/s", "2/s", "10 messages/s", "20/s"].map(|limit| (seed, limit)));
    let mut all = 0.0;
    for (seed, limit) in cases {
        let builder = Builder {
            organization_limits: vec![limit],
            second_account: true,
            at_second: AT_SECOND.to_vec(),
            ..builder(vec!["5/s"], Vec::new())
        };
        let yard = builder.start().await;
        let others = [&OTHERS[..3], &AT_SECOND[..]].concat();
        let told = of_one_beside(&yard, &others, seed).await;
        let share = share_told_well(&yard, &told).await;
        let bias = bias(&yard, &told);
        println!("{seed}, {limit}: {share:.3}, bias {bias:.3}");
        assert!(share >= 0.9 && bias.abs() <= 0.05, "{seed}, {limit}: {share:.3}, bias {bias:.3}");
        assert!(told[1..].iter().all(|one| one.is_expectation));
        all += share;
    }
    assert!(all / 8.0 >= 0.95, "{all:.3} of 8");
}

/// What comes to others later nobody knows: it says that it is an expectation.
#[tokio::test(start_paused = true)]
async fn where_more_comes_to_others_it_is_an_expectation() {
    for seed in 1..5 {
        let yard = builder(vec!["5/s"], vec!["10/s"]).start().await;
        let mut dice = Dice(seed);
        let mut told = Vec::new();
        for index in 0..600 {
            if dice.below(12) == 0 {
                tokio::time::sleep(Duration::from_millis(dice.below(20_000))).await;
            }
            let from = OTHERS[usize::try_from(dice.below(6)).unwrap()];
            told.push(queue_from(&yard.engine, &yard, from, index, 1 + dice.below(3), Lane::Normal).await);
        }
        let share = share_told_well(&yard, &told).await;
        let bias = bias(&yard, &told);
        println!("{share:.3}, bias {bias:.3}");
        assert!(share >= 0.0 && bias.abs() <= 0.4, "{share:.3}, bias {bias:.3}");
        let expected = told.iter().filter(|one| one.is_expectation).count();
        assert!(expected * 2 >= told.len(), "{expected}");
    }
}
