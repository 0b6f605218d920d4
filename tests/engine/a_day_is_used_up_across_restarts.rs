use std::collections::BTreeMap;
use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::SendRequest;

use super::yard::{Builder, Line, Yard};

const MESSAGES: usize = 150;

fn date(at: Time) -> u64 {
    at.as_millis() / 86_400_000
}

/// Restarts in the middle of a day, long after what a sliding window needs to know was forgotten: the day
/// is used up to its limit and no further, in messages of two segments and more, and the next one begins
/// at midnight.
#[tokio::test(start_paused = true)]
async fn a_day_is_used_up_across_restarts() {
    let limits = vec!["120 messages/day@UTC", "2/s", "1 mms/min"];
    let script = vec![Line::Accept(Duration::from_millis(20))];
    let mut yard = Builder { limits, script, ..Builder::default() }.start().await;
    let mut ids = Vec::new();
    for n in 0..MESSAGES {
        let media = if n % 50 == 0 { vec!["https://example.com/a.png".to_owned()] } else { Vec::new() };
        let request = SendRequest { media, ..Yard::request(&format!("+15551110{n:03}"), "x", Kind::Queued) };
        ids.push(yard.engine.send(request).await.unwrap().id);
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        yard.crash_and_restart().await;
    }
    tokio::time::sleep(Duration::from_mins(2)).await;
    // In one step: nothing happens before midnight.
    tokio::time::advance(Duration::from_hours(24)).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let mut days: BTreeMap<u64, usize> = BTreeMap::new();
    for seen in yard.seen() {
        *days.entry(date(seen.at)).or_default() += 1;
    }
    assert!(days.values().all(|count| *count <= 120), "{days:?}");
    assert_eq!(days.values().sum::<usize>(), MESSAGES, "each was handed over once: {days:?}");
    assert!(days.values().any(|count| *count == 120) || days.len() > 2, "the day is used: {days:?}");
    let mut unknown = 0;
    for id in ids {
        unknown += usize::from(yard.message(id).await.state != State::Sent);
    }
    assert!(unknown <= 3, "{unknown}");
}
