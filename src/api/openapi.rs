//! The `OpenAPI` document: made of the same list as the routes, so that it cannot drift from them.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use super::errors::{ApiError, ErrorBody};
use super::router;

/// The document, for whoever writes it to a file.
pub fn openapi() -> OpenApi {
    router::routes().into_openapi()
}

/// What stands around the routes.
pub(super) fn frame() -> OpenApi {
    Frame::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sendyard",
        description = "Sends SMS and MMS through Twilio, Telnyx and Vonage.\n\n\
            Every error is one JSON object with `detail`, `code`, `retryable` and `request_id`; \
            every answer carries `X-Request-Id`. A sane `X-Request-Id` of the client is kept."
    ),
    tags(
        (name = "messages", description = "Send, follow and cancel messages"),
        (name = "senders", description = "How numbers stand, and what is set of them while they run"),
        (name = "operations", description = "For whoever runs the process"),
    ),
    components(schemas(ErrorBody)),
    modifiers(&KeyScheme)
)]
struct Frame;

struct KeyScheme;

impl Modify for KeyScheme {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key: `Authorization: Bearer <key>`"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// Written once: it depends on nothing but the program.
static DOCUMENT: LazyLock<Option<Bytes>> = LazyLock::new(|| openapi().to_json().ok().map(Bytes::from));

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "operations",
    responses((status = 200, description = "The OpenAPI document of the running version", body = Object)))]
pub(super) async fn document() -> Result<impl IntoResponse, ApiError> {
    let document = DOCUMENT.clone().ok_or_else(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, "application/json")], document))
}
