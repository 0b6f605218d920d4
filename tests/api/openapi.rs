//! The `OpenAPI` document tells the truth.

use std::collections::BTreeSet;

use axum::http::Method;
use sendyard::api::auth::Scope;
use serde_json::{Value, json};

use super::app::{App, KEY, READ_KEY, SEND_KEY, assert_accepted};
use crate::docs::committed;

async fn document(app: &App) -> Value {
    let answer = app.get_keyless("/openapi.json").await;
    assert_eq!(answer.status.as_u16(), 200);
    answer.json()
}

/// Every operation as `(METHOD path, operation)`.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let named = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap();
        methods
            .iter()
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    named.map(|(name, operation)| (name, operation.clone())).collect()
}

#[tokio::test]
async fn it_lists_every_route() {
    let app = App::start().await;
    let mut names: Vec<String> =
        operations(&document(&app).await).into_iter().map(|(name, _)| name).collect();
    names.sort();
    let expected = [
        "DELETE /sms/{message_id}",
        "DELETE /v1/admin/directory",
        "GET /docs",
        "GET /docs/errors",
        "GET /health",
        "GET /livez",
        "GET /metrics",
        "GET /openapi.json",
        "GET /readyz",
        "GET /sms/queue/stats",
        "GET /sms/status/{message_id}",
        "GET /sms/{message_id}/status",
        "GET /v1/accounts",
        "GET /v1/admin/directory",
        "GET /v1/messages",
        "GET /v1/messages/{message_id}",
        "GET /v1/senders",
        "GET /v1/senders/{number}",
        "PATCH /v1/senders/{number}",
        "POST /sms/cancel/{message_id}",
        "POST /sms/send",
        "POST /v1/accounts/{name}/close",
        "POST /v1/admin/drain",
        "POST /v1/messages/batch",
        "POST /v1/messages/cancel",
        "POST /v1/messages/{message_id}/settle",
        "POST /v1/senders/{number}/pause",
        "POST /v1/senders/{number}/resume",
        "PUT /v1/admin/directory",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn its_example_of_a_message_is_accepted_as_it_stands() {
    let app = App::start().await;
    let document = document(&app).await;
    let example =
        &document["paths"]["/sms/send"]["post"]["requestBody"]["content"]["application/json"]["example"];
    assert!(example.is_object(), "{example}");
    assert_accepted(&app.send(example.to_string()).await);
}

#[tokio::test]
async fn every_error_has_the_one_form_and_every_reference_resolves() {
    let app = App::start().await;
    let document = document(&app).await;
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status == "200" {
                continue;
            }
            let content = &response["content"]["application/json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/ErrorBody", "{name} {status}");
            let examples = content["examples"].as_object().unwrap();
            assert!(!examples.is_empty(), "{name} {status}");
            for (code, example) in examples {
                assert_eq!(example["value"]["code"], code.as_str(), "{name} {status}");
            }
            let waits = ["429", "503"].contains(&status.as_str());
            assert!(!waits || response["headers"]["Retry-After"].is_object(), "{name} {status}");
        }
        let is_admins = name.contains(" /v1/admin/");
        assert_eq!(operation["security"] == json!([{ "admin_token": [] }]), is_admins, "{name}");
        if is_admins {
            assert!(operation["responses"]["401"].is_object(), "{name}");
        } else if operation["security"].is_array() {
            let scopes = operation["security"][0]["api_key"].as_array().unwrap();
            assert!(scopes.iter().all(|scope| scope.as_str().unwrap().parse::<Scope>().is_ok()), "{name}");
            assert_eq!(scopes.len(), 1, "{name}");
            for status in ["401", "403", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{name} lacks {status}");
            }
        }
    }
    for scheme in ["api_key", "admin_token"] {
        assert_eq!(document["components"]["securitySchemes"][scheme]["scheme"], "bearer", "{scheme}");
    }
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

/// Whoever changes the API sees in the change what becomes of its description.
#[test]
fn the_committed_description_is_that_of_this_program() {
    let description = sendyard::api::openapi().to_pretty_json().unwrap();
    committed("docs/openapi.json", &format!("{description}\n"));
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_says_what_it_is() {
    let app = App::start().await;
    let mut names = BTreeSet::new();
    for (name, operation) in operations(&document(&app).await) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(id), "{name}: {}", operation["operationId"]);
        assert!(operation["summary"].is_string(), "{name}");
        let content = &operation["responses"]["200"]["content"];
        let Some(schema) = content["application/json"]["schema"]["$ref"].as_str() else { continue };
        let example = document(&app).await.pointer(&format!("{}/example", &schema[1..])).cloned();
        let properties = document(&app).await.pointer(&format!("{}/properties", &schema[1..])).cloned();
        let described = example.is_some()
            || properties.unwrap().as_object().unwrap().values().all(|field| field["example"].is_string());
        assert!(described, "{name} has no example of its answer");
    }
}

/// The scope that an operation names is the one that lets a key in, and no other does.
#[tokio::test]
async fn the_described_scope_is_the_one_that_is_asked_for() {
    let app = App::start().await;
    for (name, operation) in operations(&document(&app).await) {
        let Some(scope) = operation["security"][0]["api_key"][0].as_str() else { continue };
        let (method, path) = name.split_once(' ').unwrap();
        let path = path.replace("{message_id}", "x").replace("{name}", "x");
        for (key, has) in [(SEND_KEY, "sms:send"), (READ_KEY, "sms:read"), (KEY, scope)] {
            let method: Method = method.parse().unwrap();
            let answer = app.call(method, &path, key).await;
            assert_eq!(answer.status.as_u16() == 403, has != scope, "{name} with {has}");
        }
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|field| collect_references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
