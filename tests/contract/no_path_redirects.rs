use super::front::Front;

/// A redirect would fail in the reading of any answer.
#[tokio::test]
async fn paths_answer_with_and_without_the_final_slash_and_none_redirects() {
    let front = Front::start().await;
    front.get("/sms/queue/stats").await.expect(200);
    front.get("/sms/queue/stats/").await.expect(200);
    for path in ["/sms/send/", "//sms/send", "/sms//send", "/SMS/queue/stats", "/sms/../sms/queue/stats//"] {
        front.get(path).await;
        front.post(path).await;
    }
}
