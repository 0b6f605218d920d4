//! Our message in → the exact request out; their answer in → our outcome out.

use std::time::Duration;

use futures::poll;
use secrecy::SecretString;
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{
    AccountName, AssistantId, MessageId, OrganizationId, ProviderKind, Shard,
};
use sendyard_actors::domain::message::{Answer, Draft, Kind, Lane, Message};
use sendyard_actors::domain::outcome::{Acceptance, Class, Doubt, Outcome, Refusal};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{HandOver, Provider};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use super::codes::CODES;
use super::{Settings, Twilio};
use crate::providers::scripted::{Reply, Scripted, answer};
use crate::providers::{client, http_client};

/// Longer than any test: what ends, ends for another reason.
const PATIENT: Duration = Duration::from_secs(10);
/// For tests whose subject is that it runs out.
const IMPATIENT: Duration = Duration::from_millis(60);

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
    let sender: E164 = "+15550001111".parse().unwrap();
    let recipient: E164 = "+15552223333".parse().unwrap();
    let media: Vec<String> = media.iter().map(|url| (*url).to_owned()).collect();
    let draft = Draft {
        id: MessageId::new(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000), Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Normal,
        kind: Kind::Queued,
        organization: OrganizationId(1),
        assistant: AssistantId(1),
        account: AccountName::from("acme-twilio"),
        provider: ProviderKind::Twilio,
        text: text.to_owned(),
        media: media.clone(),
        segments: 1,
        encoding: Encoding::Gsm7,
        fingerprint: Fingerprint::of(sender, recipient, text, &media, true),
        frozen: None,
    };
    let answer = Answer { position: 1, estimate: Time::ZERO };
    let message = Box::new(Message::queued(draft, 1, answer, Time::ZERO));
    HandOver { message, attempt: 3, deadline: Time::MAX }
}

/// What becomes of an attempt that the provider replies to like this.
async fn outcome_of(reply: Reply, patience: Duration) -> Outcome {
    let provider = Scripted::start(vec![reply]).await;
    twilio(provider.url()).send(hand_over("hi", &[]), patience).await
}

async fn outcome_of_answer(status: &str, headers: &str, body: &str) -> Outcome {
    outcome_of(Reply::Close(answer(status, headers, body)), PATIENT).await
}

fn refused(class: Class, code: Option<&str>, detail: &str, seconds: Option<u64>) -> Outcome {
    let code = code.map(str::to_owned);
    let retry_after = seconds.map(Duration::from_secs);
    Outcome::Refused(Refusal { class, code, detail: detail.to_owned(), retry_after })
}

fn accepted(status: &str, segments: Option<u16>) -> Outcome {
    let (provider_id, provider_status) = ("SM01".to_owned(), status.to_owned());
    Outcome::Accepted(Acceptance { provider_id, provider_status, segments })
}

