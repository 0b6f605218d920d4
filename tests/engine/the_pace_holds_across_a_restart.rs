use std::time::Duration;

use sendyard_actors::domain::message::State;

use super::yard::{Builder, Line};

/// Crashes in the middle of a steady flow: no window is over, what was open becomes unknown and is
/// never sent again, everything else goes.
#[tokio::test(start_paused = true)]
async fn the_pace_holds_across_a_restart() {
    let script = vec![Line::Accept(Duration::from_millis(250))];
    let mut yard = Builder { script, limits: vec!["10/s"], ..Builder::default() }.start().await;
    let mut ids = Vec::new();
    for n in 0..100 {
        ids.push(yard.queue(&format!("+15551110{n:03}"), "x").await.id);
    }
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(730)).await;
        yard.crash_and_restart().await;
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut unknown = 0;
    for id in &ids {
        let message = yard.message(*id).await;
        assert!(matches!(message.state, State::Sent | State::Unknown), "{message:?}");
        unknown += usize::from(message.state == State::Unknown);
    }
    assert!((1..=8 * 4).contains(&unknown), "{unknown}");
    let seen = yard.seen();
    assert_eq!(seen.len(), ids.len(), "each was handed over once");
    for (n, first) in seen.iter().enumerate() {
        let within = seen[n..].iter().take_while(|other| other.at.since(first.at) < Duration::from_secs(1));
        assert!(within.count() <= 10, "a window is over from {:?}", first.at);
    }
}
