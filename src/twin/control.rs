//! The control endpoints, under `/_twin`: health, ledger, faults, callbacks, keys.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::stream;
use serde::Deserialize;
use serde_json::json;

use super::Twin;
use super::faults::Faults;

/// Lines in a page unless asked otherwise.
const PAGE: usize = 1_000;
/// The most lines in a page.
const LONGEST_PAGE: usize = 100_000;
/// Lines rendered at a time while a page is streamed.
const CHUNK: usize = 256;

/// All of it.
pub(super) fn routes() -> Router<Arc<Twin>> {
    Router::new()
        .route("/_twin/health", get(health))
        .route("/_twin/ledger", get(read_ledger).delete(clear_ledger))
        .route("/_twin/faults", get(read_faults).put(change_faults))
        .route("/_twin/callbacks", get(callbacks))
        .route("/_twin/keys", get(keys))
}

/// Any other path.
pub(super) async fn nothing_here(method: Method, uri: Uri) -> Response {
    let sentence = format!(
        "the twin answers nothing at {method} {}: see POST /2010-04-01/Accounts/{{AccountSid}}/Messages.json, \
         /v2/messages, /v1/messages and GET /_twin/health, /_twin/ledger, /_twin/faults, /_twin/callbacks, /_twin/keys",
        uri.path()
    );
    refuse(StatusCode::NOT_FOUND, &sentence)
}

async fn health(State(twin): State<Arc<Twin>>) -> Response {
    let body = json!({
        "status": "ok",
        "address": twin.addr.to_string(),
        "control_address": twin.control_addr.to_string(),
        "refusing": twin.faults.current().refuse,
        "ledger_lines": twin.ledger.len(),
        "ledger_limit": twin.ledger.limit(),
    });
    Json(body).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: u64,
    #[serde(default = "default_page")]
    limit: usize,
}

fn default_page() -> usize {
    PAGE
}

async fn read_ledger(State(twin): State<Arc<Twin>>, query: Result<Query<Page>, QueryRejection>) -> Response {
    let page = match query {
        Ok(Query(page)) if (1..=LONGEST_PAGE).contains(&page.limit) => page,
        Ok(Query(page)) => {
            let sentence = format!("limit is {}, it must be from 1 to {LONGEST_PAGE}", page.limit);
            return refuse(StatusCode::BAD_REQUEST, &sentence);
        }
        Err(rejection) => return refuse(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    let chunks = stream::unfold((twin, page), |(twin, page)| async move {
        let lines = twin.ledger.page(page.after, page.limit.min(CHUNK));
        let last = lines.last()?.seq;
        let mut rendered = Vec::new();
        for line in &lines {
            line.render(&mut rendered);
        }
        let rest = Page { after: last, limit: page.limit - lines.len() };
        Some((Ok::<_, Infallible>(Bytes::from(rendered)), (twin, rest)))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(chunks)).into_response()
}

async fn clear_ledger(State(twin): State<Arc<Twin>>) -> StatusCode {
    twin.ledger.clear();
    StatusCode::NO_CONTENT
}

async fn read_faults(State(twin): State<Arc<Twin>>) -> Response {
    Json(&*twin.faults.current()).into_response()
}

/// Replaces all dials, or none: the door first, which alone can fail.
async fn change_faults(State(twin): State<Arc<Twin>>, body: Bytes) -> Response {
    let faults = match Faults::parse(&body) {
        Ok(faults) => faults,
        Err(reason) => {
            return refuse(StatusCode::BAD_REQUEST, &format!("the faults are unchanged: {reason}"));
        }
    };
    let _changing = twin.faults.changing.lock().await;
    if let Err(error) = twin.door.set_open(!faults.refuse).await {
        let sentence = format!("the faults are unchanged: cannot listen on {} again: {error}", twin.addr);
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, &sentence);
    }
    twin.faults.replace(faults);
    Json(&*twin.faults.current()).into_response()
}

/// What was sent of late, and how it was answered.
async fn callbacks(State(twin): State<Arc<Twin>>) -> Response {
    Json(twin.callbacks.report()).into_response()
}

/// What callbacks are signed with.
async fn keys(State(twin): State<Arc<Twin>>) -> Response {
    Json(twin.callbacks.keys()).into_response()
}

fn refuse(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}
