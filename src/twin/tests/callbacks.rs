//! Status callbacks, as their receiver meets them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use ring::hmac;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use url::form_urlencoded;

use super::{ACCOUNT, FROM, PATIENCE, TO, TestTwin, VONAGE_KEY, reply};
use crate::twin::{CallbackKeys, TwinOptions};

/// Takes callbacks.
struct Receiver {
    url: String,
    calls: mpsc::Receiver<Call>,
    script: Arc<Script>,
}

/// What the receiver answers.
struct Script {
    calls: mpsc::Sender<Call>,
    /// To the next calls; 200 to all others.
    statuses: Mutex<VecDeque<u16>>,
    /// Each answer takes one.
    permits: Semaphore,
}

#[derive(Debug)]
struct Call {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }
}

impl Receiver {
    async fn start() -> Self {
        Self::with(Semaphore::MAX_PERMITS).await
    }

    /// Gives so many answers before it is told to go on.
    async fn with(permits: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?x=1&a=m7", listener.local_addr().unwrap());
        let (sender, calls) = mpsc::channel(100);
        let permits = Semaphore::new(permits);
        let script = Arc::new(Script { calls: sender, statuses: Mutex::default(), permits });
        let router = Router::new().fallback(take).with_state(Arc::clone(&script));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, calls, script }
    }

    fn answers(&self, statuses: impl IntoIterator<Item = u16>) {
        self.script.statuses.lock().unwrap().extend(statuses);
    }

    async fn next(&mut self) -> Call {
        tokio::time::timeout(PATIENCE, self.calls.recv()).await.expect("no callback came").unwrap()
    }
}

async fn take(
    State(script): State<Arc<Script>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    script.calls.send(Call { uri, headers, body }).await.unwrap();
    script.permits.acquire().await.unwrap().forget();
    let status = script.statuses.lock().unwrap().pop_front().unwrap_or(200);
    // Whoever follows redirects comes again.
    (StatusCode::from_u16(status).unwrap(), [(LOCATION, "/followed")])
}

impl TestTwin {
    /// As fast as can be, with these dials beside.
    async fn call_back(&self, mut dials: Value) {
        dials["delay_ms"] = dials.get("delay_ms").cloned().unwrap_or(json!(0));
        self.set_faults(json!({ "callbacks": dials })).await;
    }

    async fn callbacks(&self) -> Value {
        self.control(Method::GET, "/_twin/callbacks", "").await.json()
    }

