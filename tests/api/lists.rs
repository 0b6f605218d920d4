//! `GET /v1/messages` and `POST /v1/messages/cancel`: filters, pages, and what was too late.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use sendyard_actors::domain::message::State;
use serde_json::{Value, json};

use super::app::{Answer, App, KEY, OTHER_KEY, READ_KEY, SEND_KEY, assert_accepted};
use crate::engine::yard::{Builder, Line};

/// One message goes out at once, those behind it wait for long.
async fn yard() -> App {
    let script = vec![Line::Accept(Duration::ZERO)];
    App::of(Builder { script, limits: vec!["1/10min"], ..Builder::default() }).await
}

async fn send(app: &App, to: &str, more: Value) -> String {
    let mut body = json!({ "from_phone_number": "+1234567890", "to_phone_number": to, "message": "hi" });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = app.send(body.to_string()).await;
    assert_accepted(&answer);
    answer.json()["message_id"].as_str().unwrap().to_owned()
}

/// The ids of all pages, in their order.
async fn listed(app: &App, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("/v1/messages?{query}{cursor}")).await.json();
        let messages = page["messages"].as_array().unwrap();
        ids.extend(messages.iter().map(|message| message["message_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

async fn cancel(app: &App, key: &str, body: &Value) -> Answer {
    let request = Request::post("/v1/messages/cancel").header("authorization", format!("Bearer {key}"));
    app.ask(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn messages_are_listed_by_what_is_asked_for_in_pages() {
    let app = yard().await;
    let sent = send(&app, "+15550000001", json!({ "client_reference": "a" })).await;
    app.yard.until(sent.parse().unwrap(), State::Sent).await;
    let mut waiting = Vec::new();
    for index in 0..5 {
        let reference = if index % 2 == 0 { "a" } else { "b" };
        let to = format!("+1555000001{index}");
        waiting.push(send(&app, &to, json!({ "client_reference": reference })).await);
    }
    let cancelled = waiting.remove(4);
    app.call(Method::DELETE, &format!("/sms/{cancelled}"), KEY).await;

    let everything = [waiting.clone(), vec![sent.clone(), cancelled.clone()]].concat();
    for limit in [1, 2, 1000] {
        assert_eq!(listed(&app, &format!("limit={limit}")).await, everything, "in pages of {limit}");
    }
    let cases = [
        ("status=queued&limit=3", waiting.clone()),
        ("status=sent", vec![sent.clone()]),
        ("status=cancelled", vec![cancelled.clone()]),
        ("status=failed", vec![]),
        ("client_reference=b", vec![waiting[1].clone(), waiting[3].clone()]),
        ("client_reference=a&status=queued", vec![waiting[0].clone(), waiting[2].clone()]),
        ("to_phone_number=%2B15550000012", vec![waiting[2].clone()]),
        ("to_phone_number=+15550000001", vec![sent.clone()]),
        ("from_phone_number=%2B1234567890&limit=2", everything.clone()),
        ("from_phone_number=%2B15550109999", vec![]),
        ("lane=normal&status=sent", vec![sent.clone()]),
        ("lane=bulk", vec![]),
        ("since=2000-01-01T00:00:00Z", everything),
        ("until=2000-01-01T00:00:00Z", vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(listed(&app, query).await, expected, "{query}");
    }
    let others = app.call(Method::GET, "/v1/messages", OTHER_KEY).await.json();
    assert_eq!(others, json!({ "messages": [], "next_cursor": null }));
    app.call(Method::GET, "/v1/messages", SEND_KEY).await.error(403, "missing_scope");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_cancelled_by_filter_and_what_does_not_is_not() {
    let app = yard().await;
    let sent = send(&app, "+15550000001", json!({ "client_reference": "a" })).await;
    app.yard.until(sent.parse().unwrap(), State::Sent).await;
    let mut ids = Vec::new();
    for index in 0..6 {
        let reference = if index % 2 == 0 { "a" } else { "b" };
        ids.push(send(&app, "+15550000002", json!({ "client_reference": reference })).await);
    }
    cancel(&app, READ_KEY, &json!({ "client_reference": "a" })).await.error(403, "missing_scope");
    let none = json!({ "cancelled": 0, "too_late": 0, "next_cursor": null });
    assert_eq!(cancel(&app, OTHER_KEY, &json!({ "client_reference": "a" })).await.json(), none);
    assert_eq!(cancel(&app, KEY, &json!({ "lane": "bulk" })).await.json(), none);

    let three = json!({ "cancelled": 3, "too_late": 0, "next_cursor": null });
    assert_eq!(cancel(&app, KEY, &json!({ "client_reference": "a" })).await.json(), three);
    let by_sender = json!({ "from_phone_number": "+1234567890", "lane": "normal" });
    assert_eq!(cancel(&app, KEY, &by_sender).await.json(), three);
    assert_eq!(cancel(&app, KEY, &by_sender).await.json(), none);
    for id in &ids {
        assert_eq!(app.status(id.parse().unwrap()).await["status"], "cancelled");
    }
    tokio::time::sleep(Duration::from_mins(20)).await;
    assert_eq!(app.status(sent.parse().unwrap()).await["status"], "sent");
    assert_eq!(app.yard.seen().len(), 1, "none of them is handed over");
}

#[tokio::test(start_paused = true)]
async fn what_is_being_handed_over_is_too_late_and_counted() {
    let app = App::of(Builder { script: vec![Line::Swallow], ..Builder::default() }).await;
    let first = send(&app, "+15550000002", json!({})).await;
    app.yard.until(first.parse().unwrap(), State::Sending).await;
    let second = send(&app, "+15550000002", json!({})).await;
    let cancelled = cancel(&app, KEY, &json!({ "from_phone_number": "+1234567890" })).await.json();
    assert_eq!(cancelled, json!({ "cancelled": 1, "too_late": 1, "next_cursor": null }));
    assert_eq!(app.status(second.parse().unwrap()).await["status"], "cancelled");
    assert_eq!(app.status(first.parse().unwrap()).await["status"], "sending");
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_says_nothing_or_something_unknown_cancels_nothing() {
    let app = yard().await;
    let bodies = [
        json!({}),
        json!({ "sender": "+1234567890" }),
        json!({ "client_reference": "a", "status": "queued" }),
        json!({ "client_reference": "" }),
        json!({ "lane": "fast" }),
        json!({ "lane": "bulk", "cursor": "x" }),
    ];
    for body in bodies {
        cancel(&app, KEY, &body).await.error(400, "invalid_request");
    }
    cancel(&app, KEY, &json!({ "from_phone_number": "1" })).await.error(400, "invalid_phone_number");
    cancel(&app, KEY, &json!([])).await.error(400, "invalid_json");
}

/// What is looked for is behind more messages than one page looks at.
#[tokio::test(start_paused = true)]
async fn a_page_looks_at_a_bounded_number_of_messages_and_says_where_to_go_on() {
    let app = yard().await;
    let first = send(&app, "+15550000001", json!({})).await;
    app.yard.until(first.parse().unwrap(), State::Sent).await;
    for _ in 0..1000 {
        app.yard.queue("+15550000002", "hi").await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let last = send(&app, "+15550000002", json!({ "client_reference": "a" })).await;
    let since = app.status(last.parse().unwrap()).await["queued_at"].as_str().unwrap().to_owned();
    let page = app.get(&format!("/v1/messages?since={since}")).await.json();
    assert_eq!(page["messages"], json!([]));
    let next = page["next_cursor"].as_str().unwrap();
    let page = app.get(&format!("/v1/messages?since={since}&cursor={next}")).await.json();
    assert_eq!(page["messages"][0]["message_id"], last);
    assert_eq!(listed(&app, &format!("since={since}")).await, std::slice::from_ref(&last));
    // By its reference it is found at once.
    let page = app.get("/v1/messages?client_reference=a").await.json();
    assert_eq!((&page["messages"][0]["message_id"], &page["next_cursor"]), (&json!(last), &Value::Null));
    // A cancellation goes on by itself.
    let cancelled = cancel(&app, KEY, &json!({ "from_phone_number": "+1234567890" })).await.json();
    assert_eq!(cancelled, json!({ "cancelled": 1001, "too_late": 0, "next_cursor": null }));
}

#[tokio::test(start_paused = true)]
async fn what_a_client_calls_so_is_listed_in_pages_in_the_order_in_which_it_came() {
    let app = yard().await;
    let mut ids = Vec::new();
    for index in 0..5 {
        let reference = if index == 3 { "b" } else { "a" };
        ids.push(send(&app, &format!("+1555000001{index}"), json!({ "client_reference": reference })).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.yard.until(ids[0].parse().unwrap(), State::Sent).await;
    app.call(Method::DELETE, &format!("/sms/{}", ids[1]), KEY).await;
    let other = ids.remove(3);
    for limit in [1, 2, 1000] {
        assert_eq!(listed(&app, &format!("client_reference=a&limit={limit}")).await, ids);
    }
    assert_eq!(listed(&app, "client_reference=b").await, [other]);
    assert_eq!(listed(&app, "client_reference=a&status=sent").await, ids[..1]);
    assert_eq!(listed(&app, "client_reference=a&from_phone_number=%2B15550109999").await, [""; 0]);
    // Of what is over nothing is cancelled, nor counted.
    let cancelled = cancel(&app, KEY, &json!({ "client_reference": "a" })).await.json();
    assert_eq!(cancelled, json!({ "cancelled": 2, "too_late": 0, "next_cursor": null }));
    // Behind its cursor nothing would be found without it, as if that were the end.
    let page = app.get("/v1/messages?client_reference=a&limit=1").await.json();
    let next = page["next_cursor"].as_str().unwrap();
    app.get(&format!("/v1/messages?cursor={next}")).await.error(400, "invalid_request");
    let body = json!({ "from_phone_number": "+1234567890", "cursor": next });
    cancel(&app, KEY, &body).await.error(400, "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_says_something_twice_is_refused() {
    let app = yard().await;
    let detail = app.get("/v1/messages?status=queued&status=sent").await.error(400, "invalid_request");
    assert!(detail.contains("\"status\" is given twice"), "{detail}");
}
