use serde_json::json;

use super::front::{Front, TO, message, with};

/// Nothing stricter than the form: the documentation's own examples are not dialable.
#[tokio::test]
async fn numbers_in_the_form_pass_though_nobody_can_dial_them() {
    let front = Front::start().await;
    let example =
        json!({ "from_phone_number": "+1234567890", "to_phone_number": "+1555123456", "message": "Hi" });
    front.send(&example).await.expect(200);
    for number in ["+12", "+99", "+123456789012345", "+999999999999999"] {
        front.send(&with(message("one"), "to_phone_number", json!(number))).await.expect(200);
    }
}

#[tokio::test]
async fn numbers_in_any_other_form_are_refused_with_the_documented_sentence() {
    let front = Front::start().await;
    for number in [
        "",
        "+",
        "+1",
        "1555123456",
        "001555123456",
        "+0555123456",
        "+1234567890123456",
        "+1 555 123 456",
        "+1-555-123456",
        "+1(555)123456",
        " +1555123456",
        "+1555123456 ",
        "+1555123456\n",
        "++1555123456",
        "+1555abc456",
        "+１５５５１２３",
        "+١٥٥٥١٢٣",
        "＋1555123456",
        "+1555\u{0}123456",
        "tel:+1555123456",
    ] {
        for field in ["to_phone_number", "from_phone_number"] {
            let reply = front.send(&with(message("one"), field, json!(number))).await.expect(400);
            let sentence = format!("Invalid {field} format. Use E.164 format (e.g., +1234567890)");
            assert_eq!(reply.detail(), sentence, "{number:?}");
        }
    }
    front.send(&with(message("one"), "to_phone_number", json!(TO))).await.expect(200);
}