    async fn until_sent(&self, count: u64) -> Value {
        let asking = async {
            loop {
                let report = self.callbacks().await;
                if report["sent"] == count {
                    return report;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the callbacks never became as wanted")
    }

    async fn keys(&self) -> Value {
        self.control(Method::GET, "/_twin/keys", "").await.json()
    }
}

#[tokio::test]
async fn the_keys_are_those_of_the_documents() {
    let twin = TestTwin::start().await;
    let shown = twin.control(Method::GET, "/_twin/keys", "").await.text;
    assert!(include_str!("../../../docs/TWIN.md").contains(&shown), "{shown}");
}

fn twilio(url: &str) -> [(&'static str, &str); 4] {
    [("To", TO), ("From", FROM), ("Body", "hi"), ("StatusCallback", url)]
}

fn telnyx(url: &str) -> Value {
    json!({ "from": FROM, "to": TO, "text": "hi", "webhook_url": url })
}

fn vonage(url: &str) -> Value {
    json!({
        "message_type": "text", "channel": "sms", "to": "15550002222", "from": "15550001111", "text": "hi",
        "client_ref": "m7.1", "webhook_url": url,
    })
}

#[tokio::test]
async fn nothing_is_called_unless_the_dial_is_on_and_the_request_was_accepted() {
    let twin = TestTwin::start().await;
    let receiver = Receiver::start().await;
    twin.post(ACCOUNT, &twilio(&receiver.url)).await;
    twin.call_back(json!({ "delay_ms": 3_600_000 })).await;
    twin.send("no address").await;
    twin.post(ACCOUNT, &[("To", "bob"), ("From", FROM), ("StatusCallback", &receiver.url)]).await;
    twin.post(ACCOUNT, &twilio("no address")).await;
    assert_eq!(twin.callbacks().await["waiting"], 0);
    twin.post(ACCOUNT, &twilio(&receiver.url)).await;
    assert_eq!(twin.callbacks().await["waiting"], 1);
}

/// As a receiver does it that knows its own address.
fn check_twilio(call: &Call, receiver: &Receiver, token: &str) {
    assert_eq!(
        receiver.url.split_once("/hook").unwrap().1,
        call.uri.to_string().split_once("/hook").unwrap().1
    );
    let mut fields = call.form();
    fields.sort();
    let mut signed = receiver.url.clone();
    for (name, value) in fields {
        signed.push_str(&name);
        signed.push_str(&value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let signature = STANDARD.decode(&call.headers["x-twilio-signature"]).unwrap();
    hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn twilio_tells_each_state_in_a_signed_form() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    twin.call_back(json!({})).await;
    let sid = twin.post(ACCOUNT, &twilio(&receiver.url)).await.json()["sid"].clone();
    for state in ["sending", "sent", "delivered"] {
        let call = receiver.next().await;
        check_twilio(&call, &receiver, "token");
        for (name, value) in [
            ("MessageStatus", state),
            ("SmsStatus", state),
            ("MessageSid", sid.as_str().unwrap()),
            ("AccountSid", ACCOUNT),
            ("From", FROM),
            ("To", TO),
        ] {
            assert_eq!(call.field(name).as_deref(), Some(value));
        }
        assert_eq!(call.field("RawDlrDoneDate").is_some(), state == "delivered");
        assert!(call.field("ErrorCode").is_none());
    }
    let report = twin.until_sent(3).await;
    let last = &report["last"][2];
    assert_eq!((&last["seq"], &last["provider_message_id"]), (&json!(1), &sid));
    assert_eq!((&last["state"], &last["status"]), (&json!("delivered"), &json!(200)));
    assert_eq!((&last["url"], &last["error"]), (&json!(receiver.url), &Value::Null));
}

#[tokio::test]
async fn what_came_with_an_api_key_is_signed_with_the_configured_token() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    twin.call_back(json!({})).await;
    let user = "SK0123456789abcdef0123456789abcdef";
    let form = twilio(&receiver.url);
    reply(twin.client.post(twin.messages_url(ACCOUNT)).basic_auth(user, Some("secret")).form(&form)).await;
    let keys = twin.keys().await;
    check_twilio(&receiver.next().await, &receiver, keys["twilio"]["auth_token"].as_str().unwrap());
}

#[tokio::test]
async fn a_messaging_service_is_told_of_the_queue_too() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    twin.call_back(json!({})).await;
    let service = "MG0123456789abcdef0123456789abcdef";
    let form =
        [("To", TO), ("MessagingServiceSid", service), ("Body", "hi"), ("StatusCallback", &receiver.url)];
    twin.post(ACCOUNT, &form).await;
    let call = receiver.next().await;
    assert_eq!(call.field("MessageStatus").as_deref(), Some("queued"));
    assert_eq!(call.field("MessagingServiceSid").as_deref(), Some(service));
}

#[tokio::test]
async fn telnyx_tells_in_json_signed_with_the_key_that_is_shown() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    twin.call_back(json!({})).await;
    let id = reply(twin.telnyx(&telnyx(&receiver.url))).await.json()["data"]["id"].clone();
    let keys = twin.keys().await;
    let public_key = STANDARD.decode(keys["telnyx"]["public_key"].as_str().unwrap()).unwrap();
    for (event_type, state) in [("message.sent", "sent"), ("message.finalized", "delivered")] {
        let call = receiver.next().await;
        let signature = STANDARD.decode(&call.headers["telnyx-signature-ed25519"]).unwrap();
        let signed = [call.headers["telnyx-timestamp"].as_bytes(), b"|", &call.body].concat();
        UnparsedPublicKey::new(&ED25519, &public_key).verify(&signed, &signature).unwrap();
        let body = call.json();
        assert_eq!(body["data"]["event_type"], event_type);
        assert_eq!(body["data"]["record_type"], "event");
        assert_eq!(body["data"]["payload"]["id"], id);
        assert_eq!(body["data"]["payload"]["to"][0]["status"], state);
        assert_eq!(body["data"]["payload"]["to"][0]["phone_number"], TO);
        assert_eq!(body["data"]["payload"]["errors"], json!([]));
        assert_eq!(body["data"]["payload"]["completed_at"].is_string(), state == "delivered");
        assert_eq!(body["meta"], json!({ "attempt": 1, "delivered_to": receiver.url }));
    }
}

#[tokio::test]
async fn telnyx_tries_three_times_and_then_the_other_address() {
    let options = TwinOptions { callback_wait: Duration::from_millis(1), ..TwinOptions::default() };
    let twin = TestTwin::with(options).await;
    let (mut receiver, mut other) = (Receiver::start().await, Receiver::start().await);
    receiver.answers([500, 404, 302]);
    // The second event is an hour away.
    twin.call_back(json!({ "early": { "share": 1 }, "delay_ms": 3_600_000 })).await;
    let mut body = telnyx(&receiver.url);
    body["webhook_failover_url"] = json!(other.url);
    reply(twin.telnyx(&body)).await;

    let heard = other.next().await.json();
    assert_eq!(heard["meta"], json!({ "attempt": 1, "delivered_to": other.url }));
    for attempt in 1..=3 {
        let unheard = receiver.next().await.json();
        assert_eq!(unheard["meta"]["attempt"], attempt);
        assert_eq!(unheard["data"], heard["data"]);
    }
    let report = twin.until_sent(4).await;
    let statuses: Vec<&Value> =
        report["last"].as_array().unwrap().iter().map(|call| &call["status"]).collect();
    assert_eq!(statuses, [500, 404, 302, 200]);
}

/// The claims, if the token is good.
fn check_vonage(call: &Call, secret: &str) -> Value {
    let header = call.headers["authorization"].to_str().unwrap();
    let (signed, signature) = header.strip_prefix("Bearer ").unwrap().rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decode = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(decode(header), json!({ "alg": "HS256", "typ": "JWT" }));
    let claims = decode(claims);
    let hash = ring::digest::digest(&ring::digest::SHA256, &call.body);
    assert_eq!(claims["payload_hash"], hex::encode(hash));
    claims
}

#[tokio::test]
async fn vonage_tells_in_json_with_a_token_over_the_body() {
    let callback_keys =
        CallbackKeys { vonage_signature_secret: "another secret".into(), ..CallbackKeys::default() };
    let twin = TestTwin::with(TwinOptions { callback_keys, ..TwinOptions::default() }).await;
    let mut receiver = Receiver::start().await;
    twin.call_back(json!({})).await;
    let id = reply(twin.vonage(&vonage(&receiver.url))).await.json()["message_uuid"].clone();
    assert_eq!(twin.keys().await["vonage"]["signature_secret"], "another secret");
    for state in ["submitted", "delivered"] {
        let call = receiver.next().await;
        let claims = check_vonage(&call, "another secret");
        assert_eq!((&claims["iss"], &claims["api_key"]), (&json!("Vonage"), &json!(VONAGE_KEY)));
        assert!(claims["iat"].is_u64() && claims["jti"].is_string());
        let mut body = call.json();
        let _: jiff::Timestamp = body["timestamp"].take().as_str().unwrap().parse().unwrap();
        let expected = json!({
            "message_uuid": id, "to": "15550002222", "from": "15550001111", "timestamp": null,
            "status": state, "channel": "sms", "client_ref": "m7.1",
            "usage": { "currency": "EUR", "price": "0.0333" }, "destination": { "network_code": "12345" },
            "sms": { "count_total": "1" },
        });
        assert_eq!(body, expected);
    }
    assert_eq!(twin.until_sent(2).await["waiting"], 0, "what was taken is not repeated");
}

#[tokio::test]
async fn vonage_repeats_until_it_is_heard() {
    let options = TwinOptions { callback_wait: Duration::from_millis(1), ..TwinOptions::default() };
    let twin = TestTwin::with(options).await;
    let mut receiver = Receiver::start().await;
    receiver.answers([500; 6]);
    twin.call_back(json!({})).await;
    reply(twin.vonage(&vonage(&receiver.url))).await;
    let report = twin.until_sent(8).await;
    let taken = |call: &&Value| call["status"] == 200;
    assert_eq!(report["last"].as_array().unwrap().iter().filter(taken).count(), 2);
    let mut states = Vec::new();
    for _ in 0..8 {
        states.push(receiver.next().await.json()["status"].as_str().unwrap().to_owned());
    }
    assert!(states.contains(&"submitted".to_owned()) && states.contains(&"delivered".to_owned()));
}

#[tokio::test]
async fn who_opted_out_is_told_of_by_vonage_afterwards() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    twin.set_faults(json!({ "opted_out": [TO], "callbacks": { "delay_ms": 0 } })).await;
    assert_eq!(reply(twin.vonage(&vonage(&receiver.url))).await.status, StatusCode::ACCEPTED);
    let body = receiver.next().await.json();
    assert_eq!(body["status"], "rejected");
    assert_eq!(body["error"]["title"], "1240");
    assert_eq!(body["error"]["type"], "https://developer.vonage.com/api-errors/messages#1240");
    assert_eq!(twin.callbacks().await["waiting"], 0, "nothing comes after it");
    assert_eq!(twin.only_line().await["accepted"], true);
}

#[tokio::test]
async fn messages_that_fail_say_why_in_their_last_state() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    twin.call_back(json!({ "failed": { "share": 1 } })).await;
    twin.post(ACCOUNT, &twilio(&receiver.url)).await;
    let mut call = receiver.next().await;
    while !["failed", "undelivered"].contains(&call.field("MessageStatus").unwrap().as_str()) {
        assert!(call.field("ErrorCode").is_none());
        call = receiver.next().await;
    }
    assert!(call.field("ErrorCode").unwrap().starts_with("30"));

    reply(twin.telnyx(&telnyx(&receiver.url))).await;
    let mut body = receiver.next().await.json();
    if body["data"]["event_type"] == "message.sent" {
        body = receiver.next().await.json();
    }
    assert_eq!(body["data"]["event_type"], "message.finalized");
    assert_ne!(body["data"]["payload"]["to"][0]["status"], "delivered");
    assert!(body["data"]["payload"]["errors"][0]["code"].as_str().unwrap().starts_with("400"));

    reply(twin.vonage(&vonage(&receiver.url))).await;
    let mut body = receiver.next().await.json();
    if body["status"] == "submitted" {
        body = receiver.next().await.json();
    }
    assert!(body["error"]["title"].as_str().unwrap().starts_with('1'));
}

#[tokio::test]
async fn an_early_callback_comes_before_the_answer() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::with(0).await;
    twin.call_back(json!({ "early": { "share": 1 } })).await;
    let asking = tokio::spawn(twin.posting(ACCOUNT, &twilio(&receiver.url)).send());
    let call = receiver.next().await;
    assert_eq!(twin.only_line().await["answered"], false);
    assert!(!asking.is_finished());
    receiver.script.permits.add_permits(10);
    let answer: Value = asking.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(call.field("MessageSid").as_deref(), answer["sid"].as_str());
    assert_eq!(twin.only_line().await["answered"], true);
    // Where there is nothing to wait for, nothing is waited for.
    assert_eq!(twin.send("no address").await.status, StatusCode::CREATED);
    assert_eq!(twin.lines().await[1]["answered"], true);
}

