//! Our message in → the exact request out; their answer in → our outcome out.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use secrecy::{ExposeSecret, SecretString};
use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::outcome::{Acceptance, Class, Doubt, Outcome, Slows};
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::ports::{HandOver, Provider};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::authorization::Authorization;
use super::codes::CODES;
use super::media::{EXTENSIONS, MediaType};
use super::token::{NotRsaKey, PrivateKey, Tokens};
use super::{Credentials, Settings, Vonage, request};
use crate::providers::http_client;
use crate::providers::samples::{self, PATIENT, WayOut, bare, dissect, refused, slowing};
use crate::providers::scripted::{Reply, Scripted, answer};

/// A key for tests alone, and the public half of it.
const PRIVATE_KEY: &str = include_str!("tests/pkcs8.pem");
const PUBLIC_KEY: &str = include_str!("tests/public.pem");

const APPLICATION: &str = "78d335fa-323d-4114-9c3d-d6f0d48968cf";
const API_KEY: &str = "abcd1234";
const SECRET: &str = "s3cr3t+/=";
/// `abcd1234:s3cr3t+/=`
const BASIC: &str = "YWJjZDEyMzQ6czNjcjN0Ky89";
const ID: &str = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab";
const TAKEN: &str = r#"{"message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"}"#;

/// An account that signs in with key and secret.
fn settings(base_url: Url) -> Settings {
    let api_secret = SecretString::from(SECRET);
    Settings {
        base_url,
        credentials: Credentials::Basic { api_key: API_KEY.to_owned(), api_secret },
        signature_secret: None,
        status_callback: None,
    }
}

/// One that signs in with tokens.
fn application(base_url: Url) -> Settings {
    let private_key = PrivateKey::from_pem(PRIVATE_KEY).unwrap();
    let credentials = Credentials::Application { application_id: APPLICATION.to_owned(), private_key };
    Settings { credentials, ..settings(base_url) }
}

fn vonage(settings: Settings) -> Vonage {
    Vonage::new(settings, http_client(4).unwrap())
}

fn hand_over(text: &str, media: &[&str]) -> HandOver {
    samples::hand_over(ProviderKind::Vonage, text, media)
}

/// Vonage in the tests of all ways out.
pub(in crate::providers) const WAY_OUT: WayOut = WayOut {
    kind: ProviderKind::Vonage,
    at: |base_url, http| Arc::new(Vonage::new(settings(base_url), http)),
    yes: ("202 Accepted", TAKEN),
    accepted,
    no: |message| error("99999", message),
    secret: SECRET,
};

async fn outcome_of_answer(status: &str, headers: &str, body: &str) -> Outcome {
    WAY_OUT.outcome_of_answer(status, headers, body).await
}

fn accepted() -> Outcome {
    let (provider_id, provider_status) = (ID.to_owned(), "queued".to_owned());
    Outcome::Accepted(Acceptance { provider_id, provider_status, segments: None })
}

fn error(code: &str, detail: &str) -> String {
    let explained = format!("https://developer.vonage.com/api-errors/messages#{code}");
    json!({"type": explained, "title": "Heading", "detail": detail, "instance": "bf0ca0bf"}).to_string()
}

