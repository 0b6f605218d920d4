//! Answers as Twilio's documents say.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{ACCOUNT, FROM, OTHER_ACCOUNT, TO, TestTwin, reply};
use crate::twin::{TwilioAccount, TwilioLimits, TwinOptions};

const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
const API_KEY: &str = "SK0123456789abcdef0123456789abcdef";

/// Sends a form that is refused, and checks the refusal against its line in the ledger.
async fn refused(form: &[(&str, &str)], status: u16, code: u32) {
    let twin = TestTwin::start().await;
    let reply = twin.post(ACCOUNT, form).await;
    check_refusal(&twin, &reply, status, code).await;
}

async fn check_refusal(twin: &TestTwin, reply: &super::Reply, status: u16, code: u32) {
    let body = reply.json();
    assert_eq!(reply.status.as_u16(), status, "{body}");
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()));
    let lines = twin.lines().await;
    let line = lines.last().unwrap();
    assert_eq!(line["accepted"], false);
    assert_eq!(line["answered"], true);
    assert_eq!(line["status"], status);
    assert_eq!(line["code"], code);
    assert_eq!(line["provider_message_id"], Value::Null);
}

fn limits(twilio: TwilioLimits) -> TwinOptions {
    TwinOptions { twilio, ..TwinOptions::default() }
}

