//! One request to the server, and how it ended.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::letters::Letter;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer that is read.
const LONGEST_ANSWER: usize = 64 * 1024;

const USER_AGENT: &str = concat!("sendyard-load/", env!("CARGO_PKG_VERSION"));

/// The server and the key to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The API's base, with or without a path.
    pub url: Url,
    /// The API key, of scope `sms:send`.
    pub key: SecretString,
    /// A request without an answer is given up after this.
    pub timeout: Duration,
}

impl Target {
    /// A path of the API under the base.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.as_str().trim_end_matches('/'))
    }
}

/// Why there can be no run. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No HTTP client can be built.
    #[error("cannot build the http client; check the system's tls certificates")]
    Client(#[source] reqwest::Error),
    /// The key cannot stand in a header.
    #[error("the API key has characters that no header may have; check --key and SENDYARD_API_KEY")]
    Key,
    /// Nobody answers.
    #[error(
        "no answer from {url}; start a server, as with `sendyard demo`, or name the right one with --url"
    )]
    Unreachable {
        /// Who was asked.
        url: Url,
        /// Why.
        source: reqwest::Error,
    },
    /// The key is not let in.
    #[error("{url} does not know the API key; give one of its directory with --key or SENDYARD_API_KEY")]
    UnknownKey {
        /// Who was asked.
        url: Url,
    },
    /// Something else answers there.
    #[error(
        "{url} answered {status} when asked for its queue; is this a Sendyard server, and its whole --url?"
    )]
    NotSendyard {
        /// Who was asked.
        url: Url,
        /// What it said.
        status: StatusCode,
    },
    /// A histogram of latencies cannot be made.
    #[error("cannot make a histogram")]
    Histogram(#[from] hdrhistogram::CreationError),
}

/// How a request ended.
#[derive(Debug)]
pub(super) enum Ended {
    Answered(Answer),
    Lost(Loss),
}

/// An answer that came whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// With the header of a replay?
    pub(super) is_replay: bool,
    pub(super) body: Body,
}

/// What matters of a body. All is absent where it is no JSON object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    pub(super) message_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) code: Option<String>,
    pub(super) detail: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// No connection: certainly nothing was sent.
    Connect,
    /// Given up.
    Timeout,
    /// The connection broke.
    Cut,
    /// The answer is longer than any of the API.
    TooLong,
}

/// A client of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    target: Target,
    send_to: String,
}

impl Client {
    /// Keeps as many idle connections as requests may be outstanding.
    pub(super) fn new(target: Target, outstanding: usize) -> Result<Self, Failure> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", target.key.expose_secret()))
            .map_err(|_| Failure::Key)?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        let http = plain_http(target.timeout)
            .default_headers(headers)
            .pool_max_idle_per_host(outstanding)
            .build()
            .map_err(Failure::Client)?;
        let send_to = target.at("/sms/send");
        Ok(Self { http, target, send_to })
    }

    /// Is there a server that knows the key? Changes nothing there.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        let url = self.target.url.clone();
        let asked = self.http.get(self.target.at("/sms/queue/stats")).send().await;
        let status = match asked {
            Ok(answer) => answer.status(),
            Err(source) => return Err(Failure::Unreachable { url, source }),
        };
        match status {
            StatusCode::UNAUTHORIZED => Err(Failure::UnknownKey { url }),
            // A key that may send need not be one that may read.
            StatusCode::FORBIDDEN => Ok(()),
            // Busy is a server too.
            _ if status.is_success() || status.is_server_error() => Ok(()),
            _ => Err(Failure::NotSendyard { url, status }),
        }
    }

    pub(super) async fn send(&self, letter: &Letter) -> Ended {
        let mut call = self.http.post(&self.send_to).body(letter.body.clone());
        if let Some(key) = &letter.key {
            call = call.header("idempotency-key", key);
        }
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) => return Ended::Lost(loss(&error)),
        };
        let status = answer.status().as_u16();
        let is_replay = answer.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
        match read(answer).await {
            Ok(bytes) => Ended::Answered(Answer {
                status,
                is_replay,
                body: serde_json::from_slice(&bytes).unwrap_or_default(),
            }),
            Err(loss) => Ended::Lost(loss),
        }
    }
}

/// What every client here has: no redirects, no repeats by itself, no proxy between what is measured.
pub(super) fn plain_http(timeout: Duration) -> reqwest::ClientBuilder {
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .http1_only()
        .retry(reqwest::retry::never())
        .redirect(Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
}

async fn read(mut answer: Response) -> Result<Bytes, Loss> {
    let mut whole = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| loss(&error))? {
        if whole.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Loss::TooLong);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

fn loss(error: &reqwest::Error) -> Loss {
    match error {
        error if error.is_connect() => Loss::Connect,
        error if error.is_timeout() => Loss::Timeout,
        error => {
            tracing::debug!(cause = error.source().map(tracing::field::display), "a request got no answer");
            Loss::Cut
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::http::StatusCode as Status;
    use axum::routing::post;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::load::kind::Kind;

    async fn send(server: SocketAddr, timeout: Duration) -> Ended {
        let url = format!("http://{server}/base/").parse().unwrap();
        let client = Client::new(Target { url, key: "key".into(), timeout }, 1).unwrap();
        client.send(&Letter { kind: Kind::Queued, body: "{}".into(), key: None, expected_id: None }).await
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, addr)
    }

    async fn answering(answer: String) -> SocketAddr {
        let router = Router::new().route("/base/sms/send", post(move || async move { (Status::OK, answer) }));
        let (listener, addr) = listener().await;
        tokio::spawn(async move { axum::serve(listener, router).await });
        addr
    }

    const PATIENT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn an_answer_is_read_up_to_its_longest_and_not_beyond() {
        let field = r#"{"message_id":""#.len() + r#""}"#.len();
        for (length, is_read) in [(LONGEST_ANSWER, true), (LONGEST_ANSWER + 1, false)] {
            let id = "x".repeat(length - field);
            let ended = send(answering(format!(r#"{{"message_id":"{id}"}}"#)).await, PATIENT).await;
            match ended {
                Ended::Answered(answer) => {
                    assert!(is_read && answer.body.message_id == Some(id), "{length}");
                }
                Ended::Lost(loss) => assert_eq!((is_read, loss), (false, Loss::TooLong), "{length}"),
            }
        }
    }

    #[tokio::test]
    async fn a_page_that_is_no_json_is_an_answer_too() {
        let ended = send(answering("<html>".to_owned()).await, PATIENT).await;
        assert!(matches!(&ended, Ended::Answered(answer) if answer.body.message_id.is_none()), "{ended:?}");
    }

    #[tokio::test]
    async fn each_loss_is_told_from_the_others() {
        let (_silent, addr) = listener().await;
        let ended = send(addr, Duration::from_millis(50)).await;
        assert!(matches!(ended, Ended::Lost(Loss::Timeout)), "{ended:?}");

        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        let ended = send(nobody, PATIENT).await;
        assert!(matches!(ended, Ended::Lost(Loss::Connect)), "{ended:?}");

        let (cutting, addr) = listener().await;
        tokio::spawn(async move {
            let (mut connection, _) = cutting.accept().await.unwrap();
            connection.read_exact(&mut [0; 100]).await.unwrap();
        });
        let ended = send(addr, PATIENT).await;
        assert!(matches!(ended, Ended::Lost(Loss::Cut)), "{ended:?}");
    }
}
