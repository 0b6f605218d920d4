use reqwest::Method;

use super::front::Front;

#[tokio::test]
async fn health_and_the_description_need_no_key() {
    let front = Front::start().await;
    for path in ["/health", "/livez", "/readyz", "/openapi.json"] {
        front.ask(front.request(Method::GET, path)).await.expect(200);
    }
    let health = front.ask(front.request(Method::GET, "/health")).await;
    assert_eq!(health.body["status"], "healthy");
    for path in ["/docs", "/docs/", "/docs/errors", "/docs/swagger-ui-bundle.js"] {
        assert_eq!(front.request(Method::GET, path).send().await.unwrap().status(), 200, "{path}");
    }
    let metrics = front.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(metrics.status(), 200);
}

/// Every documented path of this version is in the description, and nothing else is.
#[tokio::test]
async fn the_description_names_the_paths_of_this_version() {
    let front = Front::start().await;
    let description = front.ask(front.request(Method::GET, "/openapi.json")).await;
    for (path, method) in [
        ("/sms/send", "post"),
        ("/sms/{message_id}/status", "get"),
        ("/sms/status/{message_id}", "get"),
        ("/sms/{message_id}", "delete"),
        ("/sms/cancel/{message_id}", "post"),
        ("/sms/queue/stats", "get"),
    ] {
        assert!(description.body["paths"][path][method].is_object(), "{method} {path}");
    }
}
