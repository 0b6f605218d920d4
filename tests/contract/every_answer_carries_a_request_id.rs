use std::collections::HashSet;

use super::front::{Front, message};

#[tokio::test]
async fn every_answer_carries_a_request_id_of_its_own() {
    let front = Front::start().await;
    let replies = [
        front.send(&message("one")).await.expect(200),
        front.send(&message("")).await.expect(400),
        front.get_as("nobody's", "/sms/queue/stats").await.expect(401),
        front.get("/sms/queue/stats").await.expect(200),
        front.get("/nowhere").await.expect(404),
        front.get("/health").await.expect(200),
    ];
    let ids: HashSet<&str> = replies.iter().filter_map(|reply| reply.header("x-request-id")).collect();
    assert_eq!(ids.len(), replies.len());
}