fn is_sid(value: &Value, kind: &str) -> bool {
    let text = value.as_str().unwrap();
    let digits = text.strip_prefix(kind).unwrap();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[tokio::test]
async fn a_text_gets_a_message_resource() {
    let twin = TestTwin::start().await;
    let reply = twin.send("Hello, world & all").await;
    assert_eq!(reply.status, StatusCode::CREATED);
    assert_eq!(reply.headers["twilio-concurrent-requests"], "1");
    let mut body = reply.json();
    assert!(is_sid(&body["sid"], "SM"));
    let sid = body["sid"].as_str().unwrap().to_owned();
    let created = body["date_created"].take();
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(created.as_str().unwrap()).unwrap();
    assert_eq!(body["date_updated"].take(), created);
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}");
    let expected = json!({
        "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": "Hello, world & all",
        "date_created": null, "date_sent": null, "date_updated": null, "direction": "outbound-api",
        "error_code": null, "error_message": null, "from": FROM, "messaging_service_sid": null,
        "num_media": "0", "num_segments": "1", "price": null, "price_unit": "USD", "sid": sid,
        "status": "queued", "subresource_uris": { "media": format!("{path}/Media.json") },
        "to": TO, "uri": format!("{path}.json"),
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_messaging_service_accepts_without_a_sender_or_a_count() {
    let twin = TestTwin::start().await;
    let body =
        twin.post(ACCOUNT, &[("To", TO), ("MessagingServiceSid", SERVICE), ("Body", "hi")]).await.json();
    assert_eq!(body["status"], "accepted");
    assert_eq!(body["from"], Value::Null);
    assert_eq!(body["messaging_service_sid"], SERVICE);
    assert_eq!(body["num_segments"], "0");
    assert_eq!(twin.only_line().await["segments"], 1);
}

#[tokio::test]
async fn media_make_an_mms() {
    let twin = TestTwin::start().await;
    let form = [("To", TO), ("From", FROM), ("MediaUrl", "https://a/1.png"), ("MediaUrl", "https://a/2.png")];
    let body = twin.post(ACCOUNT, &form).await.json();
    assert!(is_sid(&body["sid"], "MM"));
    assert_eq!(body["num_media"], "2");
    let line = twin.only_line().await;
    assert_eq!(line["media"], json!(["https://a/1.png", "https://a/2.png"]));
    assert_eq!(line["segments"], 1);
}

#[tokio::test]
async fn a_message_can_be_read_back_by_its_account_only() {
    let twin = TestTwin::start().await;
    let sent = twin.send("remember me").await.json();
    let sid = sent["sid"].as_str().unwrap();
    let url = |account: &str, id: &str| {
        format!("http://{}/2010-04-01/Accounts/{account}/Messages/{id}.json", twin.twin.addr())
    };
    let fetch = |address: String| reply(twin.client.get(address).basic_auth(ACCOUNT, Some("token")));
    let found = fetch(url(ACCOUNT, sid)).await;
    assert_eq!(found.status, StatusCode::OK);
    assert_eq!(found.json(), sent);

    let unknown = sid.replace("SM", "MM");
    for missing in [url(OTHER_ACCOUNT, sid), url(ACCOUNT, &unknown), url(ACCOUNT, "SM1"), url(ACCOUNT, "Ж")]
    {
        let not_found = fetch(missing).await;
        assert_eq!(not_found.status, StatusCode::NOT_FOUND);
        assert_eq!(not_found.json()["code"], 20404);
    }
    let nobody = reply(twin.client.get(url(ACCOUNT, sid))).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn any_account_or_api_key_with_any_token_is_let_in() {
    let twin = TestTwin::start().await;
    let form = [("To", TO), ("From", FROM), ("Body", "hi")];
    for user in [ACCOUNT, OTHER_ACCOUNT, API_KEY] {
        let request = twin.client.post(twin.messages_url(ACCOUNT)).basic_auth(user, Some("x")).form(&form);
        assert_eq!(reply(request).await.status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn missing_or_empty_credentials_are_20003() {
    let twin = TestTwin::start().await;
    let form = [("To", TO), ("From", FROM), ("Body", "hi")];
    let post = || twin.client.post(twin.messages_url(ACCOUNT)).form(&form);
    for request in [
        post(),
        post().basic_auth(ACCOUNT, Some("")),
        post().basic_auth("somebody", Some("token")),
        post().bearer_auth("token"),
        post().header("authorization", "Basic %%%"),
    ] {
        let answer = reply(request).await;
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"Twilio API\"");
        check_refusal(&twin, &answer, 401, 20003).await;
    }
}

#[tokio::test]
async fn named_accounts_let_nobody_else_in() {
    let account = TwilioAccount { account_sid: ACCOUNT.into(), user: API_KEY.into(), token: "right".into() };
    let twin =
        TestTwin::with(limits(TwilioLimits { accounts: vec![account], ..TwilioLimits::default() })).await;
    let form = [("To", TO), ("From", FROM), ("Body", "hi")];
    let post = |account, user, token| {
        reply(twin.client.post(twin.messages_url(account)).basic_auth(user, Some(token)).form(&form))
    };
    assert_eq!(post(ACCOUNT, API_KEY, "right").await.status, StatusCode::CREATED);
    check_refusal(&twin, &post(ACCOUNT, API_KEY, "wrong").await, 401, 20003).await;
    check_refusal(&twin, &post(ACCOUNT, ACCOUNT, "right").await, 401, 20003).await;
    check_refusal(&twin, &post(OTHER_ACCOUNT, API_KEY, "right").await, 401, 20003).await;
}

#[tokio::test]
async fn an_account_of_another_form_is_20404() {
    let twin = TestTwin::start().await;
    let answer = twin.post("AC123", &[("To", TO), ("From", FROM), ("Body", "hi")]).await;
    check_refusal(&twin, &answer, 404, 20404).await;
    let message = "The requested resource /2010-04-01/Accounts/AC123/Messages.json was not found";
    assert_eq!(answer.json()["message"], message);
}

#[tokio::test]
async fn a_missing_recipient_is_21604() {
    refused(&[("From", FROM), ("Body", "hi")], 400, 21604).await;
}

#[tokio::test]
async fn a_bad_recipient_is_21211() {
    for to in ["5550002222", "+0550002222", "+1555", "+1555000222233334", "+1555000a222", "bob"] {
        refused(&[("From", FROM), ("To", to), ("Body", "hi")], 400, 21211).await;
    }
}

#[tokio::test]
async fn a_missing_sender_is_21603() {
    refused(&[("To", TO), ("Body", "hi")], 400, 21603).await;
}

#[tokio::test]
async fn a_bad_sender_is_21212() {
    for from in ["+15", "12", "123456789", "a name that is too long", "né"] {
        refused(&[("To", TO), ("From", from), ("Body", "hi")], 400, 21212).await;
    }
}

#[tokio::test]
async fn short_codes_and_names_may_send() {
    let twin = TestTwin::start().await;
    for from in ["12345", "ACME Ltd"] {
        let answer = twin.post(ACCOUNT, &[("To", TO), ("From", from), ("Body", "hi")]).await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_sender_that_is_not_owned_is_21606() {
    let numbers = HashSet::from([FROM.to_owned()]);
    let twin = TestTwin::with(limits(TwilioLimits { numbers, ..TwilioLimits::default() })).await;
    assert_eq!(twin.send("mine").await.status, StatusCode::CREATED);
    let answer = twin.post(ACCOUNT, &[("To", TO), ("From", "+15550009999"), ("Body", "hi")]).await;
    check_refusal(&twin, &answer, 400, 21606).await;
}

#[tokio::test]
async fn an_unlikely_messaging_service_is_21701() {
    refused(&[("To", TO), ("MessagingServiceSid", "MG1"), ("Body", "hi")], 400, 21701).await;
}

#[tokio::test]
async fn nothing_to_say_is_21602_or_with_a_service_21619() {
    refused(&[("To", TO), ("From", FROM)], 400, 21602).await;
    refused(&[("To", TO), ("From", FROM), ("Body", "")], 400, 21602).await;
    refused(&[("To", TO), ("MessagingServiceSid", SERVICE)], 400, 21619).await;
}

#[tokio::test]
async fn a_text_over_1600_characters_is_21617() {
    let twin = TestTwin::start().await;
    assert_eq!(twin.send(&"a".repeat(1_600)).await.status, StatusCode::CREATED);
    check_refusal(&twin, &twin.send(&"a".repeat(1_601)).await, 400, 21617).await;
}

#[tokio::test]
async fn more_than_ten_media_are_21623_and_no_address_is_21620() {
    let twin = TestTwin::start().await;
    let mut form = vec![("To", TO), ("From", FROM)];
    form.extend([("MediaUrl", "https://a/b.png"); 10]);
    assert_eq!(twin.post(ACCOUNT, &form).await.status, StatusCode::CREATED);
    form.push(("MediaUrl", "https://a/b.png"));
    check_refusal(&twin, &twin.post(ACCOUNT, &form).await, 400, 21623).await;
    refused(&[("To", TO), ("From", FROM), ("MediaUrl", "a/b.png")], 400, 21620).await;
}

#[tokio::test]
async fn a_recipient_listed_as_opted_out_is_21610() {
    let twin = TestTwin::start().await;
    twin.set_faults(json!({ "opted_out": [TO] })).await;
    check_refusal(&twin, &twin.send("hi").await, 400, 21610).await;
    let other = twin.post(ACCOUNT, &[("To", "+15550003333"), ("From", FROM), ("Body", "hi")]).await;
    assert_eq!(other.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_is_no_form_lacks_everything() {
    let twin = TestTwin::start().await;
    let request = twin.client.post(twin.messages_url(ACCOUNT)).basic_auth(ACCOUNT, Some("token"));
    let answer = reply(request.json(&json!({ "To": TO }))).await;
    check_refusal(&twin, &answer, 400, 21603).await;
}

#[tokio::test]
async fn a_sender_whose_queue_is_too_long_gets_21611_and_another_does_not() {
    // Room for three segments of a thousand seconds each: nothing drains while this runs.
    let slow =
        TwilioLimits { queue: Duration::from_mins(50), long_code_rate: 0.001, ..TwilioLimits::default() };
    let twin = TestTwin::with(limits(slow)).await;
    assert_eq!(twin.send(&"a".repeat(161)).await.status, StatusCode::CREATED);
    assert_eq!(twin.send("third segment").await.status, StatusCode::CREATED);
    let full = twin.send("fourth").await;
    check_refusal(&twin, &full, 429, 21611).await;
    assert_eq!(full.json()["message"], "SMS queue is full.");
    let other = [("To", TO), ("From", "+15550007777"), ("Body", "hi")];
    assert_eq!(twin.post(ACCOUNT, &other).await.status, StatusCode::CREATED);
    assert_eq!(twin.post(OTHER_ACCOUNT, &[("To", TO), ("From", FROM), ("Body", "hi")]).await.status, 201);
}

#[tokio::test]
async fn requests_over_the_concurrency_of_an_account_get_20429() {
    let twin = TestTwin::with(limits(TwilioLimits { concurrency: 1, ..TwilioLimits::default() })).await;
    twin.set_rule(json!({ "from": FROM, "hang": { "share": 1, "ms": 3_600_000 } })).await;
    let hanging = twin.send_raw("one").await;
    twin.until_lines(1).await;
    let second = [("To", TO), ("From", "+15550007777"), ("Body", "hi")];
    let answer = twin.post(ACCOUNT, &second).await;
    assert_eq!(answer.headers["twilio-concurrent-requests"], "2");
    check_refusal(&twin, &answer, 429, 20429).await;
    assert_eq!(twin.post(OTHER_ACCOUNT, &second).await.status, StatusCode::CREATED);

    drop(hanging);
    let freed = async { while twin.post(ACCOUNT, &second).await.status != StatusCode::CREATED {} };
    tokio::time::timeout(super::PATIENCE, freed).await.expect("a client that hung up still counts");
}
