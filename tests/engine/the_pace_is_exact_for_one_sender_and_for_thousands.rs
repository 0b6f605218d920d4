//! One sender at 1000/s, a hundred at 10/s, many at 1/s, with messages of one to ten segments: never over, and at
//! least 99 % of what the earliest schedule would reach, with the usual guard, over a hundred windows and more; through
//! kills, changes of limits, and a wall clock that is set forward while nothing runs.

use std::collections::HashMap;
use std::time::Duration;

use sendyard_actors::domain::message::Kind;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::tuning::{Part, Retune};
use sendyard_actors::engine::SendRequest;
use sendyard_actors::settings::Settings;

use super::exact::{HandOver, Since, first_over, used};
use super::yard::{Builder, Line, ORGANIZATION, Yard, number};

const SECOND: Duration = Duration::from_secs(1);

/// So many of ten thousand senders, which know nothing of each other, are enough to be judged over a hundred windows
/// each. `cargo bench --bench pace -- lateness` judges ten thousand.
const OF_TEN_THOUSAND: usize = 100;

struct Shape {
    senders: usize,
    limit: &'static str,
    per_second: u64,
    most_segments: usize,
}

const SHAPES: [Shape; 3] = [
    Shape { senders: 1, limit: "1000/s", per_second: 1000, most_segments: 10 },
    Shape { senders: 100, limit: "10/s", per_second: 10, most_segments: 10 },
    Shape { senders: OF_TEN_THOUSAND, limit: "1/s", per_second: 1, most_segments: 10 },
];

impl Shape {
    fn numbers(&self) -> Vec<String> {
        (0..self.senders).map(|n| format!("+1555{n:07}")).collect()
    }

    async fn start(&self) -> Yard {
        let script = vec![Line::Accept(Duration::from_millis(20))];
        let settings = Settings { places_in_flight: 20_000, ..Settings::default() };
        let (limits, more_numbers) = (vec![self.limit], self.numbers());
        Builder { limits, script, settings, more_numbers, ..Builder::default() }.start().await
    }

    /// Work for so many seconds and a little more, of each sender, with sizes that differ.
    async fn fill(&self, yard: &Yard, seconds: u64) {
        for number in self.numbers() {
            let (mut units, mut n) = (0, 0);
            while units < self.per_second * seconds {
                let segments = 1 + (n * 7 + n / 3) % self.most_segments;
                queue(yard, &number, n, segments).await;
                units += u64::try_from(segments).unwrap();
                n += 1;
            }
        }
    }
}

async fn queue(yard: &Yard, from: &str, n: usize, segments: usize) {
    let from = number(from);
    let text = "x".repeat(153 * segments - 10);
    let request = SendRequest { from, ..Yard::request(&format!("+1666{n:07}"), &text, Kind::Queued) };
    let sent = yard.engine.send(request).await.expect("accepted");
    assert_eq!(usize::from(sent.segments), segments);
}

/// What the provider saw of each sender since an instant.
fn hand_overs(yard: &Yard, from: usize) -> HashMap<E164, Vec<HandOver>> {
    let mut by_sender: HashMap<E164, Vec<HandOver>> = HashMap::new();
    for seen in yard.seen().into_iter().skip(from) {
        let segments = u64::try_from((seen.text.len() + 10) / 153).unwrap();
        by_sender.entry(seen.from).or_default().push((seen.at, segments));
    }
    by_sender
}

async fn is_exact_from_a_kill_on(shape: &Shape) {
    let mut yard = shape.start().await;
    // The last of each sender may be large, and what it fills behind itself is not seen.
    shape.fill(&yard, 118).await;
    yard.crash_and_restart().await;
    let begun = yard.seen().len();
    tokio::time::sleep(SECOND * 135).await;
    let always = [(Time::ZERO, shape.per_second)];
    for hand_overs in hand_overs(&yard, 0).values() {
        assert_eq!(first_over(hand_overs, &always), None, "{}", shape.limit);
    }
    let busy = hand_overs(&yard, begun);
    assert_eq!(busy.len(), shape.senders);
    let (mut least, mut windows) = (1.0_f64, u64::MAX);
    for hand_overs in busy.values() {
        let (first, last) = (hand_overs.first().unwrap().0, hand_overs.last().unwrap().0);
        windows = windows.min(last.since(first).as_secs());
        least = least.min(used(hand_overs, shape.per_second));
    }
    println!(
        "{} × {}: {least:.4} used by the one that used least, over {windows} windows",
        shape.senders, shape.limit
    );
    assert!(windows >= 100, "{windows}");
    assert!((0.99..=1.0).contains(&least), "{} at {}: {least:.4}", shape.senders, shape.limit);
}

