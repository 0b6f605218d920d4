use std::time::Duration;

use sendyard_actors::domain::message::Kind;
use sendyard_actors::engine::{NotSent, Readiness};
use sendyard_actors::ports::StoreError;

use super::faulty::Fault;
use super::yard::{Builder, Yard};

/// Who is not ready is not asked, and who is not asked meets no success.
#[tokio::test(start_paused = true)]
async fn a_failure_that_nobody_meets_again_is_over_after_a_while() {
    let yard = Builder::default().start().await;
    let full = Fault::Refuse(StoreError::Full("no room".to_owned()));
    yard.faults().push("append", full);
    let request = Yard::request("+15550000001", "hello", Kind::Queued);
    assert_eq!(yard.engine.send(request).await, Err(NotSent::StoreUnavailable));
    assert_eq!(yard.engine.readiness(), Readiness::NotReady("the store is full: no room".to_owned()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(yard.engine.readiness(), Readiness::Ready);
}
