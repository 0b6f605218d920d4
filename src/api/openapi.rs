//! The `OpenAPI` document: made of the same list as the routes, so that it cannot drift from them.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{Modify, OpenApi as _};

use super::errors::{ApiError, ErrorBody};
use super::router;

/// The document, for whoever writes it to a file.
pub fn openapi() -> OpenApi {
    let mut document = router::routes().into_openapi();
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            let Some(operation) = operation else { continue };
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    response.headers.insert("X-Request-Id".to_owned(), request_id().into());
                }
            }
        }
    }
    document
}

/// On every answer, whatever it is.
fn request_id() -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some("The request's name: the client's own if it sent a sane one, else a fresh one"))
        .build()
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
            every answer carries `X-Request-Id`. A sane `X-Request-Id` of the client is kept. \
            `/docs/errors` explains each code, and every error links to its line there.\n\n\
            Whatever the path, a method that it does not take is `405` (`method_not_allowed`), an unknown \
            path `404` (`not_found`), and what is described elsewhere but not part of this version `400` \
            (`not_supported`)."
    ),
    external_docs(url = "/docs/errors", description = "Every error code, and what to do about it"),
    tags(
        (name = "messages", description = "Send, follow and cancel messages"),
        (name = "accounts", description = "How the provider accounts stand"),
        (name = "senders", description = "How numbers stand, and what is set of them while they run"),
        (name = "operations", description = "For whoever runs the process"),
    ),
    components(schemas(ErrorBody)),
    modifiers(&Schemes)
)]
struct Frame;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "api_key",
            bearer(
                "An API key: `Authorization: Bearer <key>`. Each key carries some of the scopes `sms:send`, \
             `sms:read`, `senders:write` and `admin`; an operation names those that it wants.",
            ),
        );
        components.add_security_scheme("admin_token", bearer(
            "The token of `http.admin_token`, of whoever runs the process: `Authorization: Bearer <token>`.",
        ));
    }
}

fn bearer(description: &str) -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
    SecurityScheme::Http(scheme.build())
}

/// Written once: it depends on nothing but the program.
static DOCUMENT: LazyLock<Option<Bytes>> = LazyLock::new(|| openapi().to_json().ok().map(Bytes::from));

/// This document
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", tag = "operations",
    responses((status = 200, description = "The OpenAPI document of the running version", body = Object)))]
pub(super) async fn document() -> Result<impl IntoResponse, ApiError> {
    let document = DOCUMENT.clone().ok_or_else(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, "application/json")], document))
}