#[tokio::test(start_paused = true)]
async fn one_sender_at_1000_a_second_is_never_over_and_uses_99_percent() {
    let [one, ..] = SHAPES;
    is_exact_from_a_kill_on(&one).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_10_a_second_are_never_over_and_use_99_percent() {
    let [_, hundred, _] = SHAPES;
    is_exact_from_a_kill_on(&hundred).await;
}

#[tokio::test(start_paused = true)]
async fn many_at_1_a_second_are_never_over_and_use_99_percent() {
    let [.., many] = SHAPES;
    is_exact_from_a_kill_on(&many).await;
}

/// Retuned, killed, set forward by an hour: whatever it was, no second is over by the limits that held in it, and
/// work goes on.
#[tokio::test(start_paused = true)]
async fn no_window_is_over_through_changes_kills_and_a_clock_that_is_set_forward() {
    for (shape, other) in SHAPES.iter().zip([500, 20, 2]) {
        // One that is larger than its limit pays with later seconds, by whatever limit it met.
        let most_segments = shape.most_segments.min(usize::try_from(shape.per_second).unwrap());
        let shape = &Shape { senders: shape.senders.min(20), most_segments, ..*shape };
        let mut yard = shape.start().await;
        shape.fill(&yard, 20).await;
        let mut limits = vec![(Time::ZERO, shape.per_second)];
        for round in 0..3_u64 {
            tokio::time::sleep(SECOND * 2 + Duration::from_millis(130 * round)).await;
            let to = if round % 2 == 0 { other } else { shape.per_second };
            retune(&yard, shape, to, &mut limits).await;
            tokio::time::sleep(SECOND + Duration::from_millis(370 * round)).await;
            yard.crash_and_restart().await;
            tokio::time::sleep(Duration::from_millis(700)).await;
            yard.crash_and_restart_later_by_the_wall(Duration::from_hours(1)).await;
        }
        tokio::time::sleep(SECOND * 5).await;
        let all = hand_overs(&yard, 0);
        let gone: usize = all.values().map(Vec::len).sum();
        println!("{} × {}: {gone} hand-overs", shape.senders, shape.limit);
        for hand_overs in all.values() {
            assert_eq!(first_over(hand_overs, &limits), None, "{}", shape.limit);
            assert!(hand_overs.len() > 3, "it goes on");
        }
    }
}

async fn retune(yard: &Yard, shape: &Shape, to: u64, limits: &mut Vec<Since>) {
    limits.push((yard.real_now(), to));
    for sender in shape.numbers() {
        let change = Retune { limits: Part::Set(vec![format!("{to}/s")]), ..Retune::default() };
        yard.engine.tune(ORGANIZATION, number(&sender), &change).await.unwrap().expect("it is ours");
    }
}

/// What was handed over just before looks an hour old. The next process knows better: no window is over.
#[tokio::test(start_paused = true)]
async fn a_forward_jump_of_the_clock_while_nothing_ran_is_not_believed() {
    let script = vec![Line::Accept(Duration::from_millis(20))];
    let mut yard = Builder { script, limits: vec!["5/10s"], ..Builder::default() }.start().await;
    for n in 0..20 {
        yard.queue(&format!("+155511{n:05}"), "x").await;
    }
    tokio::time::sleep(SECOND * 9).await;
    assert_eq!(yard.seen().len(), 5, "the window is full");
    yard.crash_and_restart_later_by_the_wall(Duration::from_hours(1)).await;
    // What the first of them knew the second still knows.
    yard.crash_and_restart_later_by_the_wall(Duration::from_hours(1)).await;
    tokio::time::sleep(SECOND * 31).await;
    let seen = yard.seen();
    assert!(seen.len() >= 18, "{}", seen.len());
    for (n, first) in seen.iter().enumerate() {
        let within = seen.iter().skip(n).take_while(|other| other.at.since(first.at) < SECOND * 10);
        assert!(within.count() <= 5, "a window is over from {:?}", first.at);
    }
}

/// All have work when the process starts, and all handed over at the same instant before, so they are due at the same
/// instant again. They begin over a quarter of a second, about eight in each millisecond.
#[tokio::test(start_paused = true)]
async fn senders_that_are_due_at_the_same_instant_after_a_start_are_staggered() {
    let shape = Shape { senders: 2000, limit: "1/s", per_second: 1, most_segments: 1 };
    let mut yard = shape.start().await;
    for n in 0..3 {
        for from in shape.numbers() {
            queue(&yard, &from, n, 1).await;
        }
    }
    // Once just after they handed over, and once when they could have for long.
    for down in [Duration::ZERO, Duration::from_secs(5)] {
        let begun = yard.seen().len();
        yard.is_down_for(down).await;
        yard.until_seen(begun + shape.senders).await;
        let next: Vec<_> = yard.seen().into_iter().skip(begun).take(shape.senders).collect();
        let mut each: HashMap<u64, usize> = HashMap::new();
        for seen in &next {
            *each.entry(seen.at.as_millis()).or_default() += 1;
        }
        let most = each.values().max().unwrap();
        println!("down for {down:?}: {} senders over {} ms, at most {most} in one", next.len(), each.len());
        assert!(*most <= 20 && each.len() >= 200, "{most} in a millisecond of {}", each.len());
    }
}
