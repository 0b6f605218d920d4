//! `/v1/admin/directory`: who may change the directory, and what is answered.

use std::future::ready;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request};
use sendyard::api::AdminToken;
use sendyard::api::directory::{Desk, InForce, NotApplied, Source};
use sendyard_actors::ports::{Later, StoreError};
use serde_json::json;
use tokio::sync::Notify;

use super::app::{Answer, App, KEY};
use crate::engine::yard::Builder;

const TOKEN: &str = "the-admin-token";

const PATH: &str = "/v1/admin/directory";

/// Answers as it is told, and notes what it was given.
#[derive(Default)]
pub(super) struct Scripted {
    given: Mutex<Vec<Option<String>>>,
    refuses: Mutex<Option<NotApplied>>,
}

fn in_force(generation: u64) -> InForce {
    let text = "[[organizations]]\n".into();
    InForce { source: Source::Applied, generation, numbers: 3, accounts: 2, api_keys: 1, text }
}

impl Scripted {
    fn note(&self, text: Option<String>) -> Later<Result<InForce, NotApplied>> {
        self.given.lock().unwrap().push(text);
        let refused = self.refuses.lock().unwrap().take();
        Box::pin(ready(refused.map_or_else(|| Ok(in_force(8)), Err)))
    }
}

impl Desk for Scripted {
    fn in_force(&self) -> InForce {
        in_force(7)
    }

    fn apply(&self, text: String) -> Later<Result<InForce, NotApplied>> {
        self.note(Some(text))
    }

    fn reset(&self) -> Later<Result<InForce, NotApplied>> {
        self.note(None)
    }

    fn trouble(&self) -> Option<String> {
        self.given.lock().unwrap().is_empty().then(|| "it cannot be gone by here".to_owned())
    }
}

async fn app() -> (App, Arc<Scripted>) {
    let desk = Arc::new(Scripted::default());
    let told = Arc::clone(&desk);
    let app = App::changed(Builder::default(), |front| {
        front.directory = Some(told);
        front.drain =
            Some(sendyard::api::Drain { token: AdminToken::of(TOKEN), asked: Arc::new(Notify::new()) });
    })
    .await;
    (app, desk)
}

async fn put(app: &App, token: &str, body: impl Into<Body>) -> Answer {
    let request = Request::put(PATH)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    app.ask(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn it_is_shown_applied_and_reset_with_the_admin_token() {
    let (app, desk) = app().await;
    let shown = app.call(Method::GET, PATH, TOKEN).await.json();
    let facts = json!({ "source": "applied", "generation": 7, "numbers": 3, "accounts": 2, "api_keys": 1,
        "directory": "[[organizations]]\n" });
    assert_eq!(shown, facts);
    let applied = put(&app, TOKEN, r##"{"directory":"# another"}"##).await;
    assert_eq!((applied.status.as_u16(), &applied.json()["generation"]), (200, &json!(8)));
    assert_eq!(app.call(Method::DELETE, PATH, TOKEN).await.status.as_u16(), 200);
    assert_eq!(*desk.given.lock().unwrap(), [Some("# another".to_owned()), None]);
}

#[tokio::test]
async fn nobody_else_sees_or_changes_it() {
    let (app, desk) = app().await;
    for token in ["", "another", KEY] {
        for method in [Method::GET, Method::DELETE] {
            app.call(method, PATH, token).await.error(401, "unauthorized");
        }
        // Before the body is looked at.
        put(&app, token, "{").await.error(401, "unauthorized");
    }
    assert_eq!(*desk.given.lock().unwrap(), []);
}

#[tokio::test]
async fn without_a_token_in_the_configuration_there_is_no_such_path() {
    let app = App::start().await;
    app.call(Method::GET, PATH, KEY).await.error(404, "not_found");
    put(&app, "anything", r#"{"directory":""}"#).await.error(404, "not_found");
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_and_changes_nothing() {
    let (app, desk) = app().await;
    put(&app, TOKEN, "[[organizations]]").await.error(400, "invalid_json");
    let detail = put(&app, TOKEN, "{}").await.error(400, "invalid_request");
    assert!(detail.contains("'directory'"), "{detail}");
    let large = format!(r#"{{"directory":"{}"}}"#, "x".repeat(16 << 20));
    put(&app, TOKEN, large).await.error(413, "body_too_large");
    assert_eq!(*desk.given.lock().unwrap(), []);
}

#[tokio::test]
async fn what_the_desk_says_against_it_is_answered() {
    let (app, desk) = app().await;
    let sentence = "numbers[0].limits[0]: expected a limit";
    for (refused, status, code, detail) in [
        (NotApplied::Refused(sentence.to_owned()), 400, "invalid_request", sentence),
        (NotApplied::Store(StoreError::Unanswered), 503, "store_unavailable", "try again later"),
        (NotApplied::Failed, 500, "internal", "Internal server error"),
    ] {
        *desk.refuses.lock().unwrap() = Some(refused);
        let said = put(&app, TOKEN, r#"{"directory":""}"#).await.error(status, code);
        assert!(said.contains(detail), "{said}");
    }
}

#[tokio::test]
async fn a_process_that_cannot_go_by_it_is_not_ready_by_its_name() {
    let (app, _desk) = app().await;
    let detail = app.get_keyless("/readyz").await.error(503, "not_ready");
    assert_eq!(detail, "it cannot be gone by here");
    put(&app, TOKEN, r#"{"directory":""}"#).await;
    assert_eq!(app.get_keyless("/readyz").await.status.as_u16(), 200);
}
