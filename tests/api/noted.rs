//! `client_reference` and `metadata`: kept with the message, shown with it, and part of the request.

use axum::body::Body;
use axum::http::Request;
use sendyard_actors::domain::message::State;
use serde_json::{Value, json};

use super::app::{Answer, App, KEY, OTHER_KEY, SEND_KEY, assert_accepted, send_request};

fn body(more: &Value) -> Value {
    let mut body = json!({
        "from_phone_number": "+1234567890", "to_phone_number": "+1555123456", "message": "hi",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn id_of(answer: &Answer) -> String {
    assert_accepted(answer);
    answer.json()["message_id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_shown_whole_with_what_its_client_keeps_with_it() {
    let app = App::start().await;
    let noted =
        json!({ "client_reference": "order 7", "metadata": { "shop": "north", "order": 7, "test": true } });
    let id = id_of(&app.send(body(&noted).to_string()).await);
    app.yard.until(id.parse().unwrap(), State::Sent).await;
    let message = app.get(&format!("/v1/messages/{id}")).await.json();
    assert_eq!(message["client_reference"], noted["client_reference"]);
    assert_eq!(message["metadata"], noted["metadata"]);
    assert_eq!((&message["from_phone_number"], &message["message"]), (&json!("+1234567890"), &json!("hi")));
    assert_eq!((&message["lane"], &message["queued"]), (&json!("normal"), &json!(true)));
    assert_eq!((&message["status"], &message["account"]), (&json!("sent"), &json!("acme-twilio")));
    assert_eq!((&message["waits_for"], &message["expires_at"]), (&Value::Null, &Value::Null));
    let timeline = message["timeline"].as_array().unwrap();
    let words: Vec<_> = timeline.iter().map(|event| (&event["event"], &event["outcome"])).collect();
    assert_eq!(words, [(&json!("accepted"), &Value::Null), (&json!("attempt"), &json!("accepted"))]);

    app.call(axum::http::Method::GET, &format!("/v1/messages/{id}"), SEND_KEY)
        .await
        .error(403, "missing_scope");
    let other = app.call(axum::http::Method::GET, &format!("/v1/messages/{id}"), OTHER_KEY).await;
    other.error(404, "message_not_found");
}

#[tokio::test(start_paused = true)]
async fn without_them_both_are_null() {
    let app = App::start().await;
    let id = id_of(&app.send(body(&json!({})).to_string()).await);
    let message = app.get(&format!("/v1/messages/{id}")).await.json();
    assert_eq!((&message["client_reference"], &message["metadata"]), (&Value::Null, &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn a_key_with_others_of_them_is_another_request() {
    let app = App::start().await;
    let send = async |more: Value| {
        let request =
            send_request().header("idempotency-key", "key").body(Body::from(body(&more).to_string()));
        app.ask(request.unwrap()).await
    };
    let first = send(json!({ "client_reference": "a", "metadata": { "b": 1, "a": 2 } })).await;
    // The order of the fields is none of the request.
    let again = send(json!({ "metadata": { "a": 2, "b": 1 }, "client_reference": "a" })).await;
    assert_eq!(id_of(&again), id_of(&first));
    for other in [
        json!({}),
        json!({ "client_reference": "a" }),
        json!({ "client_reference": "b", "metadata": { "b": 1, "a": 2 } }),
        json!({ "client_reference": "a", "metadata": { "b": 1 } }),
    ] {
        send(other).await.error(422, "idempotency_mismatch");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_small_and_flat_is_refused() {
    let app = App::start().await;
    for bad in [
        json!({ "client_reference": "" }),
        json!({ "client_reference": "a\nb" }),
        json!({ "client_reference": "x".repeat(129) }),
        json!({ "client_reference": 7 }),
        json!({ "metadata": [] }),
        json!({ "metadata": { "a": {} } }),
        json!({ "metadata": { "a": "x".repeat(2048) } }),
    ] {
        app.send(body(&bad).to_string()).await.error(400, "invalid_request");
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_a_batch_has_its_own() {
    let app = App::start().await;
    let batch = json!([body(&json!({ "client_reference": "a" })), body(&json!({ "metadata": { "b": 1 } }))]);
    let request = Request::post("/v1/messages/batch")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json");
    let answer = app.ask(request.body(Body::from(batch.to_string())).unwrap()).await.json();
    for (index, expected) in [json!(["a", null]), json!([null, { "b": 1 }])].iter().enumerate() {
        let id = answer["results"][index]["message_id"].as_str().unwrap();
        let message = app.get(&format!("/v1/messages/{id}")).await.json();
        assert_eq!(json!([message["client_reference"], message["metadata"]]), *expected);
    }
}
