use std::collections::HashSet;

use futures::future::join_all;
use serde_json::{Value, json};

use super::front::{Front, Reply, immediate, message};

async fn at_once(front: &Front, body: &Value) -> Vec<Reply> {
    join_all((0..20).map(|_| front.send_with_key("k", body))).await
}

#[track_caller]
fn assert_one(replies: &[Reply]) -> String {
    let bodies: HashSet<_> = replies.iter().map(|reply| reply.body.to_string()).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(replies.iter().filter(|reply| !reply.is_replay()).count(), 1);
    replies[0].message_id()
}

#[tokio::test]
async fn concurrent_requests_under_one_key_are_one_message() {
    let front = Front::start().await;
    let id = assert_one(&at_once(&front, &message("one")).await);
    front.until(&id, "sent").await;
    assert_eq!(front.ledger().await.len(), 1);
}

/// The others come while the first waits for its provider, and wait with it.
#[tokio::test]
async fn a_second_request_waits_for_the_first() {
    let front = Front::start().await;
    front.faults(json!({ "rules": [{ "latency_ms": 300 }] })).await;
    assert_one(&at_once(&front, &immediate("one")).await);
    assert_eq!(front.ledger().await.len(), 1);
}