/// Method, path, headers in lower case and sorted, body.
fn dissect(request: &str) -> (String, Vec<String>, String) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let mut headers: Vec<String> = headers
        .lines()
        .map(|header| header.split_once(": ").unwrap())
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        .collect();
    headers.sort();
    (line.to_owned(), headers, body.to_owned())
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
        let url = super::request::messages_url(settings);
        let request = super::request::build(settings, &url, &http, hand_over).unwrap();
        let body = request.body().unwrap().as_bytes().unwrap();
        (request.url().to_string(), String::from_utf8(body.to_vec()).unwrap())
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
        ("201 Created", "<html>Welcome</html>", unclear.clone()),
        ("201 Created", "", unclear.clone()),
        ("201 Created", r#"{"code":21211,"message":"no","status":400}"#, unclear.clone()),
        ("204 No Content", "", unclear.clone()),
    ];
    for (status, body, expected) in table {
        assert_eq!(outcome_of_answer(status, "", body).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn every_code_of_the_table_gives_its_class() {
    for row in CODES {
        let number = row.number;
        let code = number.to_string();
        let seconds = row.wait.map(|wait| wait.as_secs());
        let expected = refused(row.class, Some(&code), "no", seconds);
        for written in [code.clone(), format!("\"{code}\"")] {
            let body = format!(r#"{{"code":{written},"message":"no","more_info":"…","status":400}}"#);
            let outcome = outcome_of_answer("400 Bad Request", "", &body).await;
            assert_eq!(outcome, expected, "{number}");
        }
    }
    let mut numbers: Vec<u32> = CODES.iter().map(|row| row.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), CODES.len(), "a code has one row");
}

#[tokio::test]
async fn an_error_status_refuses_only_what_was_certainly_not_taken() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let busy = r#"{"code":20429,"message":"Too Many Requests","status":429}"#;
    let bare =
        |status: u16, class| refused(class, None, &format!("http status {status} without a message"), None);
    let table = [
        (
            "429 Too Many Requests",
            "retry-after: 7\r\n",
            busy,
            refused(Class::Retry, Some("20429"), "Too Many Requests", Some(7)),
        ),
        (
            "503 Service Unavailable",
            "",
            busy,
            refused(Class::Retry, Some("20429"), "Too Many Requests", None),
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
        ("400 Bad Request", "", "<html>secret stuff</html>", bare(400, Class::Request)),
        ("400 Bad Request", "", r#"{"code":21211,"mess"#, bare(400, Class::Request)),
        ("401 Unauthorized", "", "", bare(401, Class::Configuration)),
        ("404 Not Found", "", "nothing here", bare(404, Class::Configuration)),
        ("408 Request Timeout", "", "", unclear.clone()),
        ("429 Too Many Requests", "", "slow down", bare(429, Class::Retry)),
        ("500 Internal Server Error", "", r#"{"code":20500,"message":"oops","status":500}"#, unclear.clone()),
        ("500 Internal Server Error", "", r#"{"code":21211,"message":"no","status":400}"#, unclear.clone()),
        ("502 Bad Gateway", "retry-after: 1\r\n", "<html>bad gateway</html>", unclear.clone()),
        ("303 See Other", "location: /elsewhere\r\n", "", unclear.clone()),
    ];
    for (status, headers, body, expected) in table {
        assert_eq!(outcome_of_answer(status, headers, body).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let moved = Reply::Keep(answer("307 Temporary Redirect", "location: /elsewhere\r\n", ""));
    let mut provider = Scripted::start(vec![moved]).await;
    let outcome = twilio(provider.url()).send(hand_over("hi", &[]), PATIENT).await;
    assert_eq!(outcome, refused(Class::Configuration, None, "http status 307 without a message", None));
    provider.request().await;
    assert_eq!(provider.unread(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_leaves_it_unknown() {
    let lost = Outcome::Unknown(Doubt::ConnectionLost);
    let whole = answer("201 Created", "", CREATED);
    let headers = "x-flood: 0123456789\r\n".repeat(2000);
    let table = [
        ("no answer at all", Vec::new(), lost.clone()),
        ("half a status line", b"HTTP/1.1 20".to_vec(), lost.clone()),
        ("half a head", b"HTTP/1.1 201 Created\r\ncontent-le".to_vec(), lost.clone()),
        ("no HTTP", b"SSH-2.0-OpenSSH_9.0\r\n\r\n".to_vec(), lost.clone()),
        ("a flood of headers", answer("201 Created", &headers, CREATED), lost.clone()),
        ("half a body", whole[..whole.len() - 5].to_vec(), lost.clone()),
        ("half a body of a 500", b"HTTP/1.1 500 Oops\r\ncontent-length: 9\r\n\r\n{".to_vec(), lost),
        (
            "half a body of a 400, whose head has refused already",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n{".to_vec(),
            refused(Class::Request, None, "http status 400 without a message", None),
        ),
    ];
    for (name, bytes, expected) in table {
        assert_eq!(outcome_of(Reply::Close(bytes), PATIENT).await, expected, "{name}");
    }
}

#[tokio::test]
async fn patience_bounds_the_whole_call() {
    let no_answer = Outcome::Unknown(Doubt::NoAnswer);
    let head = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 60000\r\n\r\n").into_bytes();
    let table = [
        ("silence", Reply::Hang(Vec::new()), no_answer.clone()),
        ("a head without its body", Reply::Hang(head("201 Created")), no_answer.clone()),
        ("a body that drips", Reply::Drip(head("201 Created")), no_answer.clone()),
        ("a 503 whose body drips", Reply::Drip(head("503 Unavailable")), no_answer),
    ];
    for (name, reply, expected) in table {
        assert_eq!(outcome_of(reply, IMPATIENT).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_huge_body_is_not_read_to_its_end() {
    let padding = " ".repeat(70_000);
    let huge = answer("201 Created", "", &format!("{CREATED}{padding}"));
    // It ends only for a reader that stops by itself: the promised length never comes.
    let endless =
        Reply::Hang(String::from_utf8(huge).unwrap().replacen("length: 7", "length: 9", 1).into_bytes());
    assert_eq!(outcome_of(endless, PATIENT).await, Outcome::Unknown(Doubt::UnclearAnswer));
    let fits = format!("{CREATED}{}", " ".repeat(60_000));
    assert_eq!(outcome_of_answer("201 Created", "", &fits).await, accepted("queued", Some(1)));
}

#[tokio::test]
async fn what_was_never_written_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Accepts, and never answers the TLS greeting.
    let silent_tls = format!("https://{address}").parse().unwrap();
    let short = client(1, IMPATIENT).unwrap();
    let slow = Twilio::new(settings(silent_tls), short).send(hand_over("hi", &[]), PATIENT).await;

    drop(listener);
    let nobody = format!("http://{address}").parse().unwrap();
    let gone = twilio(nobody).send(hand_over("hi", &[]), PATIENT).await;

    for outcome in [slow, gone] {
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!((refusal.class, refusal.code.as_deref()), (Class::Retry, Some("connect")));
        assert!(refusal.detail.starts_with("cannot connect: "), "{}", refusal.detail);
        assert!(!refusal.detail.contains(ACCOUNT), "{}", refusal.detail);
    }

    let wrong = twilio("mailto:somebody".parse().unwrap()).send(hand_over("hi", &[]), PATIENT).await;
    let Outcome::Refused(refusal) = wrong else { panic!("{wrong:?}") };
    assert_eq!((refusal.class, refusal.code.as_deref()), (Class::Configuration, Some("request")));
}

#[tokio::test]
async fn a_request_on_a_connection_that_dies_is_not_repeated() {
    let script = vec![Reply::Keep(answer("201 Created", "", CREATED)), Reply::Close(Vec::new())];
    let mut provider = Scripted::start(script).await;
    let twilio = twilio(provider.url());
    assert_eq!(twilio.send(hand_over("one", &[]), PATIENT).await, accepted("queued", Some(1)));
    let second = twilio.send(hand_over("two", &[]), PATIENT).await;
    assert_eq!(second, Outcome::Unknown(Doubt::ConnectionLost));
    assert!(provider.request().await.ends_with("Body=one"));
    assert!(provider.request().await.ends_with("Body=two"));
    assert_eq!(provider.unread(), 0);
}

#[tokio::test]
async fn the_first_poll_puts_the_request_on_its_way() {
    let script = vec![Reply::Keep(answer("201 Created", "", CREATED)), Reply::Hang(Vec::new())];
    let mut provider = Scripted::start(script).await;
    let twilio = twilio(provider.url());
    twilio.send(hand_over("one", &[]), PATIENT).await;
    provider.request().await;

    let mut second = twilio.send(hand_over("two", &[]), PATIENT);
    assert_eq!(provider.unread(), 0, "nothing is sent before the first poll");
    assert!(poll!(&mut second).is_pending());
    // The future is not polled again; on a connection that stands, the request arrives all the same.
    assert!(provider.request().await.ends_with("Body=two"));
}

#[tokio::test]
async fn a_detail_holds_no_secret_and_is_bounded() {
    let echo = format!(r#"{{"code":20003,"message":"Authenticate with {SECRET}: {}"}}"#, "é".repeat(400));
    let outcome = outcome_of_answer("401 Unauthorized", "", &echo).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert!(refusal.detail.starts_with("Authenticate with [redacted]: é"), "{}", refusal.detail);
    assert!((511..=512).contains(&refusal.detail.len()));
    let shown = format!("{:?}", twilio("https://api.example.com".parse().unwrap()));
    assert!(!shown.contains(SECRET), "{shown}");
}
