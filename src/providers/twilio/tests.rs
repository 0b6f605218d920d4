//! Our message in → the exact request out; their answer in → our outcome out.

use std::sync::Arc;

use secrecy::SecretString;
use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::outcome::{Acceptance, Class, Doubt, Outcome, Slows};
use sendyard_actors::ports::{HandOver, Provider};
use url::Url;

use super::codes::CODES;
use super::{Settings, Twilio};
use crate::providers::http_client;
use crate::providers::samples::{self, PATIENT, WayOut, bare, dissect, refused, slowing};
use crate::providers::scripted::{Reply, Scripted, answer};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SECRET: &str = "s3cr3t+/=";
const CREATED: &str = r#"{"sid":"SM01","status":"queued","num_segments":"1"}"#;

fn settings(base_url: Url) -> Settings {
    Settings {
        base_url,
        account_sid: ACCOUNT.to_owned(),
        user: ACCOUNT.to_owned(),
        secret: SecretString::from(SECRET),
        messaging_service_sid: None,
        status_callback: None,
    }
}

fn twilio(base_url: Url) -> Twilio {
    Twilio::new(settings(base_url), http_client(4).unwrap())
}

fn hand_over(text: &str, media: &[&str]) -> HandOver {
    samples::hand_over(ProviderKind::Twilio, text, media)
}

