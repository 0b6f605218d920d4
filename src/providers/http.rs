//! The HTTP client that providers are called through: hyper's pool of connections, with nothing over it.
//!
//! What a client for everybody does for each call (URLs parsed anew, headers copied for redirects and
//! repeats that we forbid) took 15 µs of each hand-over (benches/README.md). What is the same for every
//! request of an account is made once, as an [`Endpoint`].

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, InvalidHeaderValue, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::{BoxError, Service};
use url::Url;

/// How long a connection, with name look-up and TLS, may take. A request on a new connection is
/// written up to this much later than it was begun, so the engine's margin should not be shorter
/// where unfinished attempts of a dead process must not reach into a new one's pace.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// An idle connection is given up before a peer's usual 60 s would close it under a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection on which nothing is said is asked about after this, and as often.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// So many of those without an answer, and it is lost.
const KEEPALIVE_RETRIES: u32 = 3;

/// What is written and not acknowledged for so long is lost with its connection.
#[cfg(target_os = "linux")]
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);

const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("sendyard/", env!("CARGO_PKG_VERSION")));

/// What every provider answers with.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The HTTP client cannot be built: in practice, the system's TLS certificates cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the http client for providers; check the system's tls certificates")]
pub struct HttpClientError(#[from] std::io::Error);

/// A request cannot be made: a setting is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotBuilt {
    /// The base URL is no place for HTTP.
    #[error("its url is neither http nor https")]
    Scheme,
    /// The base URL is none that a request can name.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
    /// A credential has characters that no header can have.
    #[error(transparent)]
    Header(#[from] InvalidHeaderValue),
}

/// A request, ready to be written.
pub(super) type Post = Request<Full<Bytes>>;

/// The client through which one provider account is called, with connections of its own.
///
/// It follows no redirect, knows no proxy (one would see credentials and texts), and repeats nothing but
/// what `providers.rs` says.
#[derive(Debug)]
pub struct Http {
    pool: Client<Connector, Full<Bytes>>,
}

impl Http {
    /// `places` is how many requests may be in flight: as many idle connections are kept, so that a burst
    /// after a pause connects nothing anew.
    pub(super) fn new(places: usize, connect_timeout: Duration) -> Result<Self, HttpClientError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(ACKNOWLEDGED_WITHIN));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_platform_verifier(rustls::crypto::ring::default_provider())?
            .https_or_http()
            // HTTP/2 stays off: see `providers.rs`.
            .enable_http1()
            .wrap_connector(tcp);
        let pool = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(places.max(1))
            .build(Connector { tls, within: connect_timeout });
        Ok(Self { pool })
    }

    /// The call. Nothing is done before its first poll, which puts the request on its way if there is an
    /// idle connection.
    pub(super) fn call(&self, request: Post) -> ResponseFuture {
        self.pool.request(request)
    }
}

/// Makes a connection, TLS included, within a time.
#[derive(Debug, Clone)]
struct Connector {
    tls: HttpsConnector<HttpConnector>,
    within: Duration,
}

/// There is no connection in time.
#[derive(Debug, thiserror::Error)]
#[error("it takes too long")]
struct TooSlow;

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tls.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connection = timeout(self.within, self.tls.call(to));
        Box::pin(async move { connection.await.map_err(|_| TooSlow)? })
    }
}

/// Where an account's messages are created, and the headers that each request there has.
#[derive(Debug)]
pub(super) struct Endpoint {
    uri: Uri,
    headers: HeaderMap,
}

impl Endpoint {
    /// For bodies of this type. The URL names nobody: see [`basic`] and [`bearer`].
    pub(super) fn new(url: &Url, content_type: &'static str) -> Result<Self, NotBuilt> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotBuilt::Scheme);
        }
        let headers = [
            (USER_AGENT, USER_AGENT_VALUE),
            (ACCEPT, JSON),
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        ];
        Ok(Self { uri: Uri::try_from(url.as_str())?, headers: headers.into_iter().collect() })
    }

    /// The same with each request signed in.
    pub(super) fn signed(mut self, authorization: HeaderValue) -> Self {
        self.headers.insert(AUTHORIZATION, authorization);
        self
    }

    /// A request with this body.
    pub(super) fn post(&self, body: String) -> Post {
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    #[cfg(test)]
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }
}

/// `Authorization` of who signs in with a name and a password.
pub(super) fn basic(user: &str, password: &str) -> Result<HeaderValue, NotBuilt> {
    secret(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
}

/// `Authorization` of who signs in with a token.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, NotBuilt> {
    secret(format!("Bearer {token}"))
}

/// A value that is not shown where a request is.
fn secret(text: String) -> Result<HeaderValue, NotBuilt> {
    let mut value = HeaderValue::try_from(text)?;
    value.set_sensitive(true);
    Ok(value)
}
