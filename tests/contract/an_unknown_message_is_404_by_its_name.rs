use reqwest::Method;

use super::front::{Front, KEY};

#[tokio::test]
async fn an_unknown_message_is_404_by_its_name() {
    let front = Front::start().await;
    let ids = [
        "01a20a14-d8c9-75c1-9f48-59daf0a000a3",
        "4f7c1f6e-6f0f-4b7e-9a43-3f6f5f0f9d7a",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "SM0123456789abcdef0123456789abcdef",
        "1",
        "-1",
        "null",
        "send",
    ];
    for id in ids {
        for (method, path) in [
            (Method::GET, format!("/sms/{id}/status")),
            (Method::GET, format!("/sms/status/{id}")),
            (Method::DELETE, format!("/sms/{id}")),
            (Method::POST, format!("/sms/cancel/{id}")),
        ] {
            // `DELETE /sms/send` is another path's name.
            if (&method, id) == (&Method::DELETE, "send") {
                continue;
            }
            let reply = front.ask(front.request(method, &path).bearer_auth(KEY)).await.expect(404);
            assert_eq!(reply.detail(), format!("Message {id} not found"));
        }
    }
}

#[tokio::test]
async fn ids_that_are_hardly_text_are_404_too() {
    let front = Front::start().await;
    for id in
        ["%00", "%ff%fe", "%2e%2e", "a%2fb", "%F0%9F%98%80", "%0d%0aX-Injected:%201", &"9".repeat(5_000)]
    {
        front.get(&format!("/sms/{id}/status")).await.expect(404);
        let reply = front.delete(&format!("/sms/{id}")).await.expect(404);
        assert_eq!(reply.header("x-injected"), None);
    }
}
