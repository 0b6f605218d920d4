use serde_json::json;

use super::front::{Front, NOBODYS, message, with};

#[tokio::test]
async fn a_number_without_an_assistant_is_404() {
    let front = Front::start().await;
    for queue in [true, false] {
        let body = with(with(message("one"), "from_phone_number", json!(NOBODYS)), "queue", json!(queue));
        let reply = front.send(&body).await.expect(404);
        assert_eq!(reply.detail(), format!("No assistant found for phone number {NOBODYS}"));
    }
}
