//! The front door under test, and short ways to knock at it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use sendyard::api::auth::{ApiKey, Keyring, Scope};
use sendyard::api::{Batches, Front, MetricsPage, router};
use sendyard_actors::domain::ids::{MessageId, OrganizationId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::described;
use crate::engine::yard::{Builder, ORGANIZATION, Yard};

/// Has every scope.
pub(super) const KEY: &str = "key-of-acme";
/// Has `sms:send` only.
pub(super) const SEND_KEY: &str = "key-to-send";
/// Has `sms:read` only.
pub(super) const READ_KEY: &str = "key-to-read";
/// Another organization's, with every scope.
pub(super) const OTHER_KEY: &str = "key-of-another";

/// How long a body may take in these tests.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that is accepted.
pub(super) const GOOD_BODY: &str =
    r#"{"from_phone_number":"+1234567890","to_phone_number":"+1555123456","message":"hi"}"#;

/// The front door before a real engine with a scripted provider.
pub(super) struct App {
    router: Router,
    pub(super) yard: Yard,
}

impl App {
    /// With a provider that takes everything, no limits, and metrics on a port of their own.
    pub(super) async fn start() -> Self {
        Self::of(Builder::default()).await
    }

    pub(super) async fn of(builder: Builder) -> Self {
        Self::with_metrics(builder, None).await
    }

    pub(super) async fn with_metrics(builder: Builder, metrics: Option<MetricsPage>) -> Self {
        Self::changed(builder, |front| front.metrics = metrics).await
    }

    /// With a front door that is otherwise than the usual one.
    pub(super) async fn changed(builder: Builder, change: impl FnOnce(&mut Front)) -> Self {
        let yard = builder.start().await;
        let mut front = Front {
            engine: yard.engine.clone(),
            keys: Arc::new(keyring()),
            metrics: None,
            body_timeout: BODY_TIMEOUT,
            disk: None,
            directory: None,
            drain: None,
            batches: Batches::default(),
        };
        change(&mut front);
        Self { router: router(front), yard }
    }

    /// Sends a request as it is, and holds the answer against the description.
    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        let asked = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        let announced = parts.headers.get("content-length").map(|length| length.to_str().unwrap());
        assert_eq!(announced, Some(body.len().to_string().as_str()), "content-length");
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        described::check(&asked.0, &asked.1, &answer);
        answer
    }

    /// A request with this key and no body.
    pub(super) async fn call(&self, method: Method, path: &str, key: &str) -> Answer {
        let authorization = format!("Bearer {key}");
        let request = Request::builder().method(method).uri(path).header("authorization", authorization);
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    /// `GET` with the key of everything.
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, KEY).await
    }

    /// `GET` without a key.
    pub(super) async fn get_keyless(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// `POST /sms/send` of this body.
    pub(super) async fn send(&self, body: impl Into<Body>) -> Answer {
        let request = send_request().header("content-type", "application/json");
        self.ask(request.body(body.into()).unwrap()).await
    }

    /// `POST /sms/send` of the good body, accepted: the id that the answer names.
    pub(super) async fn accepted(&self) -> MessageId {
        let answer = self.send(GOOD_BODY).await;
        assert_accepted(&answer);
        answer.json()["message_id"].as_str().unwrap().parse().unwrap()
    }

    /// The status of a message, as the API tells it.
    pub(super) async fn status(&self, id: MessageId) -> Value {
        self.get(&format!("/sms/{id}/status")).await.json()
    }
}

fn keyring() -> Keyring {
    let key = |key: &str, organization, scopes: &[Scope]| ApiKey {
        organization,
        name: key.to_owned(),
        digest: Sha256::digest(key).into(),
        scopes: scopes.iter().copied().collect(),
    };
    Keyring::new(vec![
        key(KEY, ORGANIZATION, &Scope::ALL),
        key(SEND_KEY, ORGANIZATION, &[Scope::SmsSend]),
        key(READ_KEY, ORGANIZATION, &[Scope::SmsRead]),
        key(OTHER_KEY, OrganizationId(2), &Scope::ALL),
    ])
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

/// `POST /sms/send` with the key of everything, ready for further headers.
pub(super) fn send_request() -> axum::http::request::Builder {
    Request::post("/sms/send").header("authorization", format!("Bearer {KEY}"))
}

/// Every check was passed and the message is in.
pub(super) fn assert_accepted(answer: &Answer) {
    assert_eq!(answer.status.as_u16(), 200, "{}", String::from_utf8_lossy(&answer.body));
}
