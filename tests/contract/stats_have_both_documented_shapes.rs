use serde_json::json;

use super::front::{Front, TO, immediate};
use super::shape::{Type, assert_shape};

const COUNTERS: [&str; 5] =
    ["total_queued", "pending", "processing", "completed_last_hour", "failed_last_hour"];

#[tokio::test]
async fn stats_have_both_documented_shapes_also_of_nothing() {
    let front = Front::start().await;
    let empty = front.get("/sms/queue/stats").await.expect(200).body;
    assert_shape(&empty, &COUNTERS.map(|counter| (counter, Type::Count)));
    assert_shape(&empty, &[("timestamp", Type::Time), ("average_send_time_ms", Type::CountOrNull)]);
    assert!(empty["queues"].is_object() && empty["by_provider"].is_object(), "{empty}");

    front.send(&immediate("sent")).await.expect(200);
    front.faults(json!({ "opted_out": [TO] })).await;
    front.send(&immediate("failed")).await.expect(500);
    front.wait_in_line().await;
    let stats = front.get("/sms/queue/stats").await.expect(200).body;
    assert_shape(&stats, &COUNTERS.map(|counter| (counter, Type::Count)));
    let twilio = &stats["queues"]["twilio"];
    assert_shape(twilio, &["pending", "active", "failed", "sent"].map(|counter| (counter, Type::Count)));
    assert_shape(&stats["by_provider"], &[("twilio", Type::Count)]);
}

#[tokio::test]
async fn stats_count_what_waits_what_was_sent_and_what_failed() {
    let front = Front::start().await;
    front.send(&immediate("sent")).await.expect(200);
    front.send(&immediate("sent too")).await.expect(200);
    front.faults(json!({ "opted_out": [TO] })).await;
    front.send(&immediate("failed")).await.expect(500);
    front.faults(json!({})).await;
    let waiting = front.wait_in_line().await.message_id();
    let in_the_air = front.hang_in_the_air().await;
    // The first of the two in line has gone by then, or hangs as well.
    let stats = front.stats().await;
    assert_eq!(front.status(&waiting).await["status"], "queued");
    assert_eq!(front.status(&in_the_air).await["status"], "sending");
    assert_eq!((&stats["pending"], &stats["total_queued"]), (&json!(1), &json!(1)), "{stats}");
    assert_eq!(stats["by_provider"], json!({ "twilio": 1 }));
    assert_eq!(stats["failed_last_hour"], 1);
    let (sent, active) = (&stats["completed_last_hour"], &stats["processing"]);
    assert_eq!(sent.as_u64().unwrap() + active.as_u64().unwrap(), 4, "{stats}");
    assert_eq!(
        stats["queues"]["twilio"],
        json!({ "pending": 1, "active": active, "failed": 1, "sent": sent })
    );
}

#[tokio::test]
async fn stats_can_be_asked_of_one_provider() {
    let front = Front::start().await;
    front.wait_in_line().await;
    let twilio = front.get("/sms/queue/stats?provider=twilio").await.expect(200).body;
    assert_eq!(twilio["pending"], 1);
    let telnyx = front.get("/sms/queue/stats?provider=telnyx").await.expect(200).body;
    assert_eq!((&telnyx["pending"], telnyx["queues"].get("twilio")), (&json!(0), None), "{telnyx}");
}
