use std::collections::HashMap;
use std::time::Duration;

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{Kind, Lane};
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::validity::{Expires, Validity};
use sendyard_actors::engine::{Engine, QueuedAt, SendRequest};

use super::yard::{Builder, FROM, Line, Yard, number};

/// Random enough, and the same each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What was told of a message, and when.
pub(crate) struct Told {
    pub(crate) id: MessageId,
    pub(crate) at: Time,
    pub(crate) estimate: Time,
    position: u64,
    pub(crate) is_expectation: bool,
}

async fn queue(yard: &Yard, index: u64, segments: u64, lane: Lane) -> Told {
    queue_from(&yard.engine, yard, FROM, index, segments, lane).await
}

pub(crate) async fn queue_from(
    engine: &Engine,
    yard: &Yard,
    from: &str,
    index: u64,
    segments: u64,
    lane: Lane,
) -> Told {
    let text = "x".repeat(if segments == 1 { 10 } else { 153 * usize::try_from(segments).unwrap() });
    let request = Yard::request(&format!("+1555{index:07}"), &text, Kind::Queued);
    let request = SendRequest { lane, from: number(from), ..request };
    let at = yard.now();
    let sent = engine.send(request).await.expect("accepted");
    let queued = sent.queued.expect("a place");
    let QueuedAt { position, estimate, is_expectation } = queued;
    Told { id: sent.id, at, estimate, position, is_expectation }
}

/// The share of those that went within a second, or 2 % of their wait, of what was told.
pub(crate) async fn share_told_well(yard: &Yard, told: &[Told]) -> f64 {
    while yard.provider.accepted().len() < yard.seen().len().max(1)
        || !told.iter().all(|one| has_gone(yard, one))
    {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let went: HashMap<MessageId, Time> = yard.seen().into_iter().map(|seen| (seen.id, seen.at)).collect();
    let well = told.iter().filter(|one| {
        let at = went[&one.id];
        let off = at.since(one.estimate).max(one.estimate.since(at));
        off <= Duration::from_secs(1).max(at.since(one.at).mul_f64(0.02))
    });
    let (well, all) = (u32::try_from(well.count()).unwrap(), u32::try_from(told.len()).unwrap());
    f64::from(well) / f64::from(all)
}

fn has_gone(yard: &Yard, told: &Told) -> bool {
    yard.provider.accepted().contains(&told.id)
}

fn yard_with(limits: Vec<&'static str>) -> Builder {
    Builder { limits, script: vec![Line::Accept(Duration::from_millis(20))], ..Builder::default() }
}

#[tokio::test(start_paused = true)]
async fn over_random_workloads_nearly_all_are_told_well() {
    let limits =
        [vec!["10/s"], vec!["1/s"], vec!["20/min"], vec!["5/s", "100/min"], vec!["4 messages/s", "9/s"]];
    for (seed, limits) in limits.into_iter().enumerate() {
        let name = format!("{limits:?}");
        let yard = yard_with(limits).start().await;
        let mut dice = Dice(seed as u64 + 1);
        let mut told = Vec::new();
        for index in 0..400 {
            // Bursts, and pauses between them that let the queue run empty now and then.
            if dice.below(12) == 0 {
                tokio::time::sleep(Duration::from_millis(dice.below(20_000))).await;
            }
            told.push(queue(&yard, index, 1 + dice.below(3), Lane::Normal).await);
        }
        let share = share_told_well(&yard, &told).await;
        assert!(share >= 0.95, "{name}: {share}");
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_queue_that_is_longer_than_what_is_known_too() {
    let yard = yard_with(vec!["10/s"]).start().await;
    let mut dice = Dice(7);
    let mut told = Vec::new();
    for index in 0..3000 {
        told.push(queue(&yard, index, 1 + dice.below(3), Lane::Normal).await);
    }
    let positions: Vec<u64> = told.iter().map(|one| one.position).collect();
    assert!(positions.is_sorted() && positions[2999] > 2900, "{}", positions[2999]);
    let share = share_told_well(&yard, &told).await;
    assert!(share >= 0.95, "{share}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_told_its_share_beside_the_others() {
    let lanes = [Lane::Urgent, Lane::Normal, Lane::Bulk];
    for last in lanes {
        let yard = yard_with(vec!["10/s"]).start().await;
        let mut dice = Dice(11);
        let mut index = 0;
        let mut told = Vec::new();
        // What comes later in another lane cannot be known, so the lane that is filled last is judged.
        for lane in lanes.into_iter().filter(|lane| *lane != last).chain([last]) {
            told.clear();
            for _ in 0..120 {
                index += 1;
                told.push(queue(&yard, index, 1 + dice.below(3), lane).await);
            }
        }
        let share = share_told_well(&yard, &told).await;
        assert!(share >= 0.95, "{last:?}: {share}");
    }
}

/// With urgent messages at a known rate it is told what is to be expected, and that it is that.
#[tokio::test(start_paused = true)]
async fn with_traffic_in_a_higher_lane_an_expectation_is_told() {
    let yard = yard_with(vec!["10/s"]).start().await;
    let mut index = 0;
    // Three of ten segments each second are urgent, before and after.
    for _ in 0..90 {
        index += 1;
        assert!(!queue(&yard, index, 1, Lane::Urgent).await.is_expectation, "nothing is more urgent");
        tokio::time::sleep(Duration::from_millis(333)).await;
    }
    let mut told = Vec::new();
    for _ in 0..600 {
        index += 1;
        told.push(queue(&yard, index, 1, Lane::Normal).await);
    }
    assert!(told[100..].iter().all(|one| one.is_expectation));
    let of_a_batch = vec![Yard::request("+15559999999", "hello", Kind::Queued)];
    let of_a_batch = yard.engine.send_all(of_a_batch, Time::MAX).await;
    assert!(of_a_batch[0].as_ref().unwrap().queued.unwrap().is_expectation, "of a batch, too");
    while !has_gone(&yard, &told[599]) {
        index += 1;
        queue(&yard, index, 1, Lane::Urgent).await;
        tokio::time::sleep(Duration::from_millis(333)).await;
    }
    let went: HashMap<MessageId, Time> = yard.seen().into_iter().map(|seen| (seen.id, seen.at)).collect();
    for one in &told[100..] {
        let (wait, told) =
            (went[&one.id].since(one.at).as_secs_f64(), one.estimate.since(one.at).as_secs_f64());
        assert!((wait - told).abs() <= 0.1 * wait, "{told} s were told, it took {wait} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_expires_is_judged_by_what_is_there() {
    let yard = yard_with(vec!["1/s"]).start().await;
    for index in 0..40 {
        queue(&yard, index, 1, Lane::Urgent).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for index in 0..30 {
        queue(&yard, 100 + index, 1, Lane::Normal).await;
    }
    let validity =
        Validity { expires: Some(Expires::Within(Duration::from_secs(45))), ..Validity::default() };
    let request = SendRequest { validity, ..Yard::request("+15559999999", "hello", Kind::Queued) };
    let sent = yard.engine.send(request).await.expect("in time, unless more comes");
    assert!(sent.queued.unwrap().is_expectation);
}
