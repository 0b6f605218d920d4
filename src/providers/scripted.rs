//! For tests: a provider that is one raw socket, so that every byte of a request is seen and every
//! byte of an answer, or the lack of it, is said.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use url::Url;

const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// What the provider does once it has read a whole request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// Writes these bytes and keeps the connection.
    Keep(Vec<u8>),
    /// Writes these bytes and closes the connection.
    Close(Vec<u8>),
    /// Writes these bytes and leaves the connection open, silent.
    Hang(Vec<u8>),
    /// Writes these bytes, then spaces without end, one at a time.
    Drip(Vec<u8>),
    /// Writes these bytes, then spaces without end, as fast as they are taken.
    Pour(Vec<u8>),
}

/// A listening provider. Requests beyond the script are read and not answered.
pub(super) struct Scripted {
    url: Url,
    requests: mpsc::Receiver<String>,
}

impl Scripted {
    pub(super) async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (seen, requests) = mpsc::channel(16);
        tokio::spawn(serve(listener, script, seen));
        Self { url, requests }
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    /// The next request, once it has arrived whole.
    pub(super) async fn request(&mut self) -> String {
        timeout(ARRIVES_WITHIN, self.requests.recv()).await.expect("no request arrives").unwrap()
    }

    /// How many requests have arrived that nobody has looked at.
    pub(super) fn unread(&self) -> usize {
        self.requests.len()
    }
}

/// An answer with a body of the length that it says.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

async fn serve(listener: TcpListener, script: Vec<Reply>, seen: mpsc::Sender<String>) {
    let mut script = script.into_iter();
    let mut silent = Vec::new();
    while let Ok((mut connection, _)) = listener.accept().await {
        while let Some(request) = read_request(&mut connection).await {
            seen.send(request).await.unwrap();
            match script.next() {
                Some(Reply::Keep(bytes)) => connection.write_all(&bytes).await.unwrap(),
                Some(Reply::Close(bytes)) => {
                    let _ = connection.write_all(&bytes).await;
                    break;
                }
                Some(Reply::Drip(bytes)) => {
                    connection.write_all(&bytes).await.unwrap();
                    drip(&mut connection).await;
                    break;
                }
                Some(Reply::Pour(bytes)) => {
                    connection.write_all(&bytes).await.unwrap();
                    while connection.write_all(&[b' '; 8192]).await.is_ok() {}
                    break;
                }
                Some(Reply::Hang(bytes)) => {
                    connection.write_all(&bytes).await.unwrap();
                    silent.push(connection);
                    break;
                }
                None => {
                    silent.push(connection);
                    break;
                }
            }
        }
    }
}

/// Until the other side has had enough.
async fn drip(connection: &mut TcpStream) {
    let mut pause = interval(Duration::from_millis(1));
    while connection.write_all(b" ").await.is_ok() {
        pause.tick().await;
    }
}

/// `None`: closed before a whole request came.
async fn read_request(connection: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        if connection.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        bytes.extend_from_slice(&byte);
        if bytes.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:").map(|value| value.trim().parse().unwrap()))
        .unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    Some(head + std::str::from_utf8(&body).unwrap())
}
