//! Bodies that come slowly, deeply nested, endless or not at all cost their sender an error, and
//! nobody else anything.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::yard::{KEY, PATIENCE, Setup, Yard};

/// A connection with the head of a request to send already written.
async fn begin(addr: SocketAddr, headers: &str) -> TcpStream {
    let mut connection = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "POST /sms/send HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\n{headers}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

/// The status of the answer; `None` if the connection is closed without one.
async fn status(connection: &mut TcpStream) -> Option<u16> {
    let mut first = [0; 12];
    timeout(PATIENCE, connection.read_exact(&mut first)).await.expect("the service says something").ok()?;
    std::str::from_utf8(&first[9..12]).unwrap().parse().ok()
}

/// The answer to a body that is written whole, or up to where nobody reads it any more.
async fn answer_to(addr: SocketAddr, body: &[u8]) -> Option<u16> {
    let mut connection = begin(addr, &format!("content-length: {}", body.len())).await;
    // What is refused by its length is not read to its end.
    let _ = connection.write_all(body).await;
    status(&mut connection).await
}

fn nested(levels: usize) -> Vec<u8> {
    [br#"{"message":"#, "[".repeat(levels).as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_bodies_leave_it_alive() {
    let setup = Setup { http: vec![("body_timeout", r#""1s""#)], ..Setup::of_numbers(1, &["1/s"]) };
    let yard = Yard::start(&setup).await;
    let addr = yard.addr();

    let mut slow = begin(addr, "content-length: 1000").await;
    slow.write_all(br#"{"message":"#).await.unwrap();
    let mut slow_chunks = begin(addr, "transfer-encoding: chunked").await;
    slow_chunks.write_all(b"4\r\n{\"me\r\n").await.unwrap();
    assert_eq!(status(&mut slow).await, Some(408), "a body that stops half-way");
    assert_eq!(status(&mut slow_chunks).await, Some(408), "chunks that stop half-way");

    assert_eq!(answer_to(addr, &nested(60_000)).await, Some(400), "60,000 levels, inside the size");
    let deep = answer_to(addr, &nested(100_000)).await;
    assert!(matches!(deep, Some(413) | None), "100,000 levels, beyond the size: {deep:?}");

    let mut announced = begin(addr, "content-length: 10000000000000").await;
    assert_eq!(status(&mut announced).await, Some(413), "ten terabytes, announced");
    let mut endless = begin(addr, "transfer-encoding: chunked").await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    while endless.write_all(chunk.as_bytes()).await.is_ok() {
        if timeout(std::time::Duration::ZERO, endless.readable()).await.is_ok() {
            break;
        }
    }
    let refused = status(&mut endless).await;
    assert!(matches!(refused, Some(413) | None), "chunks without end: {refused:?}");

    let mut half = begin(addr, "content-length: 1000").await;
    half.write_all(br#"{"message":"#).await.unwrap();
    half.shutdown().await.unwrap();
    let broken = status(&mut half).await;
    assert!(matches!(broken, Some(400) | None), "a body that ends half-way: {broken:?}");
    let mut head_only = TcpStream::connect(addr).await.unwrap();
    head_only.write_all(b"POST /sms/send HTTP/1.1\r\nhost").await.unwrap();
    head_only.shutdown().await.unwrap();
    let nothing = status(&mut head_only).await;
    assert!(matches!(nothing, Some(400) | None), "a head that ends half-way: {nothing:?}");

    assert_eq!(yard.api.get("/livez").await.unwrap().status, 200);
    let from = &setup.numbers[0].number;
    let good = yard.api.send(from, "+15550200000", "still here", true, None).await.unwrap();
    assert_eq!(good.status, 200, "{good:?}");
}
