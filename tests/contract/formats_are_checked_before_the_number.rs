use serde_json::json;

use super::front::{Front, NOBODYS, OTHER_FROM, message, with};

#[tokio::test]
async fn formats_are_checked_before_the_number() {
    let front = Front::start().await;
    for number in [NOBODYS, OTHER_FROM] {
        let body = with(message("one"), "from_phone_number", json!(number));
        front.send(&with(body.clone(), "to_phone_number", json!("555"))).await.expect(400);
        front.send(&with(body.clone(), "message", json!(" "))).await.expect(400);
        front.send(&with(body.clone(), "media_urls", json!(["ftp://example.com"]))).await.expect(400);
        front.send(&with(body, "send_at", json!("2099-01-01T00:00:00Z"))).await.expect(400);
    }
}
