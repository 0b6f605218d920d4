//! What cannot be taken now is refused with a time to come back.

use std::time::Duration;

use sendyard_actors::settings::Settings;

use super::app::{App, GOOD_BODY};
use crate::engine::yard::Builder;

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_429() {
    let settings = Settings { queue_limit: 1, ..Settings::default() };
    let app = App::of(Builder { limits: vec!["1/min"], settings, ..Builder::default() }).await;
    let mut answer = app.send(GOOD_BODY).await;
    for _ in 0..3 {
        answer = app.send(GOOD_BODY).await;
    }
    answer.error(429, "queue_full");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1, "{wait}");
}

#[tokio::test(start_paused = true)]
async fn a_stopping_process_is_503_and_not_ready() {
    let mut app = App::start().await;
    app.yard.stop(Duration::ZERO).await;
    for (answer, code) in
        [(app.send(GOOD_BODY).await, "stopping"), (app.get_keyless("/readyz").await, "not_ready")]
    {
        answer.error(503, code);
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(wait >= 1, "{wait}");
    }
    assert_eq!(app.get_keyless("/livez").await.status.as_u16(), 200);
}
