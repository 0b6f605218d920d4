//! What the description says of a route's errors: an answer for each status, with every code that may
//! come with it and an example of each.
//!
//! Each route names its codes once. Tests hold every answer that they see against them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::code::{Code, Retry};

/// Answers by their status, as a route's description takes them.
pub(in crate::api) type Described = BTreeMap<String, RefOr<Response>>;

/// The answers that a list of codes makes.
pub(in crate::api) fn described(codes: &[Code]) -> Described {
    let mut by_status: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    for code in codes {
        for status in code.meaning().statuses {
            by_status.entry(*status).or_default().push(*code);
        }
    }
    let answers = by_status.into_iter();
    answers.map(|(status, codes)| (status.as_str().to_owned(), answer(status, &codes).into())).collect()
}

/// The same of a route that wants a key: it may also answer what every such route may.
pub(in crate::api) fn keyed(codes: &[Code]) -> Described {
    let common = [Code::Unauthorized, Code::MissingScope, Code::StoreUnavailable, Code::Internal];
    described(&[codes, &common].concat())
}

fn answer(status: StatusCode, codes: &[Code]) -> Response {
    let mut sentences = String::new();
    for code in codes {
        let meaning = code.meaning();
        // Writing to a string does not fail.
        let _ = writeln!(sentences, "* `{}`: {} {}", meaning.word, meaning.happened, meaning.remedy);
    }
    let examples = codes.iter().map(|code| {
        let example = ExampleBuilder::new().summary(code.meaning().happened).value(Some(example(*code)));
        (code.as_str(), example)
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .examples_from_iter(examples)
        .build();
    let mut response = ResponseBuilder::new()
        .description(sentences.trim_end())
        .content("application/json", content)
        .header("Link", text_header("The line of help of the code: `</docs/errors#CODE>; rel=\"help\"`"));
    // A conflict says when to come back only where the other request will be over then.
    let says_when = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        || codes.contains(&Code::IdempotencyInProgress);
    if says_when {
        response = response.header("Retry-After", seconds_header("When to come back, in whole seconds"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response = response.header("WWW-Authenticate", text_header("`Bearer`"));
    }
    response.build()
}

/// A body as it is sent, with what comes with this code alone.
fn example(code: Code) -> Value {
    const MESSAGE: &str = "01a20a14-d8c9-75c1-9f48-59daf0a000a3";
    let meaning = code.meaning();
    let mut body = json!({
        "detail": meaning.example,
        "code": meaning.word,
        "retryable": meaning.retry == Retry::Yes,
        "request_id": "4f7c1f6e-6f0f-4b7e-9a43-3f6f5f0f9d7a",
    });
    let Value::Object(fields) = &mut body else { return body };
    if matches!(code, Code::SendFailed | Code::OutcomeUnknown | Code::IdempotencyInProgress) {
        fields.insert("message_id".to_owned(), json!(MESSAGE));
    }
    if code == Code::SendFailed {
        fields.insert("provider_code".to_owned(), json!("40300"));
    }
    body
}

fn text_header(description: &str) -> Header {
    header(Type::String, None, description)
}

fn seconds_header(description: &str) -> Header {
    header(Type::Integer, Some(1.0), description)
}

fn header(kind: Type, minimum: Option<f64>, description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind).minimum(minimum);
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}
