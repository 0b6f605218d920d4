use super::front::{Front, KEY};

#[tokio::test]
async fn slow_bodies_time_out() {
    let front = Front::with("http.body_timeout = \"100ms\"").await;
    let begun = format!(
        "POST /sms/send HTTP/1.1\r\nHost: sendyard\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"message\":"
    );
    let (status, body) = front.raw(begun.as_bytes()).await;
    assert_eq!(status, 408);
    assert!(body["detail"].is_string(), "{body}");
}
