//! A closed loop of bare HTTP/1.1 connections that send the same bytes again and again.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What a loop reached.
pub(crate) struct Reached {
    pub(crate) per_second: f64,
    pub(crate) p99: Duration,
}

/// Runs so many connections for so long. Each sends what `request(connection)` gave.
pub(crate) async fn closed_loop(
    server: SocketAddr,
    connections: usize,
    lasts: Duration,
    request: impl Fn(usize) -> Vec<u8>,
) -> Reached {
    let start = Instant::now();
    let end = start + lasts;
    let tasks: Vec<_> = (0..connections).map(|n| tokio::spawn(connection(server, request(n), end))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    Reached { per_second: times.len() as f64 / start.elapsed().as_secs_f64(), p99 }
}

async fn connection(server: SocketAddr, request: Vec<u8>, end: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0_u8; 4096];
    let mut times = Vec::new();
    while Instant::now() < end {
        let asked_at = Instant::now();
        stream.write_all(&request).await.unwrap();
        read_answer(&mut stream, &mut buffer).await;
        times.push(asked_at.elapsed());
    }
    times
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let text = std::str::from_utf8(&buffer[..filled]).unwrap();
        let Some(head) = text.find("\r\n\r\n") else { continue };
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let lower = text[..head].to_ascii_lowercase();
        let length = lower.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.unwrap().trim().parse().unwrap();
        if filled >= head + 4 + length {
            return;
        }
    }
}
