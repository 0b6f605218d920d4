use reqwest::Method;
use reqwest::header::AUTHORIZATION;

use super::front::{Front, KEY};

#[tokio::test]
async fn the_scheme_bearer_is_taken_in_any_case() {
    let front = Front::start().await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let request = front.request(Method::GET, "/sms/queue/stats");
        front.ask(request.header(AUTHORIZATION, format!("{scheme} {KEY}"))).await.expect(200);
    }
}
