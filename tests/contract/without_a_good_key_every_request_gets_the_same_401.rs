use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use super::front::{Front, KEY, Reply};

fn without_request_id(reply: &Reply) -> Value {
    let mut body = reply.body.clone();
    body.as_object_mut().unwrap().remove("request_id");
    body
}

#[tokio::test]
async fn without_a_good_key_every_request_gets_the_same_401() {
    let front = Front::start().await;
    let headers = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer nobody's".to_owned()),
        Some(format!("Bearer {KEY}x")),
        Some(format!("Bearer {}", &KEY[1..])),
        Some(format!("Bearer {}", KEY.to_uppercase())),
        Some(format!("Basic {KEY}")),
        Some(KEY.to_owned()),
        Some(format!("Bearer {KEY} {KEY}")),
    ];
    let paths = [
        (Method::POST, "/sms/send"),
        (Method::GET, "/sms/01a20a14-d8c9-75c1-9f48-59daf0a000a3/status"),
        (Method::GET, "/sms/status/01a20a14-d8c9-75c1-9f48-59daf0a000a3"),
        (Method::DELETE, "/sms/01a20a14-d8c9-75c1-9f48-59daf0a000a3"),
        (Method::POST, "/sms/cancel/01a20a14-d8c9-75c1-9f48-59daf0a000a3"),
        (Method::GET, "/sms/queue/stats"),
    ];
    let mut bodies = Vec::new();
    for (method, path) in paths {
        for header in &headers {
            let mut request = front.request(method.clone(), path);
            if let Some(value) = header {
                request = request.header(AUTHORIZATION, value);
            }
            let reply = front.ask(request).await;
            assert_eq!(reply.status, 401, "{method} {path} with {header:?}: {}", reply.text);
            bodies.push(without_request_id(&reply));
        }
    }
    assert!(bodies.iter().all(|body| body == &bodies[0]), "{bodies:?}");
}
