use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::front::Front;

/// The first request never gets its body: an answer at all is the proof.
#[tokio::test]
async fn the_key_is_checked_before_any_body_is_read() {
    let front = Front::with("http.body_timeout = \"1h\"").await;
    let head = b"POST /sms/send HTTP/1.1\r\nHost: sendyard\r\nConnection: close\r\n\
        Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n";
    assert_eq!(front.raw(head).await.0, 401);

    let bodies: [(&str, Vec<u8>); 4] = [
        ("application/json", b"{".to_vec()),
        ("application/json", b"\xff\xfe".to_vec()),
        ("text/html", b"<p>".to_vec()),
        ("application/json", vec![b'x'; 70_000]),
    ];
    for (content_type, body) in bodies {
        let request = front.request(Method::POST, "/sms/send").bearer_auth("nobody's");
        front.ask(request.header(CONTENT_TYPE, content_type).body(body)).await.expect(401);
    }
}
