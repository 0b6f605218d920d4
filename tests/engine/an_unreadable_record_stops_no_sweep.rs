use std::time::Duration;

use sendyard_actors::domain::message::{State, UnknownPolicy};
use sendyard_actors::ports::StoreError;

use super::faulty::Fault;
use super::yard::{Builder, Line};

/// Two messages of unknown outcome are past their evidence, and the record of the first cannot be read:
/// the same sweep settles the second.
#[tokio::test(start_paused = true)]
async fn an_unreadable_record_stops_no_sweep() {
    let policy = UnknownPolicy::Hold;
    let yard = Builder { script: vec![Line::Swallow], policy, ..Builder::default() }.start().await;
    let first = yard.queue("+15551110001", "first").await.id;
    let second = yard.queue("+15551110002", "second").await.id;
    assert!(first < second, "the sweep meets them in this order");
    for id in [first, second] {
        yard.until(id, State::Unknown).await;
    }
    let unreadable = StoreError::Corrupt("a message's record cannot be decoded".to_owned());
    yard.faults().push("settle_unknown", Fault::Refuse(unreadable));
    while !yard.message(second).await.listed {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!yard.message(first).await.listed, "the fault met the second");
}
