//! Answers as Vonage's documents say.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::{FROM, Reply, TO, TestTwin, VONAGE_KEY, reply};
use crate::twin::{TwinOptions, VonageApplication, VonageKey, VonageLimits};

const APPLICATION: &str = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab";
const PRIVATE_KEY: &str = include_str!("vonage/application.pem");
const PUBLIC_KEY: &str = include_str!("vonage/application.pub.pem");

fn text() -> Value {
    json!({
        "message_type": "text", "channel": "sms", "to": "15550002222", "from": "15550001111", "text": "hi",
    })
}

fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut body = text();
    body[field] = value.into();
    body
}

fn without(field: &str) -> Value {
    let mut body = text();
    body.as_object_mut().unwrap().remove(field);
    body
}

fn mms(kind: &str, field: &str, value: Value) -> Value {
    let mut body = without("text");
    body["channel"] = json!("mms");
    body["message_type"] = json!(kind);
    body[field] = value;
    body
}

fn limits(vonage: VonageLimits) -> TwinOptions {
    TwinOptions { vonage, ..TwinOptions::default() }
}

/// `fragment` is the number, or the word in its place.
async fn check_refusal(twin: &TestTwin, reply: &Reply, status: u16, fragment: &str, field: Option<&str>) {
    let body = reply.json();
    assert_eq!(reply.status.as_u16(), status, "{body}");
    let kind = body["type"].as_str().unwrap();
    assert!(kind.ends_with(&format!("#{fragment}")), "{body}");
    for field in ["title", "detail"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()));
        assert!(!body[field].as_str().unwrap().contains(fragment), "the number is in the type only");
    }
    // Random, so any number may stand in it.
    assert!(body["instance"].as_str().is_some_and(|id| uuid::Uuid::parse_str(id).is_ok()), "{body}");
    assert_eq!(body["invalid_parameters"][0]["name"], field.map_or(Value::Null, Value::from), "{body}");
    let lines = twin.lines().await;
    let line = lines.last().unwrap();
    assert_eq!(line["accepted"], false);
    assert_eq!(line["status"], status);
    assert_eq!(line["code"], fragment.parse::<u32>().map_or(Value::Null, Value::from));
}

