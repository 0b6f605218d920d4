use serde_json::{Value, json};

use super::front::{FROM, Front, TO, message, with};

/// Bodies that never are a message.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let good = message("one").to_string();
    let text_of = |escape: &str| {
        format!(r#"{{"from_phone_number":"{FROM}","to_phone_number":"{TO}","message":"{escape}"}}"#)
            .into_bytes()
    };
    vec![
        ("nothing", Vec::new()),
        ("blanks", b"  \n".to_vec()),
        ("no JSON", b"message=one".to_vec()),
        ("cut off", good.as_bytes()[..good.len() - 1].to_vec()),
        ("two objects", [good.as_bytes(), b"{}"].concat()),
        ("a comma too many", good.replace('}', ",}").into_bytes()),
        ("an array", format!("[{good}]").into_bytes()),
        ("a string", b"\"one\"".to_vec()),
        ("a number", b"1".to_vec()),
        ("null", b"null".to_vec()),
        ("a number without end", format!("1{}", "0".repeat(60_000)).into_bytes()),
        ("a number beyond any", good.replace("\"one\"", "1e999").into_bytes()),
        ("deep arrays", "[".repeat(60_000).into_bytes()),
        ("deep objects", r#"{"a":"#.repeat(10_000).into_bytes()),
        ("deep arrays in a field", good.replace("\"one\"", &"[".repeat(30_000)).into_bytes()),
        (
            "invalid UTF-8",
            text_of("one").into_iter().map(|byte| if byte == b'o' { 0xff } else { byte }).collect(),
        ),
        ("UTF-8 cut off", [&text_of("")[..], b"\xf0\x9f"].concat()),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a lone surrogate", text_of("\\ud83d")),
        ("surrogates in the wrong order", text_of("\\ude00\\ud83d")),
        ("a line break in a string", text_of("one\ntwo")),
    ]
}

/// Fields that no message has.
fn bad_fields() -> Vec<(&'static str, Value)> {
    let address = |n: usize| json!(format!("https://example.com/{n}.png"));
    let addresses = |count: usize| Value::Array((0..count).map(address).collect());
    let mut fields = vec![
        ("message", json!("")),
        ("message", json!(" ")),
        ("message", json!(" \t\r\n")),
        ("message", json!("\u{2003}\u{3000}")),
        ("message", json!("\u{0}")),
        ("message", json!("one\u{0}two")),
        ("message", json!("a".repeat(1_601))),
        ("message", json!("😀".repeat(1_601))),
        ("message", json!(["one"])),
        ("message", json!({ "text": "one" })),
        ("media_urls", json!("https://example.com/a.png")),
        ("media_urls", json!({ "0": "https://example.com/a.png" })),
        ("media_urls", addresses(11)),
        ("media_urls", json!([null])),
        ("media_urls", json!([7])),
        ("media_urls", json!([""])),
        ("media_urls", json!(["a.png"])),
        ("media_urls", json!(["//example.com/a.png"])),
        ("media_urls", json!(["ftp://example.com/a.png"])),
        ("media_urls", json!(["file:///etc/passwd"])),
        ("media_urls", json!(["javascript:alert(1)"])),
        ("media_urls", json!(["http://"])),
        ("media_urls", json!(["https://example.com/a.png", "example"])),
        ("queue", json!("true")),
        ("queue", json!(1)),
        ("queue", json!([])),
        ("idempotency_key", json!(7)),
        ("idempotency_key", json!(["k"])),
        ("idempotency_key", json!("k".repeat(257))),
    ];
    for field in ["from_phone_number", "to_phone_number", "message"] {
        fields.extend([(field, Value::Null), (field, json!(true)), (field, json!(15_551_234_567_u64))]);
        fields.push((field, json!(-1e300)));
    }
    fields
}

#[tokio::test]
async fn bad_requests_are_400_and_store_nothing() {
    let front = Front::start().await;
    let before = front.stats().await;
    for (name, body) in broken() {
        let reply = front.send_bytes(body).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
    }
    for (field, value) in bad_fields() {
        let reply = front.send(&with(message("one"), field, value.clone())).await;
        assert_eq!(reply.status, 400, "{field} {value}: {}", reply.text);
        assert!(reply.detail().contains(field), "{field} {value}: {}", reply.text);
    }
    for field in ["from_phone_number", "to_phone_number", "message"] {
        let mut body = message("one");
        body.as_object_mut().unwrap().remove(field);
        let reply = front.send(&body).await.expect(400);
        assert!(reply.detail().contains(field), "{}", reply.text);
    }
    front.send_with_key(&"k".repeat(257), &message("one")).await.expect(400);
    assert_eq!(front.stats().await, before);
    assert!(front.ledger().await.is_empty());
}
