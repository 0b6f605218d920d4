use reqwest::Method;

use super::front::{Front, READER, SENDER, message};

#[tokio::test]
async fn a_key_without_the_scope_is_refused() {
    let front = Front::start().await;
    let id = front.wait_in_line().await.message_id();

    let sending = |key| front.request(Method::POST, "/sms/send").bearer_auth(key).json(&message("one"));
    front.ask(sending(READER)).await.expect(403);
    front.ask(sending(SENDER)).await.expect(200);

    for path in [format!("/sms/{id}/status"), format!("/sms/status/{id}"), "/sms/queue/stats".to_owned()] {
        front.get_as(SENDER, &path).await.expect(403);
        front.get_as(READER, &path).await.expect(200);
    }

    let cancelling = |key| front.request(Method::DELETE, &format!("/sms/{id}")).bearer_auth(key);
    front.ask(cancelling(READER)).await.expect(403);
    assert_eq!(front.status(&id).await["status"], "queued");
    front.ask(cancelling(SENDER)).await.expect(200);
}