/// Header and claims of a token, if its signature is the key's.
fn verified(token: &str) -> (Value, Value) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let public_key: String = PUBLIC_KEY.lines().filter(|line| !line.starts_with("---")).collect();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, BASE64_STANDARD.decode(public_key).unwrap())
        .verify(signed.as_bytes(), &decode(signature))
        .expect("the signature is the key's");
    let json = |part: &str| serde_json::from_slice(&decode(part)).unwrap();
    (json(header), json(claims))
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn a_request_is_exact_to_the_byte() {
    let mut provider = Scripted::start(vec![Reply::Close(answer("202 Accepted", "", TAKEN))]).await;
    let authority = provider.url().authority().to_owned();
    let hand_over = hand_over("Hi \"you\" & é", &[]);
    let id = hand_over.message.draft.id;
    let sent = vonage(settings(provider.url())).send(hand_over, PATIENT).await;
    assert_eq!(sent, accepted());

    let (line, headers, body) = dissect(&provider.request().await);
    assert_eq!(line, "POST /v1/messages HTTP/1.1");
    let expected = format!(
        r#"{{"channel":"sms","message_type":"text","to":"15552223333","from":"15550001111","text":"Hi \"you\" & é","sms":{{"encoding_type":"text"}},"client_ref":"{id}.3"}}"#
    );
    assert_eq!(body, expected);
    let expected = [
        "accept: application/json".to_owned(),
        format!("authorization: Basic {BASIC}"),
        format!("content-length: {}", body.len()),
        "content-type: application/json".to_owned(),
        format!("host: {authority}"),
        format!("user-agent: sendyard/{}", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn an_application_signs_in_with_one_token_for_many_requests() {
    let taken = || Reply::Keep(answer("202 Accepted", "", TAKEN));
    let mut provider = Scripted::start(vec![taken(), taken()]).await;
    let vonage = vonage(application(provider.url()));
    let before = unix_seconds(SystemTime::now());
    let mut tokens = Vec::new();
    for _ in 0..2 {
        assert_eq!(vonage.send(hand_over("hi", &[]), PATIENT).await, accepted());
        let (_, headers, _) = dissect(&provider.request().await);
        let bearer = headers.iter().find_map(|header| header.strip_prefix("authorization: Bearer "));
        tokens.push(bearer.expect("a bearer token").to_owned());
    }
    let after = unix_seconds(SystemTime::now());
    assert_eq!(tokens[0], tokens[1]);
    let (_, claims) = verified(&tokens[0]);
    let made_at = claims["iat"].as_u64().unwrap();
    assert!((before..=after).contains(&made_at), "{before} {made_at} {after}");
}

#[test]
fn a_token_says_who_and_for_how_long_and_is_signed_by_the_key() {
    let key = PrivateKey::from_pem(PRIVATE_KEY).unwrap();
    let now = UNIX_EPOCH + Duration::from_hours(500_000);
    let token = Tokens::default().current(APPLICATION, &key, now).unwrap();
    let (header, claims) = verified(token.expose_secret());
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT"}));
    let id: Uuid = claims["jti"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 4);
    let expected = json!({
        "application_id": APPLICATION,
        "iat": 1_800_000_000,
        "exp": 1_800_000_300,
        "jti": id.to_string(),
    });
    assert_eq!(claims, expected);
}

#[test]
fn a_token_is_used_for_two_minutes_and_never_before_it_was_made() {
    let key = PrivateKey::from_pem(PRIVATE_KEY).unwrap();
    let tokens = Tokens::default();
    // Seconds on the wall clock, and when the token was made that is used then.
    let table = [
        (10_000, 10_000),
        (10_001, 10_000),
        (10_119, 10_000),
        (10_120, 10_120),
        (10_239, 10_120),
        (99_999, 99_999),
        // The clock is set back.
        (99_998, 99_998),
        (0, 0),
        (119, 0),
    ];
    let mut ids = Vec::new();
    for (now, made_at) in table {
        let at = UNIX_EPOCH + Duration::from_secs(now);
        let token = tokens.current(APPLICATION, &key, at).unwrap();
        let (_, claims) = verified(token.expose_secret());
        assert_eq!(claims["iat"], json!(made_at), "at {now}");
        ids.push(claims["jti"].to_string());
    }
    ids.dedup();
    assert_eq!(ids.len(), 5, "each token has its own id");
}

#[test]
fn a_key_is_read_in_both_forms_and_nothing_else_is_a_key() {
    for good in [PRIVATE_KEY, include_str!("tests/pkcs1.pem")] {
        let key = PrivateKey::from_pem(good).unwrap();
        verified(Tokens::default().current(APPLICATION, &key, UNIX_EPOCH).unwrap().expose_secret());
    }
    let half = &PRIVATE_KEY[..PRIVATE_KEY.len() / 2];
    let bad = [
        ("nothing", ""),
        ("no PEM", "MIIEvQIBADANBg"),
        ("half a key", half),
        ("a public key", PUBLIC_KEY),
        ("an encrypted key", include_str!("tests/encrypted.pem")),
        ("a key of 1024 bits", include_str!("tests/small.pem")),
        ("a key of another kind", include_str!("tests/ec.pem")),
        ("no key inside", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ];
    for (name, text) in bad {
        assert_eq!(PrivateKey::from_pem(text).err(), Some(NotRsaKey), "{name}");
    }
}

/// The body of a request.
fn body(settings: &Settings, hand_over: &HandOver) -> Value {
    let url = request::messages_url(settings);
    let authorization = Authorization::Bearer("token".into());
    let http = http_client(1).unwrap();
    let built = request::build(settings, &url, &http, &authorization, hand_over).unwrap();
    serde_json::from_slice(built.body().unwrap().as_bytes().unwrap()).unwrap()
}

#[test]
fn every_setting_and_every_part_of_a_message_has_its_field() {
    let mut full = settings("https://api.example.com/twin/".parse().unwrap());
    full.status_callback = Some("https://sms.example.com/webhooks/sms/vonage?x=1".parse().unwrap());
    assert_eq!(request::messages_url(&full).as_str(), "https://api.example.com/twin/v1/messages");

    let mut hand_over = hand_over("naïve ☃\n", &[]);
    hand_over.message.draft.encoding = Encoding::Ucs2;
    let expected = json!({
        "channel": "sms",
        "message_type": "text",
        "to": "15552223333",
        "from": "15550001111",
        "text": "naïve ☃\n",
        "sms": {"encoding_type": "unicode"},
        "client_ref": format!("{}.3", hand_over.message.draft.id),
        "webhook_url": "https://sms.example.com/webhooks/sms/vonage?x=1",
        "webhook_version": "v1",
    });
    assert_eq!(body(&full, &hand_over), expected);
}

#[test]
fn media_make_it_an_mms_with_the_text_as_the_first_caption() {
    let settings = settings("https://api.example.com".parse().unwrap());
    let table = [
        (
            "Hi",
            vec!["https://a.example/1.png?a=1&b=2"],
            json!({"message_type": "image", "image": {"url": "https://a.example/1.png?a=1&b=2", "caption": "Hi"}}),
        ),
        (
            "",
            vec!["https://a.example/1.vcf"],
            json!({"message_type": "vcard", "vcard": {"url": "https://a.example/1.vcf"}}),
        ),
        (
            "Hi",
            vec!["https://a.example/1.mp4", "https://a.example/2", "https://a.example/3.MP3"],
            json!({"message_type": "content", "content": [
                {"type": "video", "url": "https://a.example/1.mp4", "caption": "Hi"},
                {"type": "file", "url": "https://a.example/2"},
                {"type": "audio", "url": "https://a.example/3.MP3"},
            ]}),
        ),
    ];
    for (text, media, mut expected) in table {
        let hand_over = hand_over(text, &media);
        let fields = expected.as_object_mut().unwrap();
        fields.insert("channel".to_owned(), json!("mms"));
        fields.insert("to".to_owned(), json!("15552223333"));
        fields.insert("from".to_owned(), json!("15550001111"));
        fields.insert("client_ref".to_owned(), json!(format!("{}.3", hand_over.message.draft.id)));
        assert_eq!(body(&settings, &hand_over), expected);
    }
}

#[test]
fn a_medium_is_what_its_extension_says_and_else_a_file() {
    for (extension, kind) in EXTENSIONS {
        assert_eq!(MediaType::of(&format!("https://a.example/x.{extension}")), *kind, "{extension}");
    }
    let table = [
        ("https://a.example/a.b.JPeG?v=1.mp3#x.vcf", MediaType::Image),
        ("https://a.example/1.pdf", MediaType::File),
        ("https://a.example/1", MediaType::File),
        ("https://a.example", MediaType::File),
        ("https://a.png", MediaType::File),
        ("https://a.example/1.png/raw", MediaType::File),
        ("https://a.example/.png.", MediaType::File),
        ("https://a.example/?f=1.png", MediaType::File),
        ("png", MediaType::File),
        ("", MediaType::File),
    ];
    for (url, kind) in table {
        assert_eq!(MediaType::of(url), kind, "{url}");
    }
}

#[test]
fn the_reference_names_the_attempt_as_long_as_it_fits() {
    let settings = settings("https://api.example.com".parse().unwrap());
    let mut hand_over = hand_over("hi", &[]);
    let id = hand_over.message.draft.id.to_string();
    for (attempt, expected) in
        [(1, format!("{id}.1")), (999, format!("{id}.999")), (1000, id.clone()), (u16::MAX, id)]
    {
        hand_over.attempt = attempt;
        assert_eq!(body(&settings, &hand_over)["client_ref"], json!(expected));
        assert!(expected.len() <= 40);
    }
}

#[test]
fn too_much_text_is_refused_with_limit_and_size() {
    let vonage = vonage(settings("https://api.example.com".parse().unwrap()));
    let media = ["https://a.example/1".to_owned()];
    assert_eq!(vonage.check_length(&"é".repeat(1000), &[]), Ok(()));
    assert_eq!(vonage.check_length(&"é".repeat(3000), &media), Ok(()));
    let long = vonage.check_length(&"é".repeat(1001), &[]).unwrap_err().sentence;
    assert_eq!(long, "Message too long for vonage: at most 1000 characters, got 1001");
    let long = vonage.check_length(&"é".repeat(3001), &media).unwrap_err().sentence;
    assert_eq!(long, "Message too long for vonage: at most 3000 characters, got 3001");
}

#[tokio::test]
async fn a_success_is_accepted_only_with_an_id() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let more = format!(r#"{{"message_uuid":"{ID}","workflow_id":"3","new":{{"x":[1]}}}}"#);
    let table = [
        ("202 Accepted", TAKEN, accepted()),
        ("200 OK", TAKEN, accepted()),
        ("202 Accepted", &more, accepted()),
        ("202 Accepted", r#"{"message_uuid":null}"#, unclear.clone()),
        ("202 Accepted", r#"{"message_uuid":[1]}"#, unclear.clone()),
        ("202 Accepted", r#"{"message_uuid":""}"#, unclear.clone()),
        ("202 Accepted", r#"{"message_uuid":"aaaaaaaa-bb"#, unclear.clone()),
        ("202 Accepted", "", unclear.clone()),
        ("200 OK", "<html>Welcome</html>", unclear.clone()),
        ("200 OK", &error("1120", "no"), unclear),
    ];
    for (status, body, expected) in table {
        assert_eq!(outcome_of_answer(status, "", body).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn every_code_of_the_table_gives_its_class_to_a_bad_request() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let (mut answers, mut expected) = (Vec::new(), Vec::new());
    for row in CODES {
        let body = error(row.name, "no");
        let refusal = |class| refused(class, Some(row.name), "no", None);
        for status in ["422 Unprocessable Entity", "400 Bad Request"] {
            answers.push(answer(status, "", &body));
            expected.push(row.class.map_or_else(|| unclear.clone(), refusal));
        }
        // These two say enough by themselves, unless the message may have been taken.
        for (status, class) in
            [("401 Unauthorized", Class::Configuration), ("429 Too Many Requests", Class::Retry)]
        {
            answers.push(answer(status, "", &body));
            expected.push(row.class.map_or_else(|| unclear.clone(), |_| refusal(class)));
        }
        answers.push(answer("500 Internal Server Error", "", &body));
        expected.push(unclear.clone());
    }
    assert_eq!(WAY_OUT.outcomes_of_answers(answers).await, expected);
    let mut names: Vec<&str> = CODES.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CODES.len(), "a code has one row");
}

#[tokio::test]
async fn an_error_status_refuses_only_what_was_certainly_not_taken() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let throttled = error("1000", "slow down");
    let parameters = json!({
        "type": "https://developer.vonage.com/api-errors/messages#1150",
        "title": "Invalid params",
        "detail": "See below",
        "invalid_parameters": [{"name": "to", "reason": "odd"}, {"name": 7}, "x", {"name": "from", "reason": "even"}],
    });
    let table = [
        (
            "402 Payment Required",
            "",
            error("low-balance", "pay"),
            refused(Class::Configuration, Some("low-balance"), "pay", None),
        ),
        ("402 Payment Required", "", String::new(), bare(402, Class::Configuration)),
        (
            "429 Too Many Requests",
            "retry-after: 7\r\n",
            throttled.clone(),
            slowing(refused(Class::Retry, Some("1000"), "slow down", Some(7)), Slows::Account),
        ),
        ("500 Internal Server Error", "", throttled, unclear.clone()),
        ("503 Service Unavailable", "", error("1170", "no"), unclear.clone()),
        ("408 Request Timeout", "", error("1170", "no"), unclear.clone()),
        ("303 See Other", "location: /elsewhere\r\n", error("1170", "no"), unclear),
        (
            "307 Temporary Redirect",
            "location: /elsewhere\r\n",
            String::new(),
            bare(307, Class::Configuration),
        ),
        (
            "422 Unprocessable Entity",
            "",
            error("99999", "new"),
            refused(Class::Request, Some("99999"), "new", None),
        ),
        (
            "403 Forbidden",
            "",
            error("99999", "new"),
            refused(Class::Configuration, Some("99999"), "new", None),
        ),
        (
            "422 Unprocessable Entity",
            "",
            parameters.to_string(),
            refused(Class::Request, Some("1150"), "See below; to: odd; from: even", None),
        ),
        (
            "401 Unauthorized",
            "",
            r#"{"type":"UNAUTHORIZED","title":"No"}"#.to_owned(),
            refused(Class::Configuration, None, "No", None),
        ),
        (
            "422 Unprocessable Entity",
            "",
            r#"{"type":"https://x#","title":5,"detail":""}"#.to_owned(),
            bare(422, Class::Request),
        ),
        (
            "422 Unprocessable Entity",
            "",
            r#"{"type":1170,"detail":["x"]}"#.to_owned(),
            bare(422, Class::Request),
        ),
        (
            "422 Unprocessable Entity",
            "",
            r#"{"type":"https://x#1170","det"#.to_owned(),
            bare(422, Class::Request),
        ),
    ];
    for (status, headers, body, expected) in table {
        assert_eq!(outcome_of_answer(status, headers, &body).await, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn nothing_that_signs_in_is_recorded() {
    let echo = error(SECRET, &format!("Basic {BASIC} is {SECRET}; {}", "é".repeat(400)));
    let Outcome::Refused(refusal) = outcome_of_answer("401 Unauthorized", "", &echo).await else { panic!() };
    assert!(refusal.detail.starts_with("Basic [redacted] is [redacted]; é"), "{}", refusal.detail);
    assert_eq!(refusal.code.as_deref(), Some("[redacted]"));
    assert!((511..=512).contains(&refusal.detail.len()));

    let token = SecretString::from("eyJ.eyJ.c2ln");
    let said = Authorization::Bearer(token).said(br#"{"detail":"eyJ.eyJ.c2ln has expired"}"#).unwrap();
    assert_eq!(said, json!({"detail": "[redacted] has expired"}));
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let base_url: Url = "https://api.example.com".parse().unwrap();
    let mut with_key = application(base_url.clone());
    with_key.signature_secret = Some("signature-s3cr3t".into());
    let vonage = vonage(with_key);
    let token = vonage.authorization().unwrap();
    let Authorization::Bearer(text) = &token else { panic!("{token:?}") };
    let shown = format!("{vonage:?} {token:?} {:?}", settings(base_url));
    for secret in [text.expose_secret(), SECRET, "s3cr3t", "modulus", "public"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// PROVIDERS.md §3.4 and §3.5: 429 and 1000 are the requests of the key, which no time is named for.
#[tokio::test]
async fn what_is_too_fast_says_whose_pace_that_is_and_until_when() {
    let table = [
        ("429 Too Many Requests", "", "1000", Some(Slows::Account), None),
        ("429 Too Many Requests", "retry-after: 7\r\n", "1000", Some(Slows::Account), Some(7)),
        ("429 Too Many Requests", "", "throttled", Some(Slows::Account), None),
        ("422 Unprocessable Entity", "", "1000", Some(Slows::Account), None),
        ("422 Unprocessable Entity", "", "1241", Some(Slows::Sender), None),
        ("422 Unprocessable Entity", "", "1170", None, None),
        ("402 Payment Required", "", "1000", None, None),
    ];
    for (status, headers, code, slows, seconds) in table {
        let outcome = outcome_of_answer(status, headers, &error(code, "no")).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        let named = refusal.retry_after.map(|named| named.as_secs());
        assert_eq!((refusal.slows, named), (slows, seconds), "{status} {headers} {code}");
    }
}
