use reqwest::Method;
use reqwest::header::ORIGIN;

use super::front::{Front, KEY};

#[tokio::test]
async fn other_origins_are_not_allowed_by_default() {
    let front = Front::start().await;
    let request = front.request(Method::GET, "/sms/queue/stats").bearer_auth(KEY);
    let reply = front.ask(request.header(ORIGIN, "https://example.com")).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), None);
}
