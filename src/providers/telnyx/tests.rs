//! Our message in → the exact request out; their answer in → our outcome out.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::outcome::{Acceptance, Class, Doubt, Outcome, Slows};
use sendyard_actors::ports::{HandOver, Provider};
use serde_json::{Value, json};
use url::Url;

use super::codes::CODES;
use super::{Settings, Telnyx};
use crate::providers::http_client;
use crate::providers::samples::{self, PATIENT, WayOut, bare, dissect, refused, slowing};
use crate::providers::scripted::{Reply, Scripted, answer};

const SECRET: &str = "KEY0123_s3cr3t";
const ID: &str = "40385f64-5717-4562-b3fc-2c963f66afa6";
const TAKEN: &str = r#"{"data":{"id":"40385f64-5717-4562-b3fc-2c963f66afa6","record_type":"message","to":[{"phone_number":"+15552223333","status":"queued"}],"parts":1,"errors":[]}}"#;

fn settings(base_url: Url) -> Settings {
    Settings {
        base_url,
        api_key: SecretString::from(SECRET),
        public_key: None,
        messaging_profile_id: None,
        status_callback: None,
    }
}

fn telnyx(base_url: Url) -> Telnyx {
    Telnyx::new(settings(base_url), http_client(4).unwrap())
}

fn hand_over(text: &str, media: &[&str]) -> HandOver {
    samples::hand_over(ProviderKind::Telnyx, text, media)
}

/// Telnyx in the tests of all ways out.
pub(in crate::providers) const WAY_OUT: WayOut = WayOut {
    kind: ProviderKind::Telnyx,
    at: |base_url, http| Arc::new(Telnyx::new(settings(base_url), http)),
    yes: ("200 OK", TAKEN),
    accepted: || accepted("queued", Some(1)),
    no: |message| error("99999", message),
    secret: SECRET,
};

async fn outcome_of_answer(status: &str, headers: &str, body: &str) -> Outcome {
    WAY_OUT.outcome_of_answer(status, headers, body).await
}

/// What becomes of an attempt after one that may have arrived.
async fn outcome_of_repeat(status: &str, body: &str) -> Outcome {
    let provider = Scripted::start(vec![Reply::Close(answer(status, "", body))]).await;
    let mut repeat = hand_over("hi", &[]);
    repeat.message.unresolved.push(2);
    telnyx(provider.url()).send(repeat, PATIENT).await
}

fn accepted(status: &str, segments: Option<u16>) -> Outcome {
    let (provider_id, provider_status) = (ID.to_owned(), status.to_owned());
    Outcome::Accepted(Acceptance { provider_id, provider_status, segments })
}

fn error(code: &str, detail: &str) -> String {
    json!({"errors": [{"code": code, "title": "Heading", "detail": detail}]}).to_string()
}

