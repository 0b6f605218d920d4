//! The same key and request get the first answer again; the same key with another request gets 422.

use axum::body::Body;

use super::app::{Answer, App, GOOD_BODY, assert_accepted, send_request};

async fn send_with_header(app: &App, key: &str, body: &str) -> Answer {
    let request = send_request().header("idempotency-key", key);
    app.ask(request.body(Body::from(body.to_owned())).unwrap()).await
}

fn with_field(key: &str) -> String {
    GOOD_BODY.replace("\"hi\"", &format!("\"hi\",\"idempotency_key\":\"{key}\""))
}

fn assert_replayed(answer: &Answer, first: &Answer) {
    assert_accepted(answer);
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_eq!(answer.json(), first.json(), "the same answer, to the letter");
}

#[tokio::test(start_paused = true)]
async fn the_same_key_and_request_get_the_first_answer_again() {
    let app = App::start().await;
    let first = send_with_header(&app, "key", GOOD_BODY).await;
    assert_accepted(&first);
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_replayed(&send_with_header(&app, "key", GOOD_BODY).await, &first);
    assert_replayed(&app.send(with_field("key")).await, &first);
}

#[tokio::test(start_paused = true)]
async fn the_header_wins_over_the_field() {
    let app = App::start().await;
    let first = send_with_header(&app, "header", &with_field("field")).await;
    assert_replayed(&send_with_header(&app, "header", GOOD_BODY).await, &first);
    let other = app.send(with_field("field")).await;
    assert_ne!(other.json()["message_id"], first.json()["message_id"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_with_another_request_is_422() {
    let app = App::start().await;
    assert_accepted(&send_with_header(&app, "key", GOOD_BODY).await);
    let others = [
        GOOD_BODY.replace("hi", "ho"),
        GOOD_BODY.replace("+1555123456", "+1555123457"),
        GOOD_BODY.replace("\"hi\"", "\"hi\",\"queue\":false"),
        GOOD_BODY.replace("\"hi\"", "\"hi\",\"media_urls\":[\"https://example.com/a.png\"]"),
    ];
    for other in others {
        send_with_header(&app, "key", &other).await.error(422, "idempotency_mismatch");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_each_request_is_a_message() {
    let app = App::start().await;
    assert_ne!(app.accepted().await, app.accepted().await);
    let empty = [with_field(""), with_field("")];
    let mut ids = Vec::new();
    for body in empty {
        ids.push(app.send(body).await.json()["message_id"].clone());
    }
    assert_ne!(ids[0], ids[1], "an empty key is none");
}
