use serde_json::json;

use super::front::{Front, SLOW, message, with};
use super::shape::{Type, assert_shape};

#[tokio::test]
async fn a_queued_message_is_answered_as_documented() {
    let front = Front::start().await;
    for body in [message("Hello"), with(message("Hello"), "queue", json!(true))] {
        let reply = front.send(&body).await.expect(200);
        assert_shape(
            &reply.body,
            &[
                ("success", Type::Bool),
                ("message_id", Type::Uuid),
                ("message", Type::Text),
                ("provider", Type::Text),
                ("status", Type::Text),
                ("queued", Type::Bool),
                ("queue_position", Type::Count),
                ("estimated_send_time", Type::Time),
                ("segments", Type::Count),
                ("encoding", Type::Text),
            ],
        );
        assert_eq!(reply.body["success"], true);
        assert_eq!(reply.body["message"], "SMS queued successfully via twilio");
        assert_eq!(reply.body["provider"], "twilio");
        assert_eq!(reply.body["status"], "queued");
        assert_eq!(reply.body["queued"], true);
        assert_eq!(reply.body["segments"], 1);
        assert_eq!(reply.body["encoding"], "GSM-7");
        assert_eq!(reply.header("idempotent-replayed"), None);
    }
}

/// The second waits a minute for the first, the third another one.
#[tokio::test]
async fn position_and_estimate_tell_how_long_the_line_is() {
    let front = Front::start().await;
    let slow = |text: &str| with(message(text), "from_phone_number", json!(SLOW));
    let mut answers = Vec::new();
    for text in ["one", "two", "three"] {
        let id = front.send(&slow(text)).await.expect(200);
        if text == "one" {
            front.until(&id.message_id(), "sent").await;
        }
        answers.push(id.body);
    }
    let positions: Vec<_> = answers.iter().map(|answer| answer["queue_position"].as_u64().unwrap()).collect();
    assert_eq!(positions, [1, 1, 2]);
    let estimate = |n: usize| -> jiff::Timestamp {
        answers[n]["estimated_send_time"].as_str().unwrap().parse().unwrap()
    };
    for n in [1, 2] {
        let wait = estimate(n).duration_since(estimate(n - 1)).as_secs_f64();
        assert!((59.0..63.0).contains(&wait), "{wait} s");
    }
}

#[tokio::test]
async fn segments_and_encoding_are_those_of_the_text() {
    let front = Front::start().await;
    for (text, segments, encoding) in [
        ("a".repeat(160), 1, "GSM-7"),
        ("a".repeat(161), 2, "GSM-7"),
        ("€".repeat(80), 1, "GSM-7"),
        ("€".repeat(81), 2, "GSM-7"),
        ("中".repeat(70), 1, "UCS-2"),
        ("中".repeat(71), 2, "UCS-2"),
        ("😀".repeat(36), 2, "UCS-2"),
    ] {
        let reply = front.send(&message(&text)).await.expect(200);
        assert_eq!(reply.body["segments"], segments, "{text}");
        assert_eq!(reply.body["encoding"], encoding, "{text}");
    }
}