#[tokio::test]
async fn a_request_is_exact_to_the_byte() {
    let mut provider = Scripted::start(vec![Reply::Close(answer("200 OK", "", TAKEN))]).await;
    let authority = provider.url().authority().to_owned();
    let sent = telnyx(provider.url()).send(hand_over("Hi \"you\" & é", &[]), PATIENT).await;
    assert_eq!(sent, accepted("queued", Some(1)));

    let (line, headers, body) = dissect(&provider.request().await);
    assert_eq!(line, "POST /v2/messages HTTP/1.1");
    assert_eq!(body, r#"{"from":"+15550001111","to":"+15552223333","text":"Hi \"you\" & é","type":"SMS"}"#);
    let expected = [
        "accept: application/json".to_owned(),
        format!("authorization: Bearer {SECRET}"),
        format!("content-length: {}", body.len()),
        "content-type: application/json".to_owned(),
        format!("host: {authority}"),
        format!("idempotency-key: {}", hand_over("", &[]).message.draft.id),
        format!("user-agent: sendyard/{}", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn every_setting_and_every_part_of_a_message_has_its_field() {
    let mut full = settings("https://api.example.com/twin/".parse().unwrap());
    full.messaging_profile_id = Some("profile".to_owned());
    full.status_callback = Some("https://sms.example.com/webhooks/sms/telnyx?x=1".parse().unwrap());
    let media = ["https://a.example/1.png?a=1&b=2", "https://a.example/2.png"];
    let draft = samples::draft(ProviderKind::Telnyx, "naïve €\n", &media);

    assert_eq!(super::request::messages_url(&full).as_str(), "https://api.example.com/twin/v2/messages");
    let callback = format!("https://sms.example.com/webhooks/sms/telnyx?x=1&a={}", draft.id);
    let expected = json!({
        "from": "+15550001111",
        "to": "+15552223333",
        "text": "naïve €\n",
        "media_urls": media,
        "type": "MMS",
        "messaging_profile_id": "profile",
        "webhook_url": callback,
    });
    let body = super::request::body(&full, &draft).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    let order = ["from", "to", "text", "media_urls", "type", "messaging_profile_id", "webhook_url"];
    let places = order.map(|field| body.find(&format!("\"{field}\":")).unwrap());
    assert!(places.is_sorted(), "{body}");
}

#[tokio::test]
async fn every_attempt_of_a_message_writes_the_same_bytes_under_the_same_key() {
    let written_by = async |settings: fn(Url) -> Settings, attempt: u16, frozen: Option<&String>| {
        let mut provider = Scripted::start(vec![Reply::Close(answer("200 OK", "", TAKEN))]).await;
        let mut hand_over = hand_over("hi", &[]);
        hand_over.attempt = attempt;
        hand_over.message.attempt = attempt;
        hand_over.message.draft.frozen = frozen.cloned();
        let way_out = Telnyx::new(settings(provider.url()), http_client(1).unwrap());
        way_out.send(hand_over, PATIENT).await;
        let (_, headers, body) = dissect(&provider.request().await);
        let key = headers.into_iter().find(|header| header.starts_with("idempotency-key: ")).unwrap();
        (key, body)
    };
    let with_callback: fn(Url) -> Settings = |base_url| Settings {
        status_callback: Some("https://sms.example.com/webhooks/sms/telnyx".parse().unwrap()),
        ..settings(base_url)
    };
    let draft = samples::draft(ProviderKind::Telnyx, "hi", &[]);
    let frozen = Telnyx::new(with_callback("https://a.example".parse().unwrap()), http_client(1).unwrap())
        .freeze(&draft)
        .unwrap();

    let first = written_by(with_callback, 1, Some(&frozen)).await;
    assert_eq!(first, (format!("idempotency-key: {}", draft.id), frozen.clone()));
    assert_eq!(written_by(with_callback, 2, Some(&frozen)).await, first);
    assert_eq!(written_by(settings, 3, Some(&frozen)).await, first, "whatever is configured since");
    assert_eq!(written_by(with_callback, 4, None).await, first, "a record of before bodies were frozen");
}

#[test]
fn too_much_text_or_media_is_refused_with_limit_and_size() {
    let telnyx = telnyx("https://api.example.com".parse().unwrap());
    let media = vec!["https://a.example/1".to_owned(); 11];
    assert_eq!(telnyx.check_length(&"a".repeat(1530), &media[..10]), Ok(()));
    assert_eq!(telnyx.check_length(&"ç".repeat(670), &[]), Ok(()));
    let table = [
        ("a".repeat(1531), 11),
        // Not in Telnyx's alphabet, so that the whole text is UCS-2.
        ("€".repeat(671), 11),
        (format!("{}Ç", "a".repeat(1529)), 23),
    ];
    for (text, segments) in table {
        let long = telnyx.check_length(&text, &[]).unwrap_err().sentence;
        assert_eq!(long, format!("Message too long for telnyx: at most 10 segments, got {segments}"));
    }
    let many = telnyx.check_length("", &media).unwrap_err().sentence;
    assert_eq!(many, "Too many media for telnyx: at most 10, got 11");
}

#[tokio::test]
async fn a_success_is_accepted_only_with_an_id() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let data = |data: Value| json!({"data": data, "meta": {"new": [1]}}).to_string();
    let table = [
        (data(json!({"id": ID, "to": [{"status": "sending"}], "parts": 3})), accepted("sending", Some(3))),
        (data(json!({"id": ID, "to": [{"status": 7}], "parts": "2"})), accepted("7", Some(2))),
        (data(json!({"id": ID, "to": [{}], "parts": 0})), accepted("queued", None)),
        (data(json!({"id": ID, "to": [], "parts": null})), accepted("queued", None)),
        (data(json!({"id": ID, "to": {"status": "sent"}, "parts": [1]})), accepted("queued", None)),
        (data(json!({"id": ID, "to": "x", "parts": "many"})), accepted("queued", None)),
        (data(json!({"id": ID})), accepted("queued", None)),
        (data(json!({"to": [{"status": "queued"}]})), unclear.clone()),
        (data(json!({"id": null})), unclear.clone()),
        (data(json!({"id": 40385})), unclear.clone()),
        (data(json!({"id": ""})), unclear.clone()),
        (data(json!([{"id": ID}])), unclear.clone()),
        (data(json!("queued")), unclear.clone()),
        (json!({"id": ID}).to_string(), unclear.clone()),
        (error("40300", "no"), unclear),
    ];
    for (body, expected) in table {
        assert_eq!(outcome_of_answer("200 OK", "", &body).await, expected, "{body}");
    }
}

#[tokio::test]
async fn every_code_of_the_table_gives_its_class() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let (mut answers, mut expected) = (Vec::new(), Vec::new());
    for row in CODES {
        let code = row.number.to_string();
        let seconds = row.wait.map(|wait| wait.as_secs());
        let refusal = |class| slowing(refused(class, Some(&code), "no", seconds), row.slows);
        for written in [json!(row.number), json!(code)] {
            let body = json!({"errors": [{"code": written, "title": "Heading", "detail": "no"}]}).to_string();
            answers.push(answer("400 Bad Request", "", &body));
            expected.push(row.class.map_or_else(|| unclear.clone(), refusal));
            answers.push(answer("500 Internal Server Error", "", &body));
            expected.push(unclear.clone());
        }
    }
    assert_eq!(WAY_OUT.outcomes_of_answers(answers).await, expected);
    let mut numbers: Vec<u32> = CODES.iter().map(|row| row.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), CODES.len(), "a code has one row");
}

#[tokio::test]
async fn an_error_status_refuses_only_what_was_certainly_not_taken() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let stop = refused(Class::OptedOut, Some("40300"), "STOP", None);
    let table = [
        ("403 Forbidden", error("99999", "new"), refused(Class::Configuration, Some("99999"), "new", None)),
        ("400 Bad Request", error("99999", "new"), refused(Class::Request, Some("99999"), "new", None)),
        ("400 Bad Request", error("40300", ""), refused(Class::OptedOut, Some("40300"), "Heading", None)),
        ("402 Payment Required", error("20100", "no"), refused(Class::Configuration, Some("20100"), "no", None)),
        ("408 Request Timeout", error("10008", "late"), unclear.clone()),
        ("408 Request Timeout", error("99999", "late"), unclear.clone()),
        ("503 Service Unavailable", error("10011", "busy"), unclear.clone()),
        // Several errors: the first that is known, and all of it.
        (
            "400 Bad Request",
            json!({"errors": [{"code": "99999", "detail": "new"}, {"code": 40300, "detail": "STOP"}, {"code": "10002"}]}).to_string(),
            stop.clone(),
        ),
        (
            "400 Bad Request",
            json!({"errors": ["x", {"code": null}, {"code": {"a": 1}}, {"code": "40300", "detail": "STOP"}]}).to_string(),
            stop,
        ),
        (
            "400 Bad Request",
            json!({"errors": [{"code": "40300", "detail": "STOP"}, {"code": "10007"}]}).to_string(),
            unclear,
        ),
        ("400 Bad Request", json!({"errors": [{"code": ["40300"], "title": 5}]}).to_string(), bare(400, Class::Request)),
        ("400 Bad Request", json!({"errors": {"code": "40300"}}).to_string(), bare(400, Class::Request)),
        ("400 Bad Request", json!({"errors": []}).to_string(), bare(400, Class::Request)),
    ];
    for (status, body, expected) in table {
        assert_eq!(outcome_of_answer(status, "", &body).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn the_limits_reset_is_a_wait_only_where_the_limit_is_the_reason() {
    let reset = "x-ratelimit-limit: 50\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: 3\r\n";
    let both = "x-ratelimit-reset: 3\r\nretry-after: 8\r\n";
    let busy = error("10011", "busy");
    let queue_full = error("40318", "full");
    let table = [
        ("429 Too Many Requests", reset, busy.as_str(), Some(3)),
        ("429 Too Many Requests", reset, "", Some(3)),
        ("429 Too Many Requests", both, busy.as_str(), Some(8)),
        ("429 Too Many Requests", "", busy.as_str(), None),
        ("429 Too Many Requests", reset, queue_full.as_str(), Some(120)),
        ("400 Bad Request", reset, queue_full.as_str(), Some(120)),
        ("429 Too Many Requests", reset, &error("20100", "no"), None),
        ("400 Bad Request", reset, &error("10002", "no"), None),
    ];
    for (status, headers, body, seconds) in table {
        let outcome = outcome_of_answer(status, headers, body).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refusal.retry_after, seconds.map(Duration::from_secs), "{status} {headers} {body}");
    }
}

#[tokio::test]
async fn what_is_said_of_the_key_refuses_nothing() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let mismatch = "Idempotency-Key was used with another body";
    let new = refused(Class::Request, Some("99999"), "new", None);
    let no_number = refused(Class::Recipient, Some("10002"), "no", None);
    let table = [
        // Status, body, of a first attempt, of a repeat.
        ("422 Unprocessable Entity", error("99999", mismatch), unclear.clone(), unclear.clone()),
        ("422 Unprocessable Entity", error("10015", mismatch), unclear.clone(), unclear.clone()),
        (
            "422 Unprocessable Entity",
            r#"{"type":"https://e.example/IDEMPOTENCY"}"#.to_owned(),
            unclear.clone(),
            unclear.clone(),
        ),
        ("422 Unprocessable Entity", error("99999", "new"), new, unclear.clone()),
        ("422 Unprocessable Entity", error("10002", "no"), no_number.clone(), no_number.clone()),
        ("422 Unprocessable Entity", "<html>".to_owned(), bare(422, Class::Request), unclear.clone()),
        ("409 Conflict", error("99999", mismatch), unclear.clone(), unclear.clone()),
        ("409 Conflict", error("99999", "new"), unclear.clone(), unclear.clone()),
        ("409 Conflict", String::new(), unclear.clone(), unclear.clone()),
        ("409 Conflict", error("10002", "no"), no_number.clone(), no_number),
        // Any other status says nothing of a key that stands for something.
        (
            "400 Bad Request",
            error("99999", mismatch),
            refused(Class::Request, Some("99999"), mismatch, None),
            refused(Class::Request, Some("99999"), mismatch, None),
        ),
    ];
    for (status, body, of_first, of_repeat) in table {
        assert_eq!(outcome_of_answer(status, "", &body).await, of_first, "{status} {body}");
        assert_eq!(outcome_of_repeat(status, &body).await, of_repeat, "{status} {body}, a repeat");
    }
}

#[test]
fn settings_are_shown_without_their_secret() {
    let shown = format!("{:?}", telnyx("https://api.example.com".parse().unwrap()));
    assert!(!shown.contains(SECRET), "{shown}");
}

/// PROVIDERS.md §2.3: 10011 is the account's limit, 40318 the sender's queue, 40011 the way to the carrier,
/// 40018 the campaign's parts per minute.
#[tokio::test]
async fn what_is_too_fast_says_whose_pace_that_is_and_until_when() {
    let reset = "x-ratelimit-reset: 3\r\n";
    let table = [
        ("429 Too Many Requests", reset, "10011", Some(Slows::Account), Some(3)),
        ("429 Too Many Requests", "", "10011", Some(Slows::Account), None),
        ("429 Too Many Requests", reset, "99999", Some(Slows::Account), Some(3)),
        ("400 Bad Request", "", "40318", Some(Slows::Sender), Some(120)),
        ("429 Too Many Requests", reset, "40318", Some(Slows::Sender), Some(120)),
        ("400 Bad Request", "", "40011", Some(Slows::Sender), None),
        ("400 Bad Request", "", "40018", Some(Slows::Campaign), Some(60)),
        ("400 Bad Request", "", "40315", None, Some(300)),
        ("400 Bad Request", "", "10002", None, None),
        ("429 Too Many Requests", reset, "20100", None, None),
    ];
    for (status, headers, code, slows, seconds) in table {
        let outcome = outcome_of_answer(status, headers, &error(code, "no")).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        let named = refusal.retry_after.map(|named| named.as_secs());
        assert_eq!((refusal.slows, named), (slows, seconds), "{status} {headers} {code}");
    }
}

#[test]
fn codes_of_delivery_reports_say_whose_pace_they_speak_of() {
    let telnyx = telnyx("http://127.0.0.1:9".parse().unwrap());
    let table = [
        ("40011", Some((Slows::Sender, None))),
        ("40018", Some((Slows::Campaign, Some(Duration::from_mins(1))))),
        ("40300", None),
        ("", None),
    ];
    for (code, expected) in table {
        assert_eq!(telnyx.slows(code), expected, "{code}");
    }
}
