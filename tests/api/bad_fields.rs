//! Fields that are missing, mistyped or out of range are 400 with a sentence that names them.

use axum::body::Body;
use serde_json::{Value, json};

use super::app::{App, GOOD_BODY, assert_accepted, send_request};
use crate::engine::yard::FROM;

fn good() -> Value {
    serde_json::from_str(GOOD_BODY).unwrap()
}

async fn refusal(app: &App, name: &str, value: Value, code: &str) -> String {
    let mut body = good();
    body[name] = value;
    app.send(body.to_string()).await.error(400, code)
}

#[tokio::test]
async fn a_required_field_that_is_missing_or_null_is_named() {
    let app = App::start().await;
    for name in ["from_phone_number", "to_phone_number", "message"] {
        let expected = format!("Field '{name}' is required and must be a string");
        assert_eq!(refusal(&app, name, Value::Null, "invalid_request").await, expected);
        let mut body = good();
        body.as_object_mut().unwrap().remove(name);
        assert_eq!(app.send(body.to_string()).await.error(400, "invalid_request"), expected);
    }
    app.send("{}").await.error(400, "invalid_request");
}

#[tokio::test]
async fn a_mistyped_field_is_named_with_what_is_expected() {
    let app = App::start().await;
    let no_string = [json!(1), json!(1.5), json!(true), json!([]), json!(["+1234567890"]), json!({})];
    for name in ["from_phone_number", "to_phone_number", "message", "idempotency_key"] {
        for value in no_string.clone() {
            let detail = refusal(&app, name, value, "invalid_request").await;
            assert_eq!(detail, format!("Field '{name}' must be a string"));
        }
    }
    for value in [json!("true"), json!(0), json!(1), json!([]), json!({})] {
        assert_eq!(
            refusal(&app, "queue", value, "invalid_request").await,
            "Field 'queue' must be true or false"
        );
    }
    for value in
        [json!("https://a/b"), json!(1), json!({}), json!([1]), json!([null]), json!(["https://a/b", 1])]
    {
        let detail = refusal(&app, "media_urls", value, "invalid_request").await;
        assert_eq!(detail, "Field 'media_urls' must be an array of strings");
    }
}

#[tokio::test]
async fn a_lane_is_one_of_three_and_null_is_the_normal_one() {
    let app = App::start().await;
    for value in [json!("express"), json!("Urgent"), json!("")] {
        let detail = refusal(&app, "lane", value, "invalid_request").await;
        assert_eq!(detail, "Field 'lane' must be urgent, normal or bulk");
    }
    assert_eq!(refusal(&app, "lane", json!(1), "invalid_request").await, "Field 'lane' must be a string");
    for value in [json!("urgent"), json!("normal"), json!("bulk"), Value::Null] {
        let mut body = good();
        body["lane"] = value;
        assert_accepted(&app.send(body.to_string()).await);
    }
}

#[tokio::test]
async fn a_number_that_is_not_e164_gets_the_fixed_sentence() {
    let app = App::start().await;
    let bad = [
        "",
        " ",
        "+",
        "+1",
        "1234567890",
        "+0234567890",
        "+1234567890123456",
        "+1 234 567 890",
        "+1-234-567",
        "(123) 456",
        "+123456789a",
        "+1234567890 ",
        "\t+1234567890",
        "+1234567890\n",
        "+1234567890\0",
        "+١٢٣٤٥٦",
        "＋1234567890",
        "Acme",
        "00491234567",
        "tel:+1234567890",
    ];
    for name in ["from_phone_number", "to_phone_number"] {
        for number in bad {
            let detail = refusal(&app, name, json!(number), "invalid_phone_number").await;
            let expected = format!("Invalid {name} format. Use E.164 format (e.g., +1234567890)");
            assert_eq!(detail, expected, "{number:?}");
        }
    }
}

#[tokio::test]
async fn nothing_stricter_than_e164_is_asked_of_a_number() {
    let app = App::start().await;
    for number in ["+12", "+1234567890", "+1555123456", "+999999999999999"] {
        let mut body = good();
        body["to_phone_number"] = json!(number);
        assert_accepted(&app.send(body.to_string()).await);
        body["from_phone_number"] = json!(number);
        if number != FROM {
            app.send(body.to_string()).await.error(404, "no_assistant");
        }
    }
}

