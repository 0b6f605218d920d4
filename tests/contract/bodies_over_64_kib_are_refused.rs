use super::front::{Front, KEY, message, with};

const LIMIT: usize = 64 * 1024;

/// A good request of exactly so many bytes, by an unknown field.
fn of_size(bytes: usize) -> String {
    let empty = with(message("one"), "padding", "".into()).to_string();
    with(message("one"), "padding", "x".repeat(bytes - empty.len()).into()).to_string()
}

#[tokio::test]
async fn bodies_over_64_kib_are_refused() {
    let front = Front::start().await;
    front.send_bytes(of_size(LIMIT)).await.expect(200);
    front.send_bytes(of_size(LIMIT + 1)).await.expect(413);
}

/// Its end never comes: what came is too much already.
#[tokio::test]
async fn bodies_that_do_not_say_their_size_are_refused_too() {
    let front = Front::with("http.body_timeout = \"1h\"").await;
    let too_much = LIMIT + 1;
    let request = format!(
        "POST /sms/send HTTP/1.1\r\nHost: sendyard\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{too_much:x}\r\n{}\r\n",
        of_size(too_much)
    );
    assert_eq!(front.raw(request.as_bytes()).await.0, 413);
}

/// A client that looks for an answer once everything is sent finds it, and not a broken connection. So much does not fit
/// into what the system keeps of a connection.
#[tokio::test]
async fn who_sends_everything_first_is_told_all_the_same() {
    let front = Front::start().await;
    let body = " ".repeat(32 * 1024 * 1024);
    for path in ["/sms/send", "/v1/messages/batch"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: sendyard\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(front.raw(request.as_bytes()).await.0, 413, "{path}");
    }
}
