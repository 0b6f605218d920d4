//! The `OpenAPI` document tells the truth.

use serde_json::Value;

use super::app::{App, assert_accepted};

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
        "GET /health",
        "GET /livez",
        "GET /metrics",
        "GET /openapi.json",
        "GET /readyz",
        "GET /sms/queue/stats",
        "GET /sms/status/{message_id}",
        "GET /sms/{message_id}/status",
        "GET /v1/accounts",
        "GET /v1/messages",
        "GET /v1/senders",
        "GET /v1/senders/{number}",
        "PATCH /v1/senders/{number}",
        "POST /sms/cancel/{message_id}",
        "POST /sms/send",
        "POST /v1/accounts/{name}/close",
        "POST /v1/messages/{message_id}/settle",
        "POST /v1/senders/{number}/pause",
        "POST /v1/senders/{number}/resume",
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
            let schema = &response["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/ErrorBody", "{name} {status}");
            let waits = ["429", "503"].contains(&status.as_str());
            assert!(!waits || response["headers"]["Retry-After"].is_object(), "{name} {status}");
        }
        if operation["security"].is_array() {
            assert_eq!(operation["security"][0]["api_key"], serde_json::json!([]), "{name}");
            for status in ["401", "403", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{name} lacks {status}");
            }
        }
    }
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
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