#[tokio::test]
async fn an_empty_blank_or_too_long_message_is_refused() {
    let app = App::start().await;
    let blank = "Field 'message' must not be empty or blank";
    for text in ["", " ", "\n\t \r", "\u{a0}", "\u{2003}\u{3000}"] {
        assert_eq!(refusal(&app, "message", json!(text), "invalid_request").await, blank, "{text:?}");
    }
    let nul = "Field 'message' must not contain the NUL character";
    for text in ["\0", "a\0b"] {
        assert_eq!(refusal(&app, "message", json!(text), "invalid_request").await, nul);
    }
    let long = "Field 'message' may have at most 1600 characters, not 1601";
    for letter in ["a", "\u{1f600}", "\u{301}"] {
        assert_eq!(refusal(&app, "message", json!(letter.repeat(1601)), "invalid_request").await, long);
        let mut body = good();
        body["message"] = json!(letter.repeat(1600));
        assert_accepted(&app.send(body.to_string()).await);
    }
}

#[tokio::test]
async fn media_are_at_most_ten_web_addresses() {
    let app = App::start().await;
    let urls = |count| json!(vec!["https://example.com/a.png"; count]);
    let eleven = refusal(&app, "media_urls", urls(11), "invalid_request").await;
    assert_eq!(eleven, "Field 'media_urls' may hold at most 10 URLs, not 11");
    for url in ["", "ftp://example.com/a", "example.com/a", "https://", "javascript:alert(1)"] {
        let detail = refusal(&app, "media_urls", json!(["https://a/b", url]), "invalid_request").await;
        assert_eq!(detail, "Each of 'media_urls' must be an http or https URL with a host", "{url:?}");
    }
    let long = format!("https://a/{}", "x".repeat(2039));
    let detail = refusal(&app, "media_urls", json!([long]), "invalid_request").await;
    assert_eq!(detail, "Each of 'media_urls' may have at most 2048 characters, not 2049");
    for good_urls in [urls(0), urls(1), urls(10), Value::Null] {
        let mut body = good();
        body["media_urls"] = good_urls;
        assert_accepted(&app.send(body.to_string()).await);
    }
}

#[tokio::test]
async fn an_idempotency_key_has_at_most_256_characters() {
    let app = App::start().await;
    let detail = refusal(&app, "idempotency_key", json!("\u{e9}".repeat(257)), "invalid_request").await;
    assert_eq!(detail, "Field 'idempotency_key' may have at most 256 characters, not 257");
    for key in ["", "k", &"\u{e9}".repeat(256)] {
        let mut body = good();
        body["idempotency_key"] = json!(key);
        assert_accepted(&app.send(body.to_string()).await);
    }
}

#[tokio::test]
async fn the_header_of_the_key_is_held_to_the_same() {
    let app = App::start().await;
    let request = |key: String| send_request().header("idempotency-key", key.as_bytes());
    let longest = request("\u{e9}".repeat(256)).body(Body::from(GOOD_BODY)).unwrap();
    assert_accepted(&app.ask(longest).await);
    let too_long = request("\u{e9}".repeat(257)).body(Body::from(GOOD_BODY)).unwrap();
    let detail = app.ask(too_long).await.error(400, "invalid_request");
    assert_eq!(detail, "Header 'Idempotency-Key' may have at most 256 characters, not 257");
}

#[tokio::test]
async fn times_are_held_to_their_form() {
    let app = App::start().await;
    let cases = [
        (
            "send_at",
            json!("tomorrow"),
            "Field 'send_at' must be a time with its offset (e.g., 2026-11-23T20:00:00Z)",
        ),
        ("send_at", json!("2199-01-01T00:00:00Z"), "Field 'send_at' may be at most 35 days ahead"),
        ("expires_at", json!(60), "Field 'expires_at' must be a string"),
        ("validity_seconds", json!(0), "Field 'validity_seconds' must be a whole number from 1 to 3024000"),
    ];
    for (name, value, expected) in cases {
        assert_eq!(refusal(&app, name, value, "invalid_request").await, expected);
        let mut body = good();
        body[name] = Value::Null;
        assert_accepted(&app.send(body.to_string()).await);
    }
}
