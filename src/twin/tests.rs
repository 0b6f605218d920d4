//! The twin as its users meet it: over sockets.

mod callbacks;
mod control;
mod faults;
mod ledger;
mod telnyx;
mod twilio;
mod vonage;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{RunningTwin, TwinOptions, start};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const OTHER_ACCOUNT: &str = "ACffffffffffffffffffffffffffffffff";
const TELNYX_KEY: &str = "KEY0123";
/// The first twelve digits of its SHA-256.
const TELNYX_ACCOUNT: &str = "key-306939bda938";
const VONAGE_KEY: &str = "a1b2c3d4";
const FROM: &str = "+15550001111";
const TO: &str = "+15550002222";
/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A twin and a client.
struct TestTwin {
    twin: RunningTwin,
    client: Client,
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl TestTwin {
    async fn start() -> Self {
        Self::with(TwinOptions::default()).await
    }

    async fn with(options: TwinOptions) -> Self {
        Self::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).await
    }

    async fn on(listen: SocketAddr, options: TwinOptions) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { twin: start(listen, options).await.unwrap(), client }
    }

    fn messages_url(&self, account: &str) -> String {
        format!("http://{}/2010-04-01/Accounts/{account}/Messages.json", self.twin.addr())
    }

    fn posting(&self, account: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.client.post(self.messages_url(account)).basic_auth(account, Some("token")).form(form)
    }

    async fn post(&self, account: &str, form: &[(&str, &str)]) -> Reply {
        reply(self.posting(account, form)).await
    }

    /// A text that nothing is wrong with.
    async fn send(&self, text: &str) -> Reply {
        self.post(ACCOUNT, &[("To", TO), ("From", FROM), ("Body", text)]).await
    }

    /// Asks the Telnyx face, with a key.
    fn telnyx(&self, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("http://{}/v2/messages", self.twin.addr());
        self.client.post(url).bearer_auth(TELNYX_KEY).json(body)
    }

    /// Asks the Vonage face, with a key and a secret.
    fn vonage(&self, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("http://{}/v1/messages", self.twin.addr());
        self.client.post(url).basic_auth(VONAGE_KEY, Some("secret")).json(body)
    }

    async fn control(&self, method: Method, path: &str, body: &str) -> Reply {
        let url = format!("http://{}{path}", self.twin.control_addr());
        reply(self.client.request(method, url).body(body.to_owned())).await
    }

    async fn set_faults(&self, faults: Value) {
        let reply = self.control(Method::PUT, "/_twin/faults", &faults.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    }

    /// One rule for everything.
    async fn set_rule(&self, rule: Value) {
        self.set_faults(json!({ "rules": [rule] })).await;
    }

    async fn lines(&self) -> Vec<Value> {
        let reply = self.control(Method::GET, "/_twin/ledger?limit=100000", "").await;
        assert_eq!(reply.status, StatusCode::OK);
        reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn only_line(&self) -> Value {
        let mut lines = self.lines().await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    /// Asks until the ledger has this many lines.
    async fn until_lines(&self, count: usize) -> Vec<Value> {
        self.until(|lines| lines.len() == count).await
    }

    /// Asks until the ledger is as wanted.
    async fn until(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let asking = async {
            loop {
                let lines = self.lines().await;
                if wanted(&lines) {
                    return lines;
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the ledger never became as wanted")
    }

    /// Sends a good text over a socket of its own and leaves the answer unread.
    async fn send_raw(&self, text: &str) -> TcpStream {
        let body = format!("To=%2B15550002222&From=%2B15550001111&Body={text}");
        let request = format!(
            "POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1\r\nHost: twin\r\n\
             Authorization: Basic {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{ACCOUNT}:token")),
            body.len(),
        );
        let mut stream = TcpStream::connect(self.twin.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

/// Callbacks with valid signatures: `vectors/README.md`.
pub(super) fn vectors() -> Value {
    serde_json::from_str(include_str!("tests/vectors/webhook_signatures.json")).unwrap()
}

/// All that a socket still gives before its end.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    String::from_utf8(rest).unwrap()
}
