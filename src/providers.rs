//! The ways out, one folder per provider, each alike.
//!
//! A provider is `client.rs` (one HTTP call for one attempt), `request.rs` (our message → its
//! request), `answer.rs` (its answer → our outcome) and `codes.rs` (its codes, as data). What they
//! share is here: `http` (the client), `exchange` (one call and how it can end without an answer) and
//! `reading` (answers that are not quite what was promised).
//!
//! Invariant: a request is written at most once. Our client follows no redirect and repeats nothing
//! by itself, with one exception that is safe: when an idle connection turns out to be closed before
//! a byte of the request was put on it, the same request goes out on another. hyper hands a request
//! back for that only while it is still in the connection's queue; once its head is taken off for
//! encoding, it can only fail. HTTP/2 stays off, because there a request may wait for a stream after
//! our stamp, and a peer may name streams it claims not to have worked on.

use std::time::Duration;

mod exchange;
mod http;
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

pub use http::{CONNECT_TIMEOUT, Http, HttpClientError};

/// The client through which one provider account is called. `places` is how many requests may be in
/// flight.
pub fn http_client(places: usize) -> Result<Http, HttpClientError> {
    client(places, CONNECT_TIMEOUT)
}

fn client(places: usize, connect_timeout: Duration) -> Result<Http, HttpClientError> {
    Http::new(places, connect_timeout)
}
