//! Judged by what the provider saw, by a count that knows no rule of the engine.

use std::sync::Arc;

use sendyard_actors::domain::message::Cancelled;
use sendyard_actors::domain::time::Time;

use super::messages_move_with_their_shards::{accepting, two};
use super::*;
use crate::engine::faulty::Faults;
use crate::engine::yard::{ORGANIZATION, Seen, account, second};

/// How a limit is judged: so many units in every window of this length.
#[derive(Clone, Copy)]
pub(crate) struct Judged {
    pub(crate) units: u32,
    pub(crate) window: Duration,
}

const TEN: Judged = Judged { units: 10, window: SECOND };

fn limited(limit: &'static str) -> Builder {
    Builder { account_limits: vec![limit], ..accepting(20 * MOMENT) }
}

/// The segments of a text, as long as it has letters of the GSM alphabet alone.
fn segments(text: &str) -> u32 {
    if text.len() <= 160 { 1 } else { u32::try_from(text.len().div_ceil(153)).unwrap() }
}

/// No window that ends with one of these holds more than the limit, and of the limit so much was used between two
/// instants.
pub(crate) fn judge(seen: &[Seen], limit: Judged, from: Time, until: Time) -> f64 {
    judge_by(|one| segments(&one.text), seen, limit, from, until)
}

/// The same of a limit that counts so many units of each.
pub(crate) fn judge_by(
    units: impl Fn(&Seen) -> u32,
    seen: &[Seen],
    limit: Judged,
    from: Time,
    until: Time,
) -> f64 {
    for (index, last) in seen.iter().enumerate() {
        let window = seen[..=index].iter().filter(|one| one.at + limit.window > last.at);
        let sum: u32 = window.map(&units).sum();
        assert!(sum <= limit.units, "{sum} units in the window that ends at {:?}", last.at);
    }
    let used: u32 = seen.iter().filter(|one| one.at >= from && one.at < until).map(&units).sum();
    f64::from(used) * limit.window.as_secs_f64() / until.since(from).as_secs_f64() / f64::from(limit.units)
}

/// The two, the one first that passes on what the account may do.
fn owner_first<'a>(first: &'a Engine, second: &'a Engine) -> [&'a Engine; 2] {
    if first.shards().contains(Shard::of_account(&account())) { [first, second] } else { [second, first] }
}

