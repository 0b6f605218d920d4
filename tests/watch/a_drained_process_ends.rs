//! `POST /v1/admin/drain` with the token of the configuration ends the process as SIGTERM does.

use serde_json::json;

use crate::process::yard::{PATIENCE, Setup, Yard, eventually};

const TOKEN: &str = "the-admin-token";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_process_ends() {
    let mut setup = Setup::of_numbers(1, &[]);
    setup.http = vec![("admin_token", "\"the-admin-token\"")];
    let mut yard = Yard::start(&setup).await;
    yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 1000 }] })).await;
    let ready = yard.api.get("/readyz").await.unwrap();
    let checks: Vec<_> =
        ready.body["checks"].as_array().unwrap().iter().map(|check| &check["check"]).collect();
    assert_eq!(checks, ["draining", "store", "leases", "directory", "disk_space"]);

    let from = setup.numbers[0].number.clone();
    let sent = yard.api.send(&from, "+15550200001", "in flight", true, None).await.unwrap();
    eventually("it is at the provider", PATIENCE, async || (yard.twin.count().await == 1).then_some(()))
        .await;

    for wrong in ["", "another", "process-test-key"] {
        assert_eq!(yard.api.drain(wrong).await, 401, "{wrong}");
    }
    assert!(yard.api.is_ready().await);
    assert_eq!(yard.api.drain(TOKEN).await, 200);
    assert_eq!(yard.ended().await.code(), Some(0));
    assert!(yard.twin.ledger().await.iter().all(|line| line.accepted && line.answered));

    yard.start_engine().await;
    assert_eq!(yard.api.status(&sent.message_id().unwrap()).await.body["status"], "sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_in_the_configuration_there_is_no_such_path() {
    let yard = Yard::start(&Setup::of_numbers(1, &[])).await;
    for token in ["", "anything"] {
        assert_eq!(yard.api.drain(token).await, 404);
    }
}
