//! A running server, as the command line speaks to it: one request, and how it ended.
//!
//! Repeats nothing by itself: whoever asks knows whether a repeat is safe.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A request without an answer is given up after this: the server answers within 25 s.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest answer that is read, in bytes: a directory of a hundred thousand numbers is about 10 MB.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

const USER_AGENT: &str = concat!("sendyard/", env!("CARGO_PKG_VERSION"));

/// Where the server is, and the key to it.
#[derive(Debug, Clone)]
pub struct Server {
    /// The API's base, with or without a path.
    pub url: Url,
    /// The API key.
    pub key: SecretString,
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum BadClient {
    /// No HTTP client can be built.
    #[error("cannot build the http client; check the system's tls certificates")]
    Http(#[source] reqwest::Error),
    /// The key cannot stand in a header.
    #[error("the API key has characters that no header may have; check --key and SENDYARD_API_KEY")]
    Key,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No connection: certainly nothing was done.
    #[error("no connection")]
    Connect,
    /// Given up.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke, or what came was no answer.
    #[error("the connection broke before the answer was whole")]
    Cut,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its HTTP status.
    pub status: u16,
    /// `Retry-After`, where it is there in whole seconds.
    pub retry_after: Option<Duration>,
    /// Is it the answer to an earlier request under the same idempotency key?
    pub is_replay: bool,
    /// The body; null where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// A text field of the body.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    /// The error's code; none where it is no error of this API.
    pub fn code(&self) -> Option<&str> {
        self.text("code")
    }

    /// One sentence for people.
    pub fn detail(&self) -> String {
        self.text("detail").map_or_else(|| format!("the server answered {}", self.status), str::to_owned)
    }

    /// Whether the server says that the same request may pass later.
    pub fn is_retryable(&self) -> bool {
        self.body.get("retryable").and_then(Value::as_bool).unwrap_or(false)
    }
}

/// A client of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    /// Keeps as many idle connections as requests run at one time.
    pub fn new(server: &Server, at_a_time: usize) -> Result<Self, BadClient> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", server.key.expose_secret()))
            .map_err(|_| BadClient::Key)?;
        bearer.set_sensitive(true);
        // An error says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .retry(reqwest::retry::never())
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(at_a_time)
            .build()
            .map_err(BadClient::Http)?;
        Ok(Self { http, base: server.url.as_str().trim_end_matches('/').to_owned() })
    }

    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.ask(self.http.request(Method::GET, format!("{}{path}", self.base))).await
    }

    /// Sends a JSON body to a path, under an idempotency key if there is one.
    pub async fn post(&self, path: &str, body: Vec<u8>, key: Option<&str>) -> Result<Answer, NoAnswer> {
        let mut request = self
            .http
            .request(Method::POST, format!("{}{path}", self.base))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.ask(request).await
    }

    /// Changes what is at a path, as a JSON body says.
    pub async fn patch(&self, path: &str, body: Vec<u8>) -> Result<Answer, NoAnswer> {
        let request = self.http.request(Method::PATCH, format!("{}{path}", self.base));
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.ask(request.body(body)).await
    }

    /// Replaces what is at a path by a JSON body.
    pub async fn put(&self, path: &str, body: Vec<u8>) -> Result<Answer, NoAnswer> {
        let request = self.http.request(Method::PUT, format!("{}{path}", self.base));
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.ask(request.body(body)).await
    }

    /// Removes what is at a path.
    pub async fn delete(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.ask(self.http.request(Method::DELETE, format!("{}{path}", self.base))).await
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Answer, NoAnswer> {
        let response = request.send().await.map_err(|error| no_answer(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers();
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let is_replay = headers.get("idempotent-replayed").is_some_and(|value| value == "true");
        let bytes = read(response).await?;
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { status, retry_after: retry_after.map(Duration::from_secs), is_replay, body })
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, NoAnswer> {
    let mut whole = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
        if whole.len() + chunk.len() > LONGEST_ANSWER {
            return Err(NoAnswer::Cut);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

fn no_answer(error: &reqwest::Error) -> NoAnswer {
    if error.is_connect() {
        NoAnswer::Connect
    } else if error.is_timeout() {
        NoAnswer::Timeout
    } else {
        NoAnswer::Cut
    }
}
