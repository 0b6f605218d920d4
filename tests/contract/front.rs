//! The whole program behind its port: embedded store, twin, real HTTP.
//!
//! What the contract promises of *every* answer is checked on every answer that is read here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder};
use sendyard::boot::{self, Running};
use sendyard::config::{Config, Directory, Environment, StoreUrl};
use sendyard::twin::{self, RunningTwin, TwinOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// May do everything, for the first organization.
pub(crate) const KEY: &str = "acme-key";
/// May only read.
pub(crate) const READER: &str = "acme-reader";
/// May only send.
pub(crate) const SENDER: &str = "acme-sender";
/// May do everything, for another organization.
pub(crate) const OTHER_KEY: &str = "other-key";

/// A number of the first organization, fast.
pub(crate) const FROM: &str = "+1234567890";
/// Another one, with one segment a minute: its second message waits.
pub(crate) const SLOW: &str = "+15550100001";
/// A number of the other organization.
pub(crate) const OTHER_FROM: &str = "+15550100002";
/// A number that nobody has.
pub(crate) const NOBODYS: &str = "+15550100003";
/// A recipient.
pub(crate) const TO: &str = "+1555123456";

const DIRECTORY: &str = include_str!("directory.toml");

/// Nothing here takes longer, however busy the machine is.
const LIMIT: Duration = Duration::from_mins(1);

/// A running program and a client of it.
pub(crate) struct Front {
    running: Running,
    twin: RunningTwin,
    http: Client,
    data: TempDir,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap()
    }

    /// The message's id, of any answer that must carry one.
    #[track_caller]
    pub(crate) fn message_id(&self) -> String {
        let id = self.body["message_id"].as_str();
        id.unwrap_or_else(|| panic!("no message_id in {} {}", self.status, self.text)).to_owned()
    }

    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

impl Front {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With these settings in place of the defaults.
    pub(crate) async fn with(settings: &str) -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let twin = twin::start(anywhere, TwinOptions::default()).await.unwrap();
        let data = TempDir::new().unwrap();
        let running = boot(settings, DIRECTORY, &twin, data.path()).await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .build()
            .unwrap();
        Self { running, twin, http, data }
    }

    /// Stops, and starts again on the same data with the directory as `change` makes it.
    pub(crate) async fn restart(self, change: impl Fn(&str) -> String) -> Self {
        self.running.stop().await;
        let running = boot("", &change(DIRECTORY), &self.twin, self.data.path()).await;
        Self { running, ..self }
    }

    /// A request without a key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.running.addr()))
    }

    pub(crate) async fn ask(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text);
        let body =
            body.unwrap_or_else(|error| panic!("{status} with a body that is no JSON, {error}: {text}"));
        let reply = Reply { status, headers, text, body };
        check_any(&reply);
        reply
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask(self.request(Method::GET, path).bearer_auth(KEY)).await
    }

    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Reply {
        self.ask(self.request(Method::GET, path).bearer_auth(key)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.ask(self.request(Method::POST, path).bearer_auth(KEY)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.ask(self.request(Method::DELETE, path).bearer_auth(KEY)).await
    }

    pub(crate) async fn send(&self, body: &Value) -> Reply {
        self.ask(self.sending(body)).await
    }

    pub(crate) async fn send_with_key(&self, idempotency_key: &str, body: &Value) -> Reply {
        self.ask(self.sending(body).header("Idempotency-Key", idempotency_key)).await
    }

    /// Sends a body of any bytes, called JSON.
    pub(crate) async fn send_bytes(&self, body: impl Into<Vec<u8>>) -> Reply {
        let request = self.request(Method::POST, "/sms/send").bearer_auth(KEY);
        self.ask(request.header(CONTENT_TYPE, "application/json").body(body.into())).await
    }

    /// The request that sends a message.
    pub(crate) fn sending(&self, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/sms/send").bearer_auth(KEY).json(body)
    }

    pub(crate) async fn status(&self, id: &str) -> Value {
        self.get(&format!("/sms/{id}/status")).await.expect(200).body
    }

    /// Waits until the message has this status; its whole body.
    pub(crate) async fn until(&self, id: &str, wanted: &str) -> Value {
        self.until_field(id, "status", wanted).await
    }

    /// Waits until the message has this status at its provider.
    pub(crate) async fn until_provider_says(&self, id: &str, wanted: &str) -> Value {
        self.until_field(id, "provider_status", wanted).await
    }

    async fn until_field(&self, id: &str, field: &str, wanted: &str) -> Value {
        let deadline = tokio::time::Instant::now() + LIMIT;
        loop {
            let body = self.status(id).await;
            if body[field] == wanted {
                return body;
            }
            assert!(tokio::time::Instant::now() < deadline, "never {wanted}: {body}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A message that waits: its sender has just spent its minute.
    pub(crate) async fn wait_in_line(&self) -> Reply {
        self.send(&with(message("first"), "from_phone_number", json!(SLOW))).await.expect(200);
        self.send(&with(message("second"), "from_phone_number", json!(SLOW))).await.expect(200)
    }

    /// A message that the provider holds in its hands, without an answer.
    pub(crate) async fn hang_in_the_air(&self) -> String {
        self.faults(json!({ "rules": [{ "hang": { "share": 1.0, "ms": 60_000 } }] })).await;
        let id = self.send(&message("in the air")).await.expect(200).message_id();
        self.until(&id, "sending").await;
        id
    }

    /// The counts without their time.
    pub(crate) async fn stats(&self) -> Value {
        let mut stats = self.get("/sms/queue/stats").await.expect(200).body;
        stats.as_object_mut().unwrap().remove("timestamp");
        stats
    }

    /// How the provider behaves from now on.
    pub(crate) async fn faults(&self, faults: Value) {
        let url = format!("http://{}/_twin/faults", self.twin.control_addr());
        let answer = self.http.put(url).json(&faults).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// What the provider saw, in its order.
    pub(crate) async fn ledger(&self) -> Vec<Value> {
        let url = format!("http://{}/_twin/ledger", self.twin.control_addr());
        let text = self.http.get(url).send().await.unwrap().text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The status of the answer to bytes as they are on the wire, which may be less than a request.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.running.addr()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        let text = String::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }
}

async fn boot(settings: &str, directory: &str, twin: &RunningTwin, data: &Path) -> Running {
    let environment = Environment::default();
    let file = (Path::new("sendyard.toml"), settings);
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        metrics_listen: None,
        store: StoreUrl::Redb(data.to_owned()),
        ..Config::from_layers(Some(file), &environment).unwrap()
    };
    let text = directory.replace("{twin}", &format!("http://{}", twin.addr()));
    let parsed = Directory::parse(Path::new("directory.toml"), &text, &environment).unwrap();
    boot::start(config, parsed).await.unwrap()
}

fn check_any(reply: &Reply) {
    let Reply { status, text, body, .. } = reply;
    assert!(*status == 200 || *status >= 400, "only 200 and errors are documented: {status} {text}");
    assert_eq!(reply.header("content-type"), Some("application/json"), "{status} {text}");
    let request_id = reply.header("x-request-id").unwrap_or_default();
    assert!(!request_id.is_empty(), "no X-Request-Id: {status} {text}");
    if *status == 200 {
        return;
    }
    assert!(body.is_object(), "{status} {text}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{status} {text}");
    assert!(body["code"].as_str().is_some_and(|code| !code.is_empty()), "{status} {text}");
    assert!(body["retryable"].is_boolean(), "{status} {text}");
    assert_eq!(body["request_id"], request_id, "{status} {text}");
    if matches!(status, 429 | 503) {
        let seconds = reply.header("retry-after").unwrap_or_default();
        assert!(seconds.parse::<u64>().is_ok(), "Retry-After is `{seconds}`: {status} {text}");
    }
    if *status == 401 {
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
}

/// A good request.
pub(crate) fn message(text: &str) -> Value {
    json!({ "from_phone_number": FROM, "to_phone_number": TO, "message": text })
}

/// The same with a field set.
pub(crate) fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

/// A good request to hand over at once.
pub(crate) fn immediate(text: &str) -> Value {
    with(message(text), "queue", json!(false))
}
