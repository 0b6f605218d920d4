use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::front::{Front, KEY, message};

#[tokio::test]
async fn the_body_is_declared_as_json_or_not_at_all() {
    let front = Front::start().await;
    let sending =
        || front.request(Method::POST, "/sms/send").bearer_auth(KEY).body(message("one").to_string());
    front.ask(sending()).await.expect(200);
    for json in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        front.ask(sending().header(CONTENT_TYPE, json)).await.expect(200);
    }
    for other in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        front.ask(sending().header(CONTENT_TYPE, other)).await.expect(415);
    }
}