#[tokio::test]
async fn a_text_gets_an_id_and_its_line_has_numbers_with_plus() {
    let twin = TestTwin::start().await;
    let answer = reply(twin.vonage(&with("client_ref", "m7.1"))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let body = answer.json();
    let id = body["message_uuid"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
    assert_eq!(body.as_object().unwrap().len(), 1);
    let mut line = twin.only_line().await;
    line["at_us"].take();
    let expected = json!({
        "seq": 1, "at_us": null, "provider": "vonage", "account": VONAGE_KEY, "accepted": true,
        "answered": true, "status": 202, "code": null, "provider_message_id": id, "from": FROM,
        "to": TO, "text": "hi", "media": [], "segments": 1, "token": "m7.1",
    });
    assert_eq!(line, expected);
}

#[tokio::test]
async fn the_shapes_of_an_mms_are_taken() {
    let twin = TestTwin::start().await;
    let picture = json!({ "url": "https://a/1.png", "caption": "one" });
    let content = json!([
        { "type": "image", "url": "https://a/1.png", "caption": "one" },
        { "type": "file", "url": "https://a/2.pdf", "caption": "two" },
        { "type": "audio", "url": "https://a/3.mp3" },
    ]);
    let table = [
        (mms("text", "text", json!("hi")), "hi", json!([])),
        (mms("image", "image", picture.clone()), "one", json!(["https://a/1.png"])),
        (mms("vcard", "vcard", picture.clone()), "one", json!(["https://a/1.png"])),
        (
            mms("image", "content", content),
            "one\ntwo",
            json!(["https://a/1.png", "https://a/2.pdf", "https://a/3.mp3"]),
        ),
    ];
    for (body, text, media) in table {
        assert_eq!(reply(twin.vonage(&body)).await.status, StatusCode::ACCEPTED, "{body}");
        let lines = twin.lines().await;
        let line = lines.last().unwrap();
        assert_eq!((&line["text"], &line["media"]), (&json!(text), &media));
        assert_eq!(line["segments"], 1);
    }
}

#[tokio::test]
async fn unicode_on_request_counts_as_such() {
    let twin = TestTwin::start().await;
    for (encoding, segments) in [("auto", 1), ("unicode", 2)] {
        let mut body = with("text", "a".repeat(100));
        body["sms"] = json!({ "encoding_type": encoding });
        reply(twin.vonage(&body)).await;
        assert_eq!(twin.lines().await.last().unwrap()["segments"], segments);
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_vonages_number() {
    // Thirty requests a second would not do for this table.
    let many = VonageLimits { requests_per_second: 1_000, ..VonageLimits::default() };
    let twin = TestTwin::with(limits(many)).await;
    let long = |length: usize| with("text", "a".repeat(length));
    let picture = json!({ "url": "https://a/1.png" });
    let mut short_lived = mms("image", "image", picture.clone());
    short_lived["ttl"] = json!(299);
    let table = [
        (json!([1]), "invalid-json", None),
        (without("channel"), "1010", Some("channel")),
        (without("message_type"), "1010", Some("message_type")),
        (without("to"), "1010", Some("to")),
        (without("from"), "1010", Some("from")),
        (with("text", ""), "1010", Some("text")),
        (with("text", 5), "1150", Some("text")),
        (with("channel", "fax"), "1150", Some("channel")),
        (with("message_type", "image"), "1150", Some("message_type")),
        (with("to", TO), "1170", Some("to")),
        (with("to", "1"), "1170", Some("to")),
        (with("from", FROM), "1120", Some("from")),
        (with("from", "a name that is too long"), "1120", Some("from")),
        (long(1_001), "1150", Some("text")),
        (with("ttl", 0), "1130", Some("ttl")),
        (with("ttl", "60"), "1130", Some("ttl")),
        (short_lived, "1130", Some("ttl")),
        (with("client_ref", "r".repeat(101)), "1150", Some("client_ref")),
        (with("webhook_url", "a/b"), "1150", Some("webhook_url")),
        (with("webhook_version", "v2"), "1150", Some("webhook_version")),
        (with("sms", json!({ "encoding_type": "gsm" })), "1150", Some("sms")),
        (mms("image", "file", picture), "1010", Some("image")),
        (mms("image", "image", json!({ "url": "a" })), "1150", Some("image")),
        (mms("sticker", "image", json!({})), "1150", Some("message_type")),
        (mms("image", "content", json!([])), "1150", Some("content")),
        (mms("image", "content", json!([{ "type": "text", "url": "https://a" }])), "1150", Some("content")),
    ];
    for (body, fragment, field) in table {
        check_refusal(&twin, &reply(twin.vonage(&body)).await, 422, fragment, field).await;
    }
    for good in [long(1_000), with("from", "12345"), with("from", "ACME"), with("ttl", 60)] {
        assert_eq!(reply(twin.vonage(&good)).await.status, StatusCode::ACCEPTED, "{good}");
    }
}

#[tokio::test]
async fn a_sender_that_is_not_owned_is_1120() {
    let numbers = HashSet::from([FROM.to_owned()]);
    let twin = TestTwin::with(limits(VonageLimits { numbers, ..VonageLimits::default() })).await;
    assert_eq!(reply(twin.vonage(&text())).await.status, StatusCode::ACCEPTED);
    let other = reply(twin.vonage(&with("from", "15550009999"))).await;
    check_refusal(&twin, &other, 422, "1120", Some("from")).await;
}

#[tokio::test]
async fn requests_over_the_rate_get_1000() {
    let none = VonageLimits { requests_per_second: 0, ..VonageLimits::default() };
    let twin = TestTwin::with(limits(none)).await;
    check_refusal(&twin, &reply(twin.vonage(&text())).await, 429, "1000", None).await;
}

#[tokio::test]
async fn a_key_may_ask_thirty_times_a_second() {
    let twin = TestTwin::start().await;
    futures::future::join_all((0..100).map(|_| reply(twin.vonage(&text())))).await;
    let mut seconds: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for line in twin.lines().await {
        let (asked, accepted) = seconds.entry(line["at_us"].as_u64().unwrap() / 1_000_000).or_default();
        *asked += 1;
        *accepted += u64::from(line["accepted"] == true);
    }
    for (asked, accepted) in seconds.into_values() {
        assert_eq!(accepted, asked.min(30));
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({ "application_id": APPLICATION, "iat": now(), "jti": "j1", "exp": now() + 60 })
}

fn signed(header: &Value, claims: &Value) -> String {
    let der = PrivatePkcs8KeyDer::from_pem_slice(PRIVATE_KEY.as_bytes()).unwrap();
    let key = ring::rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signing = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    key.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signing.as_bytes(), &mut signature).unwrap();
    format!("{signing}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn rs256(claims: &Value) -> String {
    signed(&json!({ "alg": "RS256", "typ": "JWT" }), claims)
}

async fn ask_with(twin: &TestTwin, token: &str) -> Reply {
    let url = format!("http://{}/v1/messages", twin.twin.addr());
    reply(twin.client.post(url).bearer_auth(token).json(&text())).await
}

#[tokio::test]
async fn a_token_of_the_right_form_lets_its_application_in_again_and_again() {
    let twin = TestTwin::start().await;
    let mut other = claims();
    other.as_object_mut().unwrap().remove("exp");
    for token in [rs256(&claims()), rs256(&claims()), rs256(&other)] {
        assert_eq!(ask_with(&twin, &token).await.status, StatusCode::ACCEPTED);
        assert_eq!(twin.lines().await.last().unwrap()["account"], APPLICATION);
    }
}

#[tokio::test]
async fn a_token_of_another_form_or_past_its_time_lets_nobody_in() {
    let twin = TestTwin::start().await;
    let change = |field: &str, value: Value| {
        let mut changed = claims();
        changed[field] = value;
        rs256(&changed)
    };
    let good = rs256(&claims());
    let old = json!({ "application_id": APPLICATION, "iat": now() - 901, "jti": "j1" });
    let table = [
        "x".to_owned(),
        "a.b.c".to_owned(),
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{good}.x"),
        signed(&json!({ "alg": "HS256" }), &claims()),
        signed(&json!({ "alg": "none" }), &claims()),
        signed(&json!(["RS256"]), &claims()),
        change("application_id", Value::Null),
        change("iat", json!("now")),
        change("jti", Value::Null),
        change("exp", json!(now() - 1)),
        rs256(&old),
    ];
    for token in table {
        check_refusal(&twin, &ask_with(&twin, &token).await, 401, "unauthorized", None).await;
    }
}

#[tokio::test]
async fn a_known_application_must_sign_with_its_key_and_no_other_is_let_in() {
    let known = VonageApplication { id: APPLICATION.into(), public_key: PUBLIC_KEY.into() };
    let twin =
        TestTwin::with(limits(VonageLimits { applications: vec![known], ..VonageLimits::default() })).await;
    assert_eq!(ask_with(&twin, &rs256(&claims())).await.status, StatusCode::ACCEPTED);

    let forged = format!("{}AA", rs256(&claims()).trim_end_matches(|last| last != '.'));
    let mut stranger = claims();
    stranger["application_id"] = json!("stranger");
    let good = rs256(&claims());
    let (_, signature) = good.rsplit_once('.').unwrap();
    let mut later = claims();
    later["exp"] = json!(now() + 3_600);
    let moved = format!("{}.{signature}", rs256(&later).rsplit_once('.').unwrap().0);
    for token in [forged, rs256(&stranger), moved] {
        check_refusal(&twin, &ask_with(&twin, &token).await, 401, "unauthorized", None).await;
    }
    check_refusal(&twin, &reply(twin.vonage(&text())).await, 401, "unauthorized", None).await;
}

#[tokio::test]
async fn a_known_key_needs_its_secret() {
    let known = VonageKey { api_key: VONAGE_KEY.into(), api_secret: "right".into() };
    let twin = TestTwin::with(limits(VonageLimits { keys: vec![known], ..VonageLimits::default() })).await;
    check_refusal(&twin, &reply(twin.vonage(&text())).await, 401, "unauthorized", None).await;
    check_refusal(&twin, &ask_with(&twin, &rs256(&claims())).await, 401, "unauthorized", None).await;
    let url = format!("http://{}/v1/messages", twin.twin.addr());
    let right = twin.client.post(url).basic_auth(VONAGE_KEY, Some("right")).json(&text());
    assert_eq!(reply(right).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_public_key_that_is_none_stops_the_start_and_is_named() {
    for public_key in ["", PRIVATE_KEY] {
        let application = VonageApplication { id: APPLICATION.into(), public_key: public_key.into() };
        let options = limits(VonageLimits { applications: vec![application], ..VonageLimits::default() });
        let error = crate::twin::start(([127, 0, 0, 1], 0).into(), options).await.unwrap_err();
        assert!(error.to_string().contains(APPLICATION), "{error}");
    }
}

#[tokio::test]
async fn faults_speak_as_vonage_does() {
    let twin = TestTwin::start().await;
    twin.set_rule(json!({ "account": VONAGE_KEY, "throttle": { "share": 1, "retry_after": 7 } })).await;
    let timed = reply(twin.vonage(&text())).await;
    assert_eq!(timed.headers["retry-after"], "7");
    check_refusal(&twin, &timed, 429, "1000", None).await;

    // As the ledger writes it, not as the request does.
    twin.set_rule(json!({ "from": FROM, "server_error": { "share": 1 } })).await;
    check_refusal(&twin, &reply(twin.vonage(&text())).await, 500, "1000", None).await;

    twin.set_rule(json!({ "garbage": { "share": 1 } })).await;
    for _ in 0..20 {
        let answer = reply(twin.vonage(&text())).await;
        assert!([StatusCode::OK, StatusCode::ACCEPTED].contains(&answer.status));
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        assert_eq!(body["message_uuid"], Value::Null, "{body}");
    }
}