/// Twilio in the tests of all ways out.
pub(in crate::providers) const WAY_OUT: WayOut = WayOut {
    kind: ProviderKind::Twilio,
    at: |base_url, http| Arc::new(Twilio::new(settings(base_url), http)),
    yes: ("201 Created", CREATED),
    accepted: || accepted("queued", Some(1)),
    no: |message| format!(r#"{{"code":"99999","message":"{message}","status":400}}"#),
    secret: SECRET,
};

async fn outcome_of_answer(status: &str, headers: &str, body: &str) -> Outcome {
    WAY_OUT.outcome_of_answer(status, headers, body).await
}

fn accepted(status: &str, segments: Option<u16>) -> Outcome {
    let (provider_id, provider_status) = ("SM01".to_owned(), status.to_owned());
    Outcome::Accepted(Acceptance { provider_id, provider_status, segments })
}

#[tokio::test]
async fn a_request_is_exact_to_the_byte() {
    let mut provider = Scripted::start(vec![Reply::Close(answer("201 Created", "", CREATED))]).await;
    let authority = provider.url().authority().to_owned();
    let sent = twilio(provider.url()).send(hand_over("Hi & bye", &[]), PATIENT).await;
    assert_eq!(sent, accepted("queued", Some(1)));

    let (line, headers, body) = dissect(&provider.request().await);
    assert_eq!(line, format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1"));
    assert_eq!(body, "To=%2B15552223333&From=%2B15550001111&Body=Hi+%26+bye");
    let expected = [
        "accept: application/json".to_owned(),
        // base64 of "AC00000000000000000000000000000001:s3cr3t+/="
        "authorization: Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpzM2NyM3QrLz0=".to_owned(),
        format!("content-length: {}", body.len()),
        "content-type: application/x-www-form-urlencoded".to_owned(),
        format!("host: {authority}"),
        format!("user-agent: sendyard/{}", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn every_setting_and_every_part_of_a_message_has_its_field() {
    let base: Url = "https://api.example.com/twin/".parse().unwrap();
    let http = http_client(1).unwrap();
    let built = |settings: &Settings, hand_over: &HandOver| {
        let template = super::request::template(settings, &http).unwrap();
        (template.url().to_string(), super::request::form(settings, hand_over))
    };

    let mut full = settings(base);
    full.user = "SK02".to_owned();
    full.messaging_service_sid = Some("MG03".to_owned());
    full.status_callback = Some("https://sms.example.com/webhooks/sms/twilio?x=1".parse().unwrap());
    let hand_over = hand_over("naïve €\n", &["https://a.example/1.png?a=1&b=2", "https://a.example/2.png"]);
    let token = format!("{}.3", hand_over.message.draft.id);
    let (url, body) = built(&full, &hand_over);

    assert_eq!(url, format!("https://api.example.com/twin/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
    let callback = format!("https%3A%2F%2Fsms.example.com%2Fwebhooks%2Fsms%2Ftwilio%3Fx%3D1%26a%3D{token}");
    let expected = [
        "To=%2B15552223333",
        "From=%2B15550001111",
        "MessagingServiceSid=MG03",
        "Body=na%C3%AFve+%E2%82%AC%0A",
        "MediaUrl=https%3A%2F%2Fa.example%2F1.png%3Fa%3D1%26b%3D2",
        "MediaUrl=https%3A%2F%2Fa.example%2F2.png",
        &format!("StatusCallback={callback}"),
    ];
    assert_eq!(body.split('&').collect::<Vec<_>>(), expected);
}

#[test]
fn too_much_text_or_media_is_refused_with_limit_and_size() {
    let twilio = twilio("https://api.example.com".parse().unwrap());
    let media = vec!["https://a.example/1".to_owned(); 11];
    assert_eq!(twilio.check_length(&"é".repeat(1600), &media[..10]), Ok(()));
    let long = twilio.check_length(&"é".repeat(1601), &[]).unwrap_err().sentence;
    assert_eq!(long, "Message too long for twilio: at most 1600 characters, got 1601");
    let many = twilio.check_length("", &media).unwrap_err().sentence;
    assert_eq!(many, "Too many media for twilio: at most 10, got 11");
}

#[tokio::test]
async fn a_success_is_accepted_only_with_an_id() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let table = [
        ("201 Created", CREATED, accepted("queued", Some(1))),
        ("200 OK", CREATED, accepted("queued", Some(1))),
        (
            "201 Created",
            r#"{"sid":"SM01","status":"accepted","num_segments":"0"}"#,
            accepted("accepted", None),
        ),
        ("201 Created", r#"{"sid":"SM01","num_segments":3,"new":{"x":[1]}}"#, accepted("queued", Some(3))),
        ("201 Created", r#"{"sid":"SM01","status":null,"num_segments":null}"#, accepted("queued", None)),
        ("201 Created", r#"{"sid":"SM01","status":7,"num_segments":"many"}"#, accepted("7", None)),
        ("201 Created", r#"{"status":"queued"}"#, unclear.clone()),
        ("201 Created", r#"{"sid":null}"#, unclear.clone()),
        ("201 Created", r#"{"sid":["SM01"]}"#, unclear.clone()),
        ("201 Created", r#"{"sid":"SM01","status":"que"#, unclear.clone()),
        ("201 Created", r#"["SM01"]"#, unclear.clone()),
        ("201 Created", r#"{"code":21211,"message":"no","status":400}"#, unclear.clone()),
    ];
    for (status, body, expected) in table {
        assert_eq!(outcome_of_answer(status, "", body).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn every_code_of_the_table_gives_its_class() {
    let (mut answers, mut expected) = (Vec::new(), Vec::new());
    for row in CODES {
        let code = row.number.to_string();
        let seconds = row.wait.map(|wait| wait.as_secs());
        for written in [code.clone(), format!("\"{code}\"")] {
            let body = format!(r#"{{"code":{written},"message":"no","more_info":"…","status":400}}"#);
            answers.push(answer("400 Bad Request", "", &body));
            expected.push(slowing(refused(row.class, Some(&code), "no", seconds), row.slows));
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
    let busy = r#"{"code":20429,"message":"Too Many Requests","status":429}"#;
    let table = [
        (
            "429 Too Many Requests",
            "retry-after: 7\r\n",
            busy,
            slowing(refused(Class::Retry, Some("20429"), "Too Many Requests", Some(7)), Slows::Account),
        ),
        (
            "503 Service Unavailable",
            "",
            busy,
            slowing(refused(Class::Retry, Some("20429"), "Too Many Requests", None), Slows::Account),
        ),
        (
            "400 Bad Request",
            "retry-after: 9\r\n",
            r#"{"code":14107}"#,
            refused(Class::Retry, Some("14107"), "http status 400 without a message", Some(9)),
        ),
        (
            "400 Bad Request",
            "",
            r#"{"code":99999,"message":"new"}"#,
            refused(Class::Request, Some("99999"), "new", None),
        ),
        (
            "403 Forbidden",
            "",
            r#"{"code":99999,"message":"new"}"#,
            refused(Class::Configuration, Some("99999"), "new", None),
        ),
        ("400 Bad Request", "", r#"{"code":{"a":1},"message":["x"]}"#, bare(400, Class::Request)),
        (
            "400 Bad Request",
            "",
            r#"{"code":-21211}"#,
            refused(Class::Request, Some("-21211"), "http status 400 without a message", None),
        ),
        ("400 Bad Request", "", r#"{"code":21211,"mess"#, bare(400, Class::Request)),
        ("500 Internal Server Error", "", r#"{"code":20500,"message":"oops","status":500}"#, unclear.clone()),
        ("500 Internal Server Error", "", r#"{"code":21211,"message":"no","status":400}"#, unclear.clone()),
    ];
    for (status, headers, body, expected) in table {
        assert_eq!(outcome_of_answer(status, headers, body).await, expected, "{status} {body}");
    }
}

#[test]
fn settings_are_shown_without_their_secret() {
    let shown = format!("{:?}", twilio("https://api.example.com".parse().unwrap()));
    assert!(!shown.contains(SECRET), "{shown}");
}

/// PROVIDERS.md §1.3: 20429 counts the account's requests, 21611 and 30001 the queue of From, 30022 the
/// campaign's messages; 14107 is about two numbers, and a retry is all it asks for.
#[tokio::test]
async fn what_is_too_fast_says_whose_pace_that_is_and_until_when() {
    let table = [
        ("429 Too Many Requests", "", "20429", Some(Slows::Account), None),
        ("429 Too Many Requests", "retry-after: 7\r\n", "20429", Some(Slows::Account), Some(7)),
        ("429 Too Many Requests", "retry-after: 7\r\n", "99999", Some(Slows::Account), Some(7)),
        ("400 Bad Request", "", "21611", Some(Slows::Sender), Some(120)),
        ("429 Too Many Requests", "", "21611", Some(Slows::Sender), Some(120)),
        ("400 Bad Request", "retry-after: 9\r\n", "21611", Some(Slows::Sender), Some(9)),
        ("400 Bad Request", "", "30001", Some(Slows::Sender), Some(120)),
        ("400 Bad Request", "", "30022", Some(Slows::Campaign), None),
        ("400 Bad Request", "", "63017", Some(Slows::Account), None),
        ("400 Bad Request", "", "14107", None, Some(30)),
        ("400 Bad Request", "", "21211", None, None),
        ("429 Too Many Requests", "", "20003", None, None),
    ];
    for (status, headers, code, slows, seconds) in table {
        let body = format!(r#"{{"code":{code},"message":"no"}}"#);
        let outcome = outcome_of_answer(status, headers, &body).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        let named = refusal.retry_after.map(|named| named.as_secs());
        assert_eq!((refusal.slows, named), (slows, seconds), "{status} {headers} {code}");
    }
}

#[test]
fn codes_of_delivery_reports_say_whose_pace_they_speak_of() {
    let twilio = twilio("http://127.0.0.1:9".parse().unwrap());
    let whose = |code: &str| twilio.slows(code).map(|(slows, _)| slows);
    let table =
        [("30001", Some(Slows::Sender)), ("30022", Some(Slows::Campaign)), ("30003", None), ("x", None)];
    for (code, expected) in table {
        assert_eq!(whose(code), expected, "{code}");
    }
}
