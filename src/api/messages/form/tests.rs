use serde_json::{Value, json};

use super::*;

fn base() -> Value {
    json!({"from_phone_number": "+1234567890", "to_phone_number": "+1555123456", "message": "hi"})
}

fn with(name: &str, value: Value) -> Vec<u8> {
    let mut body = base();
    body[name] = value;
    body.to_string().into_bytes()
}

fn key(field: Value, header: Option<&[u8]>) -> Result<Option<String>, ApiError> {
    let header = header.map(|bytes| HeaderValue::from_bytes(bytes).unwrap());
    SendForm::parse(&with("idempotency_key", field), header.as_ref(), Time::ZERO)
        .map(|form| form.idempotency_key)
}

#[test]
fn what_is_left_out_has_its_default() {
    let form = SendForm::parse(base().to_string().as_bytes(), None, Time::ZERO).unwrap();
    assert_eq!(form.from_phone_number.to_string(), "+1234567890");
    assert_eq!(form.to_phone_number.to_string(), "+1555123456");
    assert_eq!(form.message, "hi");
    assert!(form.media_urls.is_empty());
    assert!(form.queue);
    assert_eq!(form.idempotency_key, None);
}

#[test]
fn null_counts_as_left_out_and_unknown_fields_are_ignored() {
    for name in ["media_urls", "queue", "idempotency_key", "send_at", "lane", "metadata"] {
        assert!(SendForm::parse(&with(name, Value::Null), None, Time::ZERO).is_ok(), "{name}");
    }
    assert!(SendForm::parse(&with("colour", json!({"deep": [1, 2.5, null]})), None, Time::ZERO).is_ok());
}

#[test]
fn the_message_is_kept_as_it_came() {
    let text = "  a\u{1f600}\n\tb  ";
    assert_eq!(SendForm::parse(&with("message", json!(text)), None, Time::ZERO).unwrap().message, text);
}

#[test]
fn lengths_count_code_points() {
    let longest = "\u{1f600}".repeat(1600);
    assert!(SendForm::parse(&with("message", json!(longest)), None, Time::ZERO).is_ok());
    assert!(SendForm::parse(&with("message", json!(format!("{longest}a"))), None, Time::ZERO).is_err());
}

#[test]
fn the_key_of_the_header_wins_and_an_empty_one_counts_as_absent() {
    let long = "\u{e9}".repeat(256);
    let too_long = "\u{e9}".repeat(257);
    let none: Option<String> = None;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(key(json!("field"), None).unwrap(), some("field"));
    assert_eq!(key(json!("field"), Some(b"header")).unwrap(), some("header"));
    assert_eq!(key(json!("field"), Some(b"")).unwrap(), some("field"));
    assert_eq!(key(Value::Null, Some(b"header")).unwrap(), some("header"));
    assert_eq!(key(json!(""), Some(b"")).unwrap(), none);
    assert_eq!(key(json!(""), None).unwrap(), none);
    assert_eq!(key(json!(long), None).unwrap(), some(&long));
    assert_eq!(key(json!(null), Some(long.as_bytes())).unwrap(), some(&long));
    assert!(key(json!(too_long), None).is_err());
    assert!(key(json!(null), Some(too_long.as_bytes())).is_err());
    assert!(key(json!(null), Some(b"\xff")).is_err());
}

#[test]
fn media_are_web_addresses_with_a_host() {
    let longest = format!("https://a/{}", "x".repeat(2038));
    for good in ["https://a/b.png", "HTTP://example.com:8080/?q=1", "https://[::1]/x", longest.as_str()] {
        let form = SendForm::parse(&with("media_urls", json!([good])), None, Time::ZERO).unwrap();
        assert_eq!(form.media_urls, [good]);
    }
    let too_long = format!("{longest}x");
    let bad = [
        "",
        "a.png",
        "/a.png",
        "//host/a.png",
        "ftp://host/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "https:host",
        "https:\\\\host",
        "https://",
        "https:///",
        "https://?x",
        "https://:80/",
        " https://host/",
        "https://host/a b",
        "https://ho\nst/",
        "https://host/\u{0}",
        too_long.as_str(),
    ];
    for bad in bad {
        assert!(SendForm::parse(&with("media_urls", json!([bad])), None, Time::ZERO).is_err(), "{bad:?}");
    }
}
