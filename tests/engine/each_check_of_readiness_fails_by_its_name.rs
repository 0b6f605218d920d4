use std::time::Duration;

use sendyard_actors::domain::message::Kind;
use sendyard_actors::ports::StoreError;

use super::faulty::Fault;
use super::yard::{Builder, Yard};

/// The names of those that fail.
fn failing(yard: &Yard) -> Vec<&'static str> {
    let checks = yard.engine.checks().into_iter();
    checks.filter(|check| check.problem.is_some()).map(|check| check.name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_well_fails_none() {
    let yard = Builder::default().start().await;
    let names: Vec<_> = yard.engine.checks().into_iter().map(|check| check.name).collect();
    assert_eq!(names, ["draining", "store", "leases", "directory"]);
    assert!(failing(&yard).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_told_to_end_is_draining() {
    let mut yard = Builder::default().start().await;
    yard.stop(Duration::ZERO).await;
    assert_eq!(failing(&yard), ["draining"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_told() {
    let yard = Builder::default().start().await;
    yard.faults().push("append", Fault::Refuse(StoreError::Full("no room".to_owned())));
    let request = Yard::request("+15550000001", "hello", Kind::Queued);
    yard.engine.send(request).await.expect_err("there is no room");
    assert_eq!(failing(&yard), ["store"]);
}

#[tokio::test(start_paused = true)]
async fn leases_that_cannot_be_renewed_are_told_once_they_are_over() {
    let yard = Builder { shared: true, ..Builder::default() }.start().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(failing(&yard).is_empty());
    yard.faults().hang();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(failing(&yard).contains(&"leases"), "{:?}", yard.engine.checks());
    yard.faults().refuse_no_more();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(failing(&yard).is_empty(), "{:?}", yard.engine.checks());
}

#[tokio::test(start_paused = true)]
async fn a_directory_without_numbers_is_told() {
    let yard = Builder { no_numbers: true, ..Builder::default() }.start().await;
    assert_eq!(failing(&yard), ["directory"]);
}