pub(super) async fn queue_many(engine: &Engine, from: &str, count: usize) {
    for index in 0..count {
        queue(engine, from, &format!("+1555{index:07}"), "hello").await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_use_nearly_all_of_a_limit_and_never_more() {
    let limits = [("1/s", 1), ("10/s", 10), ("100/s", 100)];
    for (text, units) in limits {
        let (yard, another) = two(limited(text), &Arc::default()).await;
        for engine in [&yard.engine, &another.engine] {
            queue_many(engine, &number_of(engine), units * 25).await;
        }
        tokio::time::sleep(2 * SECOND).await;
        let from = yard.now();
        tokio::time::sleep(20 * SECOND).await;
        let limit = Judged { units: u32::try_from(units).unwrap(), window: SECOND };
        let used = judge(&yard.seen(), limit, from, yard.now());
        assert!(used >= 0.95, "{text}: {used:.3}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_has_no_work_for_the_other_uses() {
    for owner_works in [true, false] {
        let (yard, another) = two(limited("10/s"), &Arc::default()).await;
        let [owner, other] = owner_first(&yard.engine, &another.engine);
        let (busy, idle) = if owner_works { (owner, other) } else { (other, owner) };
        queue_many(busy, &number_of(busy), 300).await;
        tokio::time::sleep(2 * SECOND).await;
        let from = yard.now();
        for _ in 0..20 {
            queue_many(idle, &number_of(idle), 1).await;
            tokio::time::sleep(SECOND).await;
        }
        let used = judge(&yard.seen(), TEN, from, yard.now());
        assert!(used >= 0.95, "{used:.3}");
        let theirs = yard.seen().len();
        assert!(theirs > 200, "{theirs}");
    }
}

/// Messages that do not fit side by side leave some of a limit, however many processes there are.
#[tokio::test(start_paused = true)]
async fn messages_of_several_segments_cost_as_many_units() {
    let alone = Builder { more_numbers: vec!["+12025550000".to_owned()], ..limited("10/s") }.start().await;
    let used_alone = use_of_mixed_costs(&alone, [&alone.engine; 2], [FROM, "+12025550000"]).await;
    let (yard, another) = two(limited("10/s"), &Arc::default()).await;
    let engines = [&yard.engine, &another.engine];
    let numbers = engines.map(number_of);
    let used = use_of_mixed_costs(&yard, engines, [&numbers[0], &numbers[1]]).await;
    println!("of the limit {used:.3}, alone {used_alone:.3}");
    assert!(used >= 0.95 * used_alone, "{used:.3}, alone {used_alone:.3}");
}

async fn use_of_mixed_costs(yard: &Yard, engines: [&Engine; 2], numbers: [&str; 2]) -> f64 {
    for index in 0..160 {
        let text = "a".repeat([20, 400, 160, 20, 1000][index % 5]);
        queue(engines[index % 2], numbers[index % 2], &format!("+1555{index:07}"), &text).await;
    }
    tokio::time::sleep(2 * SECOND).await;
    let from = yard.now();
    tokio::time::sleep(20 * SECOND).await;
    judge(&yard.seen(), TEN, from, yard.now())
}

#[tokio::test(start_paused = true)]
async fn slow_notes_and_slow_claims_cost_use_and_no_window() {
    let faults = Arc::<Faults>::default();
    let (yard, another) = two(limited("10/s"), &faults).await;
    for faults in [yard.faults(), &*faults] {
        faults.delay_all("tell", 30 * MOMENT);
        faults.delay_all("claim", 80 * MOMENT);
    }
    for engine in [&yard.engine, &another.engine] {
        queue_many(engine, &number_of(engine), 200).await;
    }
    tokio::time::sleep(2 * SECOND).await;
    let from = yard.now();
    tokio::time::sleep(20 * SECOND).await;
    let used = judge(&yard.seen(), TEN, from, yard.now());
    assert!(used >= 0.85, "{used:.3}");
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

/// The process that passes the units on is gone: another reads what was handed over, and passes on.
#[tokio::test(start_paused = true)]
async fn when_the_owner_is_killed_another_goes_on_and_no_window_is_over() {
    for at in [200, 450, 700, 950] {
        let mut yard = yard_of(limited("3/2s")).await;
        let other = yard.another().await;
        shared_out(&[&yard.engine, &other.engine], 2 * SECOND).await;
        let is_owner = yard.engine.shards().contains(Shard::of_account(&account()));
        for engine in [&yard.engine, &other.engine] {
            queue_many(engine, &number_of(engine), 60).await;
        }
        tokio::time::sleep(3 * SECOND + at * MOMENT).await;
        yard.dies();
        let died_at = yard.now();
        tokio::time::sleep(30 * SECOND).await;
        let from = died_at + 12 * SECOND;
        let used = judge(&yard.seen(), Judged { units: 3, window: 2 * SECOND }, from, yard.now());
        assert!(used >= 0.9, "owner: {is_owner}, {used:.3}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_window_is_over_while_processes_come_and_go() {
    let mut yard = yard_of(limited("5/s")).await;
    queue_many(&yard.engine, FROM, 400).await;
    for index in 0..12 {
        queue_many(&yard.engine, &format!("+1202555{index:04}"), 30).await;
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

/// Nothing that one says reaches the other, for a while.
#[tokio::test(start_paused = true)]
async fn while_notes_are_lost_no_window_is_over_and_afterwards_both_send() {
    let faults = Arc::<Faults>::default();
    let (yard, another) = two(limited("10/s"), &faults).await;
    for engine in [&yard.engine, &another.engine] {
        queue_many(engine, &number_of(engine), 400).await;
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
}

/// Those ask nobody; the queues of both yield.
#[tokio::test(start_paused = true)]
async fn immediate_messages_of_either_are_charged_to_the_queues_of_both() {
    let faults = Arc::<Faults>::default();
    let (yard, another) = two(limited("10/s"), &faults).await;
    for engine in [&yard.engine, &another.engine] {
        queue_many(engine, &number_of(engine), 200).await;
    }
    tokio::time::sleep(2 * SECOND).await;
    // What is said first is lost, and said again.
    faults.refuse_all("tell");
    for index in 0..40 {
        let engine = if index % 2 == 0 { &yard.engine } else { &another.engine };
        let from = number_of(engine);
        engine.send(request(&from, "+15559999999", "at once", Kind::Immediate)).await.unwrap();
        if index == 2 {
            faults.refuse_no_more();
        }
        tokio::time::sleep(190 * MOMENT).await;
    }
    let seen = yard.seen();
    let immediate = seen.iter().filter(|one| one.text == "at once").count();
    assert_eq!(immediate, 40);
    let end = seen.last().unwrap().at;
    let units = seen.iter().filter(|one| one.at + 7 * SECOND > end).count();
    // Five a second are immediate; what is told late makes windows of a moment over, no more.
    assert!((60..=72).contains(&units), "{units} units in seven seconds of ten");
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_fallback_account_holds_over_all_processes() {
    let builder = Builder {
        second_account: true,
        fallback: true,
        second_limits: vec!["5/s"],
        second_plays: Some(Line::Accept(Duration::ZERO)),
        script: vec![Line::Refuse(sendyard_actors::domain::outcome::Class::Configuration, Duration::ZERO)],
        ..Builder::default()
    };
    let (yard, another) = two(builder, &Arc::default()).await;
    for engine in [&yard.engine, &another.engine] {
        queue_many(engine, &number_of(engine), 2).await;
    }
    tokio::time::sleep(20 * SECOND).await;
    let seen: Vec<Seen> = yard.seen().into_iter().filter(|one| one.account == second()).collect();
    judge(&seen, Judged { units: 5, window: SECOND }, Time::ZERO, yard.now());
    assert!(!seen.is_empty(), "something went there");
}

const ONE_IN_TEN: Judged = Judged { units: 1, window: Duration::from_secs(10) };
const SIX_IN_TEN: Judged = Judged { units: 6, window: Duration::from_secs(10) };

/// Immediate ones are written without asking, so only what is read from the store tells the next owner of them.
#[tokio::test(start_paused = true)]
async fn what_was_handed_over_before_counts_with_the_next_owner() {
    let mut yard = yard_of(limited("6/10s")).await;
    for index in 0..5 {
        yard.send_now(&format!("+1555000000{index}"), "at once").await.unwrap();
    }
    queue_many(&yard.engine, FROM, 20).await;
    tokio::time::sleep(SECOND).await;
    let another = yard.another().await;
    shared_out(&[&yard.engine, &another.engine], 2 * SECOND).await;
    yard.stop(SECOND).await;
    yard.stand_in(another);
    tokio::time::sleep(30 * SECOND).await;
    let used = judge(&yard.seen(), SIX_IN_TEN, Time::ZERO, yard.now());
    assert!(yard.seen().len() > 10, "{used}");
}

/// Three engines with faults of their own, of which the first passes on what the account may do.
struct Three {
    yard: Yard,
    engines: Vec<Engine>,
    faults: Vec<Arc<Faults>>,
    others: Vec<RunningEngine>,
}

impl Three {
    async fn start(limit: &'static str) -> Self {
        let mut faults: Vec<Arc<Faults>> = (0..3).map(|_| Arc::default()).collect();
        let yard = yard_of(Builder { faults: Arc::clone(&faults[0]), ..limited(limit) }).await;
        let others = vec![yard.another_with(&faults[1]).await, yard.another_with(&faults[2]).await];
        let mut engines = vec![yard.engine.clone()];
        engines.extend(others.iter().map(|other| other.engine.clone()));
        shared_out(&engines.iter().collect::<Vec<_>>(), 2 * SECOND).await;
        let owns = |engine: &Engine| engine.shards().contains(Shard::of_account(&account()));
        let owner = engines.iter().position(owns).unwrap();
        engines.swap(0, owner);
        faults.swap(0, owner);
        Self { yard, engines, faults, others }
    }

    async fn stop_the_owner(&mut self) {
        let owner = self.engines[0].clone();
        let is_it = |other: &RunningEngine| other.engine.shards() == owner.shards();
        match self.others.iter().position(is_it) {
            Some(place) => self.others.remove(place).stop(Duration::ZERO).await,
            None => self.yard.stop(Duration::ZERO).await,
        }
    }
}

/// What the last owner granted is claimed late, and written when the next one has begun.
#[tokio::test(start_paused = true)]
async fn the_next_owner_waits_until_what_the_last_one_granted_is_over() {
    let mut three = Three::start("1/10s").await;
    let [owner, slow, third] = [0, 1, 2].map(|place: usize| three.engines[place].clone());
    let first = queue(&owner, &number_of(&owner), "+15550000001", "hello").await.id;
    three.yard.until(first, State::Sent).await;
    tokio::time::sleep(12 * SECOND).await;

    three.faults[1].delay_all("claim", 400 * MOMENT);
    queue(&slow, &number_of(&slow), "+15550000002", "hello").await;
    tokio::time::sleep(5 * MOMENT).await;
    queue(&third, &number_of(&third), "+15550000003", "hello").await;
    three.stop_the_owner().await;
    tokio::time::sleep(30 * SECOND).await;
    let seen = three.yard.seen();
    judge(&seen, ONE_IN_TEN, Time::ZERO, three.yard.now());
    assert_eq!(seen.len(), 3);
}

/// Its leases run out and another owner grants; what it says itself is still heard.
#[tokio::test(start_paused = true)]
async fn an_owner_that_hangs_grants_nothing_more() {
    let three = Three::start("10/s").await;
    for engine in &three.engines {
        queue_many(engine, &number_of(engine), 200).await;
    }
    tokio::time::sleep(2 * SECOND).await;
    three.faults[0].hang();
    tokio::time::sleep(20 * SECOND).await;
    judge(&three.yard.seen(), TEN, Time::ZERO, three.yard.now());
}

#[tokio::test(start_paused = true)]
async fn what_one_does_not_use_after_all_another_has_at_once() {
    let faults = Arc::<Faults>::default();
    let (yard, another) = two(limited("1/10s"), &faults).await;
    // Both are known to the owner, and it has read what it must.
    for engine in [&yard.engine, &another.engine] {
        let id = queue(engine, &number_of(engine), "+15550000001", "hello").await.id;
        yard.until(id, State::Sent).await;
    }
    tokio::time::sleep(12 * SECOND).await;
    faults.delay_all("claim", 100 * MOMENT);
    let id = queue(&another.engine, &number_of(&another.engine), "+15550000002", "cancelled").await.id;
    tokio::time::sleep(20 * MOMENT).await;
    let waits = queue(&yard.engine, &number_of(&yard.engine), "+15550000003", "hello").await.id;
    let cancelled = another.engine.cancel(ORGANIZATION, id).await.unwrap().unwrap();
    assert_eq!(cancelled.0, Cancelled::Done);
    let cancelled_at = yard.now();
    yard.until(waits, State::Sent).await;
    let took = yard.now().since(cancelled_at);
    assert!(took < SECOND / 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_at_the_provider_counts_with_the_next_owner() {
    let mut yard = yard_of(Builder { account_limits: vec!["1/10s"], ..accepting(8 * SECOND) }).await;
    let another = yard.another().await;
    shared_out(&[&yard.engine, &another.engine], 2 * SECOND).await;
    let begun = queue(&yard.engine, &number_of(&yard.engine), "+15550000001", "hello").await.id;
    yard.until(begun, State::Sending).await;
    queue(&another.engine, &number_of(&another.engine), "+15550000002", "hello").await;
    yard.stop(Duration::ZERO).await;
    tokio::time::sleep(30 * SECOND).await;
    judge(&yard.seen(), ONE_IN_TEN, Time::ZERO, yard.now());
    assert_eq!(yard.seen().len(), 2);
}
