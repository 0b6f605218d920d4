//! `/v1/senders`: shown to who may read, tuned by who may write, and no other organization's.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::app::{Answer, App, KEY, OTHER_KEY, READ_KEY};
use crate::engine::yard::Builder;

const PATH: &str = "/v1/senders/+1234567890";

async fn ask(app: &App, method: Method, path: &str, body: &Value) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request =
        request.header("authorization", format!("Bearer {KEY}")).header("content-type", "application/json");
    app.ask(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn limited() -> App {
    App::of(Builder { limits: vec!["1/s", "2000/day@UTC"], ..Builder::default() }).await
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_shown_whole() {
    let app = limited().await;
    let expected = json!({
        "number": "+1234567890", "account": "acme-twilio", "provider": "twilio",
        "limits": [{"limit": "1/s", "in_use": null}, {"limit": "2000/day@UTC", "in_use": null}],
        "limits_from": "directory",
        "lanes": [
            {"lane": "urgent", "weight": 8, "queued": 0, "oldest_queued_at": null},
            {"lane": "normal", "weight": 3, "queued": 0, "oldest_queued_at": null},
            {"lane": "bulk", "weight": 1, "queued": 0, "oldest_queued_at": null},
        ],
        "queued": 0, "places_in_flight": null, "in_flight": null, "paused": false, "paused_until": null, "waiting_for": null,
        "waiting_for_limit": null, "next_send_time": null, "queue_empty_time": null,
        "working_rate": null, "provider_pause_until": null, "generation": 0,
    });
    assert_eq!(app.get(PATH).await.json(), expected);
    assert_eq!(app.get("/v1/senders").await.json(), json!({"senders": [expected], "next_after": null}));
    assert_eq!(app.get("/v1/senders/").await.json()["senders"][0]["number"], "+1234567890");
    assert_eq!(app.get("/v1/senders?after=%2B1234567890").await.json()["senders"], json!([]));
    assert_eq!(app.get("/v1/senders?limit=1").await.json()["next_after"], "+1234567890");

    for _ in 0..3 {
        app.accepted().await;
    }
    // They are of one conversation: the first has its outcome, and the second waits for its instant.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let busy = app.get(PATH).await.json();
    assert!(busy["queued"].as_u64().unwrap() >= 2, "{busy}");
    assert_eq!((&busy["waiting_for"], &busy["waiting_for_limit"]), (&json!("pace"), &json!("1/s")), "{busy}");
    assert!(busy["next_send_time"].is_string() && busy["lanes"][1]["oldest_queued_at"].is_string(), "{busy}");
    assert_eq!(busy["limits"][1]["in_use"], 1, "{busy}");
    assert_eq!(busy["lanes"][1]["queued"], busy["queued"], "{busy}");
    let next: Timestamp = busy["next_send_time"].as_str().unwrap().parse().unwrap();
    let empty: Timestamp = busy["queue_empty_time"].as_str().unwrap().parse().unwrap();
    let seconds = empty.duration_since(next).as_secs_f64();
    assert!((0.99..=1.02).contains(&seconds), "the last of two, {seconds} s behind the first: {busy}");
}

#[tokio::test(start_paused = true)]
async fn it_is_tuned_paused_and_resumed() {
    let app = limited().await;
    let change = json!({"limits": ["5/s"], "lanes": {"urgent": 20, "normal": 2, "bulk": 1}});
    let tuned = ask(&app, Method::PATCH, PATH, &change).await.json();
    assert_eq!(tuned["limits"], json!([{"limit": "5/s", "in_use": null}]));
    assert_eq!((&tuned["limits_from"], &tuned["lanes"][0]["weight"]), (&json!("tuned"), &json!(20)));
    let kept = ask(&app, Method::PATCH, PATH, &json!({"lanes": null})).await.json();
    assert_eq!((&kept["limits_from"], &kept["lanes"][0]["weight"]), (&json!("tuned"), &json!(8)));
    let unlimited = ask(&app, Method::PATCH, PATH, &json!({"limits": []})).await.json();
    assert_eq!(unlimited["limits"], json!([]));
    let reset = ask(&app, Method::PATCH, PATH, &json!({"limits": null})).await.json();
    assert_eq!((&reset["limits_from"], &reset["limits"][0]["limit"]), (&json!("directory"), &json!("1/s")));
    assert_eq!(reset["generation"], 4);
    let places = ask(&app, Method::PATCH, PATH, &json!({"places_in_flight": 3})).await.json();
    assert_eq!((&places["places_in_flight"], &places["limits_from"]), (&json!(3), &json!("directory")));
    let places = ask(&app, Method::PATCH, PATH, &json!({"places_in_flight": null})).await.json();
    assert_eq!(places["places_in_flight"], Value::Null);

    let paused = app.call(Method::POST, &format!("{PATH}/pause"), KEY).await.json();
    assert_eq!((&paused["paused"], &paused["paused_until"]), (&json!(true), &Value::Null));
    let until = json!({"until": "2099-01-01T00:00:00Z"});
    let paused = ask(&app, Method::POST, &format!("{PATH}/pause"), &until).await.json();
    assert_eq!(paused["paused_until"], "2099-01-01T00:00:00.000000Z");
    app.accepted().await;
    assert_eq!(app.get(PATH).await.json()["waiting_for"], "pause");
    let resumed = app.call(Method::POST, &format!("{PATH}/resume"), KEY).await.json();
    assert_eq!((&resumed["paused"], &resumed["paused_until"]), (&json!(false), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn bad_changes_are_refused_with_the_name_of_the_field() {
    let app = limited().await;
    for (change, says) in [
        (json!({"limits": ["0/s"]}), "Field 'limits': limit `0/s` allows nothing"),
        (json!({"limits": ["1/s", "2000/day@Nowhere"]}), "unknown zone"),
        (json!({"limits": "1/s"}), "Field 'limits' must be an array of strings"),
        (json!({"limits": vec!["1/s"; 17]}), "at most 16 limits"),
        (json!({"lanes": {"urgent": 0, "normal": 1, "bulk": 1}}), "Field 'lanes'"),
        (json!({"lanes": {"urgent": 1}}), "Field 'lanes'"),
        (json!({"lanes": 3}), "Field 'lanes'"),
        (json!({"places_in_flight": 0}), "Field 'places_in_flight' must be a whole number from 1 to 10000"),
        (json!({"places_in_flight": 10_001}), "Field 'places_in_flight'"),
        (json!({"places_in_flight": "4"}), "Field 'places_in_flight'"),
    ] {
        let detail = ask(&app, Method::PATCH, PATH, &change).await.error(400, "invalid_request");
        assert!(detail.contains(says), "{change}: {detail}");
    }
    let pause = format!("{PATH}/pause");
    let detail =
        ask(&app, Method::POST, &pause, &json!({"until": "soon"})).await.error(400, "invalid_request");
    assert!(detail.contains("Field 'until'"), "{detail}");
    assert_eq!(app.get(PATH).await.json()["generation"], 0, "nothing was changed");
    for limit in ["0", "201", "x"] {
        app.get(&format!("/v1/senders?limit={limit}")).await.error(400, "invalid_request");
    }
    app.get("/v1/senders/12").await.error(400, "invalid_phone_number");
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_seen_with_the_scope_and_by_its_organization_alone() {
    let app = limited().await;
    assert_eq!(app.call(Method::GET, PATH, READ_KEY).await.json()["number"], "+1234567890");
    let changes = [
        (Method::PATCH, PATH.to_owned()),
        (Method::POST, format!("{PATH}/pause")),
        (Method::POST, format!("{PATH}/resume")),
    ];
    for (method, path) in changes {
        app.call(method.clone(), &path, READ_KEY).await.error(403, "missing_scope");
        let change = Request::builder()
            .method(method)
            .uri(&path)
            .header("authorization", format!("Bearer {OTHER_KEY}"));
        let change = change.header("content-type", "application/json").body(Body::from("{}")).unwrap();
        app.ask(change).await.error(404, "no_assistant");
    }
    app.call(Method::GET, PATH, OTHER_KEY).await.error(404, "no_assistant");
    assert_eq!(app.call(Method::GET, "/v1/senders", OTHER_KEY).await.json()["senders"], json!([]));
    app.get("/v1/senders/+19998887777").await.error(404, "no_assistant");
}
