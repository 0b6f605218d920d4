//! A closed loop of bare HTTP/1.1 connections that send the same bytes again and again.
//!
//! It costs as little as a client can, so that a ratio speaks of the servers. So it knows no TLS and
//! no chunked answers: it is for yardsticks, not for load.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::closed::Budget;
use crate::load::report::per_second;
use crate::load::schedule::Length;

/// The longest answer, head and body.
const LONGEST_ANSWER: usize = 4096;

/// What a loop reached.
#[derive(Debug, Clone, Copy)]
pub struct Reached {
    /// Answers in a second.
    pub per_second: f64,
    /// 99 of 100 answers took no longer.
    pub p99: Duration,
}

/// Why a loop ended early. Any end but an answer with `200` is one: there is no ratio of refusals.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Not connected, or cut off.
    #[error("cannot talk to {server}")]
    Io {
        /// Who was asked.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Another answer than `200` of known length.
    #[error("{server} did not answer 200, but: {answer}")]
    Refused {
        /// Who was asked.
        server: SocketAddr,
        /// All that was read of it.
        answer: String,
    },
}

/// Runs so many connections for so long. Each sends what `request(connection)` gave.
pub async fn closed_loop(
    server: SocketAddr,
    connections: usize,
    length: Length,
    request: impl Fn(usize) -> Vec<u8>,
) -> Result<Reached, WireError> {
    let start = Instant::now();
    let budget = Arc::new(Budget::new(length));
    let mut tasks = JoinSet::new();
    for n in 0..connections {
        tasks.spawn(connection(server, request(n), Arc::clone(&budget)));
    }
    let mut times = Vec::new();
    // The first that fails ends the others: they are dropped with the set.
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(measured) => times.extend(measured?),
            Err(broken) => return Err(WireError::Io { server, source: io::Error::other(broken) }),
        }
    }
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    Ok(Reached { per_second: per_second(times.len() as u64, start.elapsed()), p99 })
}

async fn connection(
    server: SocketAddr,
    request: Vec<u8>,
    budget: Arc<Budget>,
) -> Result<Vec<Duration>, WireError> {
    let broken = |source| WireError::Io { server, source };
    let mut stream = TcpStream::connect(server).await.map_err(broken)?;
    stream.set_nodelay(true).map_err(broken)?;
    let mut buffer = vec![0_u8; LONGEST_ANSWER];
    let mut times = Vec::new();
    while budget.take().is_some() {
        let asked_at = Instant::now();
        stream.write_all(&request).await.map_err(broken)?;
        let read = read_answer(&mut stream, &mut buffer).await.map_err(broken)?;
        read.map_err(|answer| WireError::Refused { server, answer })?;
        times.push(asked_at.elapsed());
    }
    Ok(times)
}

/// Reads one answer whole; an `Err` inside has what came instead of a `200`.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Result<(), String>> {
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let read = stream.read(room).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        let text = String::from_utf8_lossy(buffer.get(..filled).unwrap_or_default());
        match progress(&text) {
            Progress::Whole => return Ok(Ok(())),
            Progress::More if filled < buffer.len() => {}
            Progress::More | Progress::Refused => return Ok(Err(text.into_owned())),
        }
    }
}

/// How far an answer has come.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Whole,
    More,
    Refused,
}

fn progress(text: &str) -> Progress {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Progress::More };
    if !head.starts_with("HTTP/1.1 200") {
        return Progress::Refused;
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
    let Some(length) = length.and_then(|length| length.trim().parse::<usize>().ok()) else {
        return Progress::Refused;
    };
    if body.len() >= length { Progress::Whole } else { Progress::More }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_or_refused() {
        let table = [
            ("HTTP/1.1 200 OK\r\n", Progress::More),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", Progress::More),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", Progress::More),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Progress::Whole),
            ("HTTP/1.1 200 OK\r\ncontent-length:0\r\nx: y\r\n\r\n", Progress::Whole),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Progress::Refused),
            ("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n", Progress::Refused),
        ];
        for (text, expected) in table {
            assert_eq!(progress(text), expected, "{text}");
        }
    }

    async fn server(status: StatusCode) -> SocketAddr {
        let router = Router::new().route("/", post(move || async move { (status, "answer") }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        addr
    }

    fn request(_connection: usize) -> Vec<u8> {
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n".to_vec()
    }

    #[tokio::test]
    async fn so_many_requests_are_sent_as_were_asked_for() {
        let server = server(StatusCode::OK).await;
        let reached = closed_loop(server, 3, Length::Requests(20), request).await.unwrap();
        assert!(reached.per_second > 0.0 && reached.p99 > Duration::ZERO);
    }

    #[tokio::test]
    async fn a_refusal_ends_it_and_is_shown() {
        let server = server(StatusCode::TOO_MANY_REQUESTS).await;
        let error = closed_loop(server, 3, Length::Requests(20), request).await.unwrap_err();
        assert!(matches!(&error, WireError::Refused { answer, .. } if answer.contains("429")), "{error}");
    }
}
