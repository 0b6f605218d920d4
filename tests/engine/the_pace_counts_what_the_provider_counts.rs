use std::time::Duration;

use sendyard_actors::domain::message::State;

use super::yard::{Builder, Line};

/// Each message is one segment by our own count, and three by the provider's: at three segments a
/// second that is one message a second, by the number's limit or by the account's.
#[tokio::test(start_paused = true)]
async fn the_pace_counts_what_the_provider_counts() {
    for (limits, account_limits) in [(vec!["3/s"], vec![]), (vec![], vec!["3/s"])] {
        let script = vec![Line::Accept(Duration::from_millis(1))];
        let builder = Builder { script, limits, account_limits, counts: Some(3), ..Builder::default() };
        let yard = builder.start().await;
        let mut last = None;
        for n in 0..30_u32 {
            last = Some(yard.queue(&format!("+1555111{n:04}"), "hi").await.id);
        }
        let sent = yard.until(last.unwrap(), State::Sent).await;
        let took = yard.seen()[29].at.since(yard.seen()[0].at);
        assert!((28.0..35.0).contains(&took.as_secs_f64()), "{took:?}");
        assert_eq!(sent.provider_segments, Some(3));
    }
}

/// And so does the process after it: what is stored of a hand-over is the provider's count, too.
#[tokio::test(start_paused = true)]
async fn the_pace_counts_it_across_a_restart() {
    for (limits, account_limits) in [(vec!["3/h"], vec![]), (vec![], vec!["3/h"])] {
        let script = vec![Line::Accept(Duration::from_millis(1))];
        let builder = Builder { limits, script, account_limits, counts: Some(3), ..Builder::default() };
        let mut yard = builder.start().await;
        let before = yard.queue("+15551110001", "before").await.id;
        yard.until(before, State::Sent).await;
        yard.crash_and_restart().await;
        let behind = yard.queue("+15551110002", "behind").await.id;
        yard.until(behind, State::Sent).await;
        let waited = yard.seen()[1].at.since(yard.seen()[0].at);
        assert!(waited >= Duration::from_hours(1), "{waited:?}");
    }
}
