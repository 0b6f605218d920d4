//! Holds every answer that these tests see against the description: its status must be one that the
//! operation names, an error's code one that the status names, and an answer must have the described fields.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::http::{HeaderName, Method};
use serde_json::Value;

use super::app::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(sendyard::api::openapi()).unwrap());

/// What is answered wherever it is asked.
const EVERYWHERE: [(u16, &str); 5] = [
    (400, "not_supported"),
    (401, "unauthorized"),
    (404, "not_found"),
    (405, "method_not_allowed"),
    // Of a panic that a test makes.
    (500, "internal"),
];

/// These, and no others, answer with the final slash as without it.
const LISTS: [&str; 4] = ["/sms/queue/stats", "/v1/messages", "/v1/accounts", "/v1/senders"];

pub(super) fn check(method: &Method, path: &str, answer: &Answer) {
    let status = answer.status.as_u16();
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let shown = format!("{method} {path}: {status} {body}");
    let Some(operation) = operation(method, path) else {
        let code = body["code"].as_str().unwrap_or_default();
        assert!(status == 200 || EVERYWHERE.contains(&(status, code)), "undescribed: {shown}");
        return;
    };
    let response = &operation["responses"][status.to_string()];
    assert!(response.is_object(), "an undescribed status: {shown}");
    for header in answer.headers.keys().map(HeaderName::as_str) {
        let is_described = response["headers"]
            .as_object()
            .unwrap()
            .keys()
            .any(|described| described.eq_ignore_ascii_case(header));
        let is_usual = ["content-type", "content-length", "content-security-policy"].contains(&header);
        assert!(is_described || is_usual, "an undescribed header {header}: {shown}");
    }
    let content = &response["content"]["application/json"];
    if status != 200 {
        let code = body["code"].as_str().unwrap();
        assert!(content["examples"][code].is_object(), "an undescribed code: {shown}");
    }
    if let Some(reference) = content["schema"]["$ref"].as_str() {
        check_fields(reference, &body, &shown);
    }
}

/// Whatever must be there is, and nothing else is.
fn check_fields(reference: &str, body: &Value, shown: &str) {
    let (mut known, mut required) = (BTreeSet::new(), BTreeSet::new());
    let mut parts = vec![DOCUMENT.pointer(&reference[1..]).unwrap()];
    while let Some(part) = parts.pop() {
        let part = part["$ref"].as_str().map_or(part, |other| DOCUMENT.pointer(&other[1..]).unwrap());
        parts.extend(part["allOf"].as_array().into_iter().flatten());
        known.extend(part["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
        required.extend(part["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    }
    let fields: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(fields.is_subset(&known), "an undescribed field: {shown}");
    assert!(required.is_subset(&fields), "a missing field of {required:?}: {shown}");
}

/// The operation of a path; the one with the fewest placeholders, as the router chooses.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.strip_suffix('/').filter(|path| LISTS.contains(path)).unwrap_or(path);
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut fitting: Vec<(&String, &Value)> =
        paths.iter().filter(|(template, _)| fits(template, path)).collect();
    fitting.sort_by_key(|(template, _)| template.matches('{').count());
    let (_, item) = fitting.first()?;
    item.get(method.as_str().to_lowercase())
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}