#[tokio::test]
async fn a_client_that_hangs_up_while_an_early_callback_is_on_its_way_got_no_answer() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::with(0).await;
    twin.call_back(json!({ "early": { "share": 1 } })).await;
    let asking = tokio::spawn(twin.posting(ACCOUNT, &twilio(&receiver.url)).send());
    receiver.next().await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    receiver.script.permits.add_permits(10);
    assert_eq!(receiver.next().await.field("MessageStatus").as_deref(), Some("sent"));
    let line = twin.only_line().await;
    assert_eq!((&line["accepted"], &line["answered"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn what_was_accepted_is_told_though_the_answer_was_cut() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    let rules = json!([{ "cut_after_body": { "share": 1 } }]);
    twin.set_faults(json!({ "callbacks": { "delay_ms": 0 }, "rules": rules })).await;
    twin.posting(ACCOUNT, &twilio(&receiver.url)).send().await.unwrap_err();
    let sid = twin.only_line().await["provider_message_id"].clone();
    assert_eq!(receiver.next().await.field("MessageSid").as_deref(), sid.as_str());
}

#[tokio::test]
async fn a_repeated_request_is_not_told_of_again() {
    let twin = TestTwin::start().await;
    twin.call_back(json!({ "delay_ms": 3_600_000 })).await;
    let receiver = Receiver::start().await;
    for _ in 0..2 {
        reply(twin.telnyx(&telnyx(&receiver.url)).header("idempotency-key", "k")).await;
    }
    assert_eq!(twin.callbacks().await["waiting"], 1);
}

#[tokio::test]
async fn lost_doubled_and_disordered_callbacks_are_as_told() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::start().await;
    twin.call_back(json!({ "lost": { "share": 1 } })).await;
    twin.post(ACCOUNT, &twilio(&receiver.url)).await;
    let report = twin.callbacks().await;
    assert_eq!((&report["lost"], &report["waiting"], &report["sent"]), (&json!(3), &json!(0), &json!(0)));

    twin.call_back(json!({ "doubled": { "share": 1 }, "disordered": { "share": 1 } })).await;
    twin.post(ACCOUNT, &twilio(&receiver.url)).await;
    let mut tokens = Vec::new();
    for state in ["delivered", "delivered", "sent", "sent", "sending", "sending"] {
        let call = receiver.next().await;
        assert_eq!(call.field("MessageStatus").as_deref(), Some(state));
        tokens.push(call.headers["i-twilio-idempotency-token"].clone());
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
}

#[tokio::test]
async fn a_receiver_that_cannot_be_reached_is_written_down() {
    let twin = TestTwin::start().await;
    twin.call_back(json!({})).await;
    // Bound and dropped: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.9:0").await.unwrap().local_addr().unwrap();
    twin.post(ACCOUNT, &twilio(&format!("http://{nobody}/"))).await;
    let report = twin.until_sent(3).await;
    assert_eq!(report["last"][0]["status"], Value::Null);
    assert!(report["last"][0]["error"].as_str().is_some_and(|error| !error.is_empty()));
}

#[tokio::test]
async fn a_stopped_twin_calls_nobody_any_more_and_lets_go() {
    let twin = TestTwin::start().await;
    let mut receiver = Receiver::with(0).await;
    twin.call_back(json!({ "late": { "share": 0.5, "ms": 3_600_000 } })).await;
    for _ in 0..8 {
        twin.post(ACCOUNT, &twilio(&receiver.url)).await;
    }
    receiver.next().await;
    let callbacks = Arc::downgrade(&twin.twin.twin.callbacks);
    twin.twin.stop().await;
    let gone = async {
        while callbacks.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("something still holds the callbacks");
}

#[tokio::test]
async fn dials_that_make_no_sense_are_explained() {
    let twin = TestTwin::start().await;
    for (bad, word) in [
        (r#"{"callbacks":{"lost":{"share":2}}}"#, "callbacks: the share of lost"),
        (r#"{"callbacks":{"on":true}}"#, "unknown field `on`"),
        (r#"{"callbacks":5}"#, "expected struct"),
    ] {
        let refused = twin.control(Method::PUT, "/_twin/faults", bad).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
        let sentence = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(sentence.contains(word), "{sentence}");
    }
}
