//! A body that is not one JSON object is 400, whatever it is instead.

use super::app::{App, GOOD_BODY, assert_accepted};

/// The good body with this raw text as one more field's value.
fn with_extra(raw: &str) -> Vec<u8> {
    let (start, _) = GOOD_BODY.rsplit_once('}').unwrap();
    format!("{start},\"extra\":{raw}}}").into_bytes()
}

/// The good body with these raw bytes inside the message.
fn with_message(raw: &[u8]) -> Vec<u8> {
    let (start, end) = GOOD_BODY.split_once("hi").unwrap();
    [start.as_bytes(), raw, end.as_bytes()].concat()
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_400() {
    let app = App::start().await;
    let object = "The request body must be a JSON object";
    let broken = "The request body cannot be read as JSON: ";
    let utf8 = "The request body is not valid UTF-8";
    let cases: [(&str, Vec<u8>, &str); 32] = [
        ("nothing", b"".into(), object),
        ("blanks", b" \r\n\t".into(), object),
        ("null", b"null".into(), object),
        ("a string", b"\"{}\"".into(), object),
        ("a number", b"1".into(), object),
        ("an array", format!("[{GOOD_BODY}]").into(), object),
        ("a form", b"from_phone_number=%2B1234567890".into(), object),
        ("a byte order mark", format!("\u{feff}{GOOD_BODY}").into(), object),
        ("a comment", format!("// hi\n{GOOD_BODY}").into(), object),
        ("a foreign blank", format!("\u{a0}{GOOD_BODY}").into(), object),
        ("NUL before", format!("\0{GOOD_BODY}").into(), object),
        ("UTF-16", GOOD_BODY.encode_utf16().flat_map(u16::to_le_bytes).collect(), broken),
        ("an open brace", b"{".into(), broken),
        ("cut off", GOOD_BODY.as_bytes()[..40].into(), broken),
        ("a second object", format!("{GOOD_BODY}{GOOD_BODY}").into(), broken),
        ("something after it", format!("{GOOD_BODY}x").into(), broken),
        ("a comma at the end", with_extra("1,"), broken),
        ("single quotes", b"{'message':'hi'}".into(), broken),
        ("bare names", b"{message:\"hi\"}".into(), broken),
        ("NaN", with_extra("NaN"), broken),
        ("infinity", with_extra("1e999"), broken),
        ("a leading zero", with_extra("01"), broken),
        ("a raw line break", with_message(b"a\nb"), broken),
        ("a raw NUL", with_message(b"a\0b"), broken),
        ("a lone high surrogate", with_message(br"\ud83d"), broken),
        ("a lone low surrogate", with_message(br"\ude00"), broken),
        ("swapped surrogates", with_message(br"\ude00\ud83d"), broken),
        ("a lone surrogate in an unknown field", with_extra(r#""\ud83d""#), broken),
        ("an unknown escape", with_message(br"\x41"), broken),
        ("invalid UTF-8", with_message(b"\xff"), utf8),
        ("an overlong NUL", with_message(b"\xc0\x80"), utf8),
        ("an encoded surrogate", with_message(b"\xed\xa0\x80"), utf8),
    ];
    for (name, body, sentence) in cases {
        let detail = app.send(body).await.error(400, "invalid_json");
        assert!(detail.starts_with(sentence), "{name}: {detail}");
    }
}

#[tokio::test]
async fn a_field_given_twice_is_400_and_is_named() {
    let app = App::start().await;
    for (first, second) in [("\"a\"", "\"b\""), ("\"a\"", "\"a\""), ("null", "\"a\"")] {
        let body = format!(r#"{{"message":{first},"message":{second}}}"#);
        let detail = app.send(body).await.error(400, "invalid_json");
        assert!(detail.contains("field \"message\" is given twice"), "{detail}");
    }
    let escaped = r#"{"message":"a","messag\u0065":"b"}"#;
    app.send(escaped).await.error(400, "invalid_json");
    let name = "x".repeat(20_000);
    let detail = app.send(format!(r#"{{"{name}":1,"{name}":2}}"#)).await.error(400, "invalid_json");
    assert!(detail.len() < 300, "an error does not repeat what it was sent");
}

#[tokio::test]
async fn depth_is_bounded_and_no_stack_overflows() {
    let app = App::start().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let levels = 60_000 / open.len();
        let unclosed = open.repeat(levels);
        app.send(with_extra(&unclosed)).await.error(400, "invalid_json");
        let closed = format!("{}1{}", open.repeat(levels / 2), close.repeat(levels / 2));
        app.send(with_extra(&closed)).await.error(400, "invalid_json");
    }
    // More levels than a body can hold.
    app.send("[".repeat(100_000)).await.error(413, "body_too_large");
    let shallow = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    assert_accepted(&app.send(with_extra(&shallow)).await);
}

#[tokio::test]
async fn unusual_and_valid_json_passes() {
    let app = App::start().await;
    let cases = [
        format!(" \r\n\t{GOOD_BODY}\n"),
        GOOD_BODY.replace("hi", r"\u0068\ud83d\ude00\u2028"),
        GOOD_BODY.replace("message", r"\u006dessage"),
        GOOD_BODY.replace("hi", "\u{1f600}\u{202e}\u{feff}x"),
        String::from_utf8(with_extra("123456789012345678901234567890")).unwrap(),
        String::from_utf8(with_extra("-1.5e-300")).unwrap(),
    ];
    for body in cases {
        assert_accepted(&app.send(body).await);
    }
}
