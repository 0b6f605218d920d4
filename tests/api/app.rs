//! The front door under test, and short ways to knock at it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sendyard::api::auth::{ApiKey, Keyring, Scope};
use sendyard::api::{Front, MetricsPage, router};
use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::engine::Engine;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

/// Has every scope.
pub(super) const KEY: &str = "key-of-acme";
/// Has `sms:send` only.
pub(super) const SEND_KEY: &str = "key-to-send";
/// Has `sms:read` only.
pub(super) const READ_KEY: &str = "key-to-read";

/// How long a body may take in these tests.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that every check of the front door passes.
pub(super) const GOOD_BODY: &str =
    r#"{"from_phone_number":"+1234567890","to_phone_number":"+1555123456","message":"hi"}"#;

/// The front door, with its metrics elsewhere.
pub(super) fn app() -> Router {
    app_with_metrics(None)
}

pub(super) fn app_with_metrics(metrics: Option<MetricsPage>) -> Router {
    let key = |key: &str, scopes: &[Scope]| ApiKey {
        organization: OrganizationId(1),
        name: key.to_owned(),
        digest: Sha256::digest(key).into(),
        scopes: scopes.iter().copied().collect(),
    };
    let keys =
        vec![key(KEY, &Scope::ALL), key(SEND_KEY, &[Scope::SmsSend]), key(READ_KEY, &[Scope::SmsRead])];
    let keys = Arc::new(Keyring::new(keys));
    router(Front { engine: Engine, keys, metrics, body_timeout: BODY_TIMEOUT })
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that this is an error in the one form of errors, and gives its detail.
    pub(super) fn error(&self, status: u16, code: &str) -> String {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
        assert!(body["retryable"].is_boolean(), "{body}");
        assert_eq!(body["request_id"].as_str(), self.header("x-request-id"), "{body}");
        body["detail"].as_str().unwrap().to_owned()
    }
}

/// Sends a request as it is.
pub(super) async fn ask(app: Router, request: Request<Body>) -> Answer {
    let response = app.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let announced = parts.headers.get("content-length").map(|length| length.to_str().unwrap());
    assert_eq!(announced, Some(body.len().to_string().as_str()), "content-length");
    Answer { status: parts.status, headers: parts.headers, body }
}

/// A request with this key and no body.
pub(super) async fn call(method: Method, path: &str, key: &str) -> Answer {
    let request =
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
    ask(app(), request.body(Body::empty()).unwrap()).await
}

pub(super) async fn get(path: &str) -> Answer {
    call(Method::GET, path, KEY).await
}

/// `POST /sms/send` with the key of everything, ready for further headers.
pub(super) fn send_request() -> axum::http::request::Builder {
    Request::post("/sms/send").header("authorization", format!("Bearer {KEY}"))
}

/// `POST /sms/send` of this body.
pub(super) async fn send(body: impl Into<Body>) -> Answer {
    let request = send_request().header("content-type", "application/json");
    ask(app(), request.body(body.into()).unwrap()).await
}

/// The answer of an engine that was reached: every check of the front door was passed.
pub(super) fn assert_reached_the_engine(answer: &Answer) {
    answer.error(503, "stopping");
}
