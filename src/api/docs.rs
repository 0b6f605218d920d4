//! `/docs`: the reference, for people. Swagger UI shows the running version's own description.
//!
//! Everything it needs is in this program: it works where there is no internet, and says so to the
//! browser by its content security policy.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use utoipa_swagger_ui::Config;

use super::errors::ApiError;
use super::unbuilt;

/// Only what this program serves. Swagger UI styles its elements one by one and draws its icons from
/// `data:` URLs; its scripts are files.
const POLICY: (HeaderName, &str) = (
    CONTENT_SECURITY_POLICY,
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// The page, with the place of its assets left open.
const PAGE: &str = include_str!("docs/page.html");

/// Starts Swagger UI: a file, since the policy allows no script in the page.
const START: &str = include_str!("docs/start.js");

/// What the page asks for of Swagger UI.
const ASSETS: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// The reference, for people
///
/// Shows this document and lets a key be tried out. Needs no internet.
#[utoipa::path(get, path = "/docs", operation_id = "reference", tag = "operations",
    responses((status = 200, description = "A page of HTML", body = String, content_type = "text/html; charset=utf-8")))]
pub(super) async fn reference() -> Response {
    // Relative, so that a proxy may put a path before it.
    page("docs/")
}

/// The same with a slash at its end: there are no redirects.
pub(super) async fn reference_below() -> Response {
    page("")
}

fn page(assets: &str) -> Response {
    ([POLICY], Html(PAGE.replace("{assets}", assets))).into_response()
}

/// A file of the page.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, ApiError> {
    if name == "start.js" {
        return Ok(([(CONTENT_TYPE, "text/javascript; charset=utf-8")], START).into_response());
    }
    if !ASSETS.contains(&name.as_str()) {
        return Err(unbuilt::not_found());
    }
    let found = utoipa_swagger_ui::serve(&name, Arc::new(Config::default()));
    match found {
        Ok(Some(file)) => Ok(([(CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response()),
        Ok(None) | Err(_) => Err(ApiError::internal()),
    }
}
