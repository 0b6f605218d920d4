//! `POST /v1/messages/batch`: a result for each message, in order.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures::future::join_all;
use futures::{StreamExt, stream};
use sendyard_actors::domain::message::State;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::app::{Answer, App, KEY, READ_KEY};

async fn send(app: &App, kind: &str, key: Option<&str>, body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/v1/messages/batch")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", kind);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    app.ask(request.body(body.into()).unwrap()).await
}

fn message(text: &str) -> Value {
    json!({ "from_phone_number": "+1234567890", "to_phone_number": "+1555123456", "message": text })
}

/// The codes of the results, `ok` for an accepted message.
fn codes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status.as_u16(), 200, "{}", String::from_utf8_lossy(&answer.body));
    let body = answer.json();
    let results = body["results"].as_array().unwrap();
    let code = |result: &Value| {
        if result["success"] == true {
            assert_eq!(result["status"], "queued", "{result}");
            return "ok".to_owned();
        }
        assert!(result["detail"].is_string() && result["retryable"].is_boolean(), "{result}");
        result["code"].as_str().unwrap().to_owned()
    };
    let codes: Vec<String> = results.iter().map(code).collect();
    let accepted = codes.iter().filter(|code| *code == "ok").count();
    assert_eq!(body["accepted"], accepted, "{body}");
    assert_eq!(body["refused"], codes.len() - accepted, "{body}");
    codes
}

#[tokio::test]
async fn a_bad_message_spoils_no_other() {
    let app = App::start().await;
    let mut immediate = message("now");
    immediate["queue"] = json!(false);
    let mut nobodys = message("hi");
    nobodys["from_phone_number"] = json!("+15550109999");
    let batch = json!([message("one"), 17, message(""), immediate, nobodys, message("six")]);
    let expected =
        ["ok", "invalid_json", "invalid_request", "invalid_request", "no_assistant", "ok"].map(str::to_owned);
    assert_eq!(codes(&send(&app, "application/json", None, batch.to_string()).await), expected);

    let lines = format!("{}\r\n\n{{\"from\n{}\n", message("one"), message("three"));
    let expected = ["ok", "invalid_json", "ok"].map(str::to_owned);
    assert_eq!(codes(&send(&app, "application/x-ndjson; charset=utf-8", None, lines).await), expected);
}

#[tokio::test]
async fn a_file_that_is_marked_as_utf_8_is_taken_and_one_declared_as_the_other_says_so() {
    let app = App::start().await;
    let lines = format!("\u{feff}{}\n{}\n", message("one"), message("two"));
    assert_eq!(codes(&send(&app, "application/x-ndjson", None, lines.clone()).await), ["ok", "ok"]);
    let array = format!("\u{feff}{}", json!([message("one"), 17]));
    let answer = send(&app, "application/json", None, array).await;
    assert_eq!(codes(&answer), ["ok", "invalid_json"]);
    assert_eq!(answer.json()["results"][1]["detail"], "This message must be a JSON object");
    let refused = send(&app, "application/json", None, lines).await;
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("application/x-ndjson"), "{detail}");
    refused.error(400, "invalid_json");
}

#[tokio::test]
async fn messages_of_a_conversation_keep_the_order_of_the_batch() {
    let app = App::start().await;
    let batch: Vec<Value> = (0..200).map(|index| message(&format!("{index:03}"))).collect();
    let answer = send(&app, "application/json", None, json!(batch).to_string()).await;
    let body = answer.json();
    let ids: Vec<&str> =
        body["results"].as_array().unwrap().iter().map(|one| one["message_id"].as_str().unwrap()).collect();
    for id in &ids {
        app.yard.until(id.parse().unwrap(), State::Sent).await;
    }
    let texts: Vec<String> = app.yard.seen().into_iter().map(|seen| seen.text).collect();
    assert_eq!(texts.len(), 200);
    assert!(texts.is_sorted(), "{texts:?}");
}

#[tokio::test]
async fn a_repeated_batch_is_the_same_messages() {
    let app = App::start().await;
    let mut own = message("own");
    own["idempotency_key"] = json!("own-key");
    let batch = json!([message("one"), own, message("one")]).to_string();
    let ids = |answer: &Answer| -> Vec<String> {
        let body = answer.json();
        body["results"].as_array().unwrap().iter().map(|one| one["message_id"].to_string()).collect()
    };
    let first = ids(&send(&app, "application/json", Some("batch-7"), batch.clone()).await);
    let second = ids(&send(&app, "application/json", Some("batch-7"), batch.clone()).await);
    assert_eq!(first, second);
    assert!(first[0] != first[2], "two messages alike are two messages");
    let third = ids(&send(&app, "application/json", None, batch).await);
    assert!(third[1] == first[1] && third[0] != first[0], "{first:?} {third:?}");
    let another = json!([message("another")]).to_string();
    assert_eq!(
        codes(&send(&app, "application/json", Some("batch-7"), another).await),
        ["idempotency_mismatch"]
    );
}

#[tokio::test]
async fn what_is_no_batch_is_refused_whole() {
    let app = App::start().await;
    let refused = async |kind: &str, body: String| {
        let answer = send(&app, kind, None, body).await;
        answer.json()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused("application/json", "[]".to_owned()).await, "invalid_request");
    assert_eq!(refused("application/x-ndjson", "\n\n".to_owned()).await, "invalid_request");
    assert_eq!(refused("application/json", message("x").to_string()).await, "invalid_json");
    assert_eq!(refused("application/json", "[1,".to_owned()).await, "invalid_json");
    assert_eq!(refused("text/csv", "[]".to_owned()).await, "unsupported_media_type");
    assert_eq!(refused("application/json", format!("[{}1]", "1,".repeat(10_000))).await, "invalid_request");
    let large = " ".repeat(16 * 1024 * 1024 + 1);
    assert_eq!(refused("application/json", large).await, "body_too_large");
    let answer =
        send(&app, "application/json", Some(&"k".repeat(241)), json!([message("x")]).to_string()).await;
    answer.error(400, "invalid_request");
    app.call(axum::http::Method::POST, "/v1/messages/batch", READ_KEY).await.error(403, "missing_scope");
}

/// What a batch holds in memory is bounded by how many are read at one time.
#[tokio::test]
async fn four_batches_are_taken_at_a_time_and_one_more_is_told_to_come_again() {
    let app = App::start().await;
    let (begun, mut is_read) = mpsc::channel(4);
    let hanging = (0..4).map(|_| {
        let begun = begun.clone();
        // Is waited for once its ticket is taken; its end never comes.
        let body = stream::once(async move {
            begun.send(()).await.unwrap();
            Ok::<_, Infallible>(Bytes::from_static(b"["))
        });
        send(&app, "application/json", None, Body::from_stream(body.chain(stream::pending())))
    });
    let good = || json!([message("one")]).to_string();
    tokio::select! {
        _ = join_all(hanging) => panic!("a batch without an end was answered"),
        () = async {
            for _ in 0..4 {
                is_read.recv().await.unwrap();
            }
            let refused = send(&app, "application/json", None, good()).await;
            assert_eq!(refused.header("retry-after"), Some("1"));
            refused.error(503, "busy");
        } => {}
    }
    // Those are gone, and their tickets back.
    assert_eq!(codes(&send(&app, "application/json", None, good()).await), ["ok"]);
}

#[tokio::test]
async fn ten_thousand_are_taken() {
    let app = App::start().await;
    let batch: Vec<Value> = (0..10_000).map(|_| message("many")).collect();
    let codes = codes(&send(&app, "application/json", None, json!(batch).to_string()).await);
    assert_eq!(codes.len(), 10_000);
}
