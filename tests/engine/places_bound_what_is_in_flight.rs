use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::engine::NotSent;
use sendyard_actors::settings::Settings;

use super::yard::{Builder, Line};

/// Eight places, one of them kept for immediate messages; a provider that takes its time.
#[tokio::test(start_paused = true)]
async fn places_bound_what_is_in_flight() {
    let settings = Settings { places_in_flight: 8, ..Settings::default() };
    let script = vec![Line::Accept(Duration::from_secs(2))];
    let yard = Builder { script, settings, ..Builder::default() }.start().await;
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(yard.queue(&format!("+155511100{n:02}"), "slow").await.id);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(yard.seen().len(), 7);
    let (first, second) =
        tokio::join!(yard.send_now("+15552220001", "now"), yard.send_now("+15552220002", "now"));
    assert!(first.is_ok(), "{first:?}");
    assert!(matches!(second, Err(NotSent::Busy(_))), "nothing is stored without a place: {second:?}");
    for id in ids {
        yard.until(id, State::Sent).await;
    }
    assert_eq!(yard.seen().iter().map(|seen| seen.in_flight).max(), Some(8));
}
