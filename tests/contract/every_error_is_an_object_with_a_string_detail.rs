use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::front::{Front, KEY, NOBODYS, OTHER_FROM, READER, message, with};

/// The shape itself is checked of every answer that the tests read; here is one of each status.
#[tokio::test]
async fn every_error_is_an_object_with_a_string_detail() {
    let front = Front::start().await;
    front.send_with_key("taken", &message("one")).await.expect(200);

    front.send_bytes("{").await.expect(400);
    front.get_as("nobody's", "/sms/queue/stats").await.expect(401);
    let reading = front.request(Method::POST, "/sms/send").bearer_auth(READER).json(&message("one"));
    front.ask(reading).await.expect(403);
    front.send(&with(message("one"), "from_phone_number", OTHER_FROM.into())).await.expect(403);
    front.send(&with(message("one"), "from_phone_number", NOBODYS.into())).await.expect(404);
    front.get("/sms/nothing/status").await.expect(404);
    for unknown in ["/", "/sms", "/favicon.ico", "/sms/send/more", "/%00", "/sms//status"] {
        front.get(unknown).await.expect(404);
    }
    for (method, path) in [
        (Method::GET, "/sms/send"),
        (Method::GET, "/sms/queue"),
        (Method::PUT, "/sms/send"),
        (Method::DELETE, "/sms/queue/stats"),
        (Method::PATCH, "/health"),
        (Method::OPTIONS, "/sms/send"),
    ] {
        front.ask(front.request(method, path).bearer_auth(KEY)).await.expect(405);
    }
    let large = front.request(Method::POST, "/sms/send").bearer_auth(KEY);
    let large = large.header(CONTENT_TYPE, "application/json").body("x".repeat(65 * 1024));
    front.ask(large).await.expect(413);
    let form = front.request(Method::POST, "/sms/send").bearer_auth(KEY);
    front.ask(form.form(&[("message", "one")])).await.expect(415);
    front.send_with_key("taken", &message("two")).await.expect(422);
}
