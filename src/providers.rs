//! The ways out, one folder per provider, each alike.
//!
//! A provider is `client.rs` (one HTTP call for one attempt), `request.rs` (our message → its
//! request), `answer.rs` (its answer → our outcome) and `codes.rs` (its codes, as data). What they
//! share is here: the HTTP client, `exchange` (one call and how it can end without an answer) and
//! `reading` (answers that are not quite what was promised).
//!
//! Invariant: a request is written at most once. Our client follows no redirect and repeats nothing
//! by itself, with one exception that is safe: when an idle connection turns out to be closed before
//! a byte of the request was put on it, the same request goes out on another. hyper hands a request
//! back for that only while it is still in the connection's queue; once its head is taken off for
//! encoding, it can only fail. HTTP/2 stays off, because there a request may wait for a stream after
//! our stamp, and a peer may name streams it claims not to have worked on.

use std::time::Duration;

use reqwest::redirect::Policy;

mod exchange;
mod reading;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod scripted;
pub mod telnyx;
#[cfg(test)]
mod tests;
pub mod twilio;
pub mod vonage;

/// How long a connection, with name look-up and TLS, may take. A request on a new connection is
/// written up to this much later than it was begun, so the engine's margin should not be shorter
/// where unfinished attempts of a dead process must not reach into a new one's pace.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// An idle connection is given up before a peer's usual 60 s would close it under a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("sendyard/", env!("CARGO_PKG_VERSION"));

/// The HTTP client cannot be built: in practice, the system's TLS certificates cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the http client for providers; check the system's tls certificates")]
pub struct HttpClientError(#[from] reqwest::Error);

/// The client through which one provider account is called. `places` is how many requests may be in
/// flight: as many idle connections are kept, so that a burst after a pause connects nothing anew.
pub fn http_client(places: usize) -> Result<reqwest::Client, HttpClientError> {
    client(places, CONNECT_TIMEOUT)
}

fn client(places: usize, connect_timeout: Duration) -> Result<reqwest::Client, HttpClientError> {
    // An `Err` says that a provider is installed already, which is all that is needed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .http1_only()
        .retry(reqwest::retry::never())
        .redirect(Policy::none())
        .referer(false)
        // HTTP_PROXY in the environment is for other programs: a proxy sees credentials and texts.
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(connect_timeout)
        .pool_max_idle_per_host(places.max(1))
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()?;
    Ok(client)
}
