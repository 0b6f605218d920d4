//! The service's HTTP API, as a client sees it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

/// The API key of the only organization.
pub(crate) const KEY: &str = "process-test-key";

/// Longer than any answer takes.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// A client of one service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    http: reqwest::Client,
    key: String,
}

/// An answer that came whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl Reply {
    /// The message that it is about.
    pub(crate) fn message_id(&self) -> Option<String> {
        self.body["message_id"].as_str().map(str::to_owned)
    }

    /// The `code` of an error.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// The body of a request to send.
pub(crate) fn message(from: &str, to: &str, text: &str, queue: bool) -> Value {
    json!({ "from_phone_number": from, "to_phone_number": to, "message": text, "queue": queue })
}

impl Api {
    pub(crate) fn at(addr: SocketAddr) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWERS_WITHIN).build().unwrap();
        Self { base: format!("http://{addr}"), http, key: KEY.to_owned() }
    }

    /// The same, with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.get("/readyz").await.is_ok_and(|reply| reply.status == 200)
    }

    pub(crate) async fn send(
        &self,
        from: &str,
        to: &str,
        text: &str,
        queue: bool,
        key: Option<&str>,
    ) -> Result<Reply, reqwest::Error> {
        let body = message(from, to, text, queue);
        let mut request =
            self.http.post(format!("{}/sms/send", self.base)).bearer_auth(&self.key).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        reply(request).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<Reply, reqwest::Error> {
        reply(self.http.delete(format!("{}/sms/{id}", self.base)).bearer_auth(&self.key)).await
    }

    /// Asks the process to end, with the token of its configuration; the status.
    pub(crate) async fn drain(&self, token: &str) -> u16 {
        let url = format!("{}/v1/admin/drain", self.base);
        self.http.post(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    }

    /// Status of a message that must be known.
    pub(crate) async fn status(&self, id: &str) -> Reply {
        self.get(&format!("/sms/{id}/status")).await.unwrap()
    }

    /// A page that is not JSON.
    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// The metrics of a process that may not answer.
    pub(crate) async fn metrics(&self) -> Result<String, reqwest::Error> {
        self.http.get(format!("{}/metrics", self.base)).send().await?.text().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Reply, reqwest::Error> {
        reply(self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Reply, reqwest::Error> {
        reply(self.http.put(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Reply, reqwest::Error> {
        reply(self.http.delete(format!("{}{path}", self.base)).bearer_auth(&self.key)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Reply, reqwest::Error> {
        reply(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.key)).await
    }
}

async fn reply(request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let bytes = response.bytes().await?;
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"));
    Ok(Reply { status, retry_after, body })
}
