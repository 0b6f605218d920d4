//! The counts of an organization that has sent nothing yet.

use serde_json::json;

use super::app::App;

#[tokio::test]
async fn the_counts_are_integers_also_when_there_is_nothing() {
    let app = App::start().await;
    for path in ["/sms/queue/stats", "/sms/queue/stats?provider=telnyx", "/sms/queue/stats?provider=&x=%ff"] {
        let mut body = app.get(path).await.json();
        let timestamp = body.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
        let expected = json!({
            "queues": {}, "by_provider": {}, "total_queued": 0, "pending": 0, "processing": 0,
            "completed_last_hour": 0, "failed_last_hour": 0, "average_send_time_ms": 0,
        });
        assert_eq!(body, expected, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_provider_is_400() {
    let app = App::start().await;
    for provider in ["nexmo", "TELNYX", "telnyx,twilio", "%00", "%ff"] {
        let answer = app.get(&format!("/sms/queue/stats?provider={provider}")).await;
        let detail = answer.error(400, "invalid_request");
        assert_eq!(detail, "Parameter 'provider' must be one of twilio, telnyx, vonage");
    }
}
