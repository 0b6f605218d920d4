use serde_json::json;

use super::front::{Front, immediate, with};

#[tokio::test]
async fn media_make_it_an_mms() {
    let front = Front::start().await;
    let media = json!(["https://example.com/a.png", "https://example.com/b.png"]);
    front.send(&with(immediate("Look"), "media_urls", media.clone())).await.expect(200);
    assert_eq!(front.ledger().await[0]["media"], media);
}
