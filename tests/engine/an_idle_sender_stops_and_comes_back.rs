use std::time::Duration;

use sendyard_actors::domain::message::State;

use super::yard::Builder;

#[tokio::test(start_paused = true)]
async fn an_idle_sender_stops_and_comes_back_with_its_pace() {
    let yard = Builder { limits: vec!["1/5min"], ..Builder::default() }.start().await;
    let first = yard.queue("+15551110001", "one").await.id;
    yard.until(first, State::Sent).await;
    assert_eq!(yard.engine.senders_running(), 1);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(yard.engine.senders_running(), 0, "nothing to do for a minute");
    let second = yard.queue("+15551110001", "two").await.id;
    yard.until(second, State::Sent).await;
    let gap = yard.seen()[1].at.since(yard.seen()[0].at);
    assert!(gap >= Duration::from_mins(5), "its earlier hand-over still counts: {gap:?}");
}
