//! What a client keeps with its message: `client_reference` and `metadata`. Ours only to keep and to show.
//!
//! Small, as every message in the queue carries its own: [`LONGEST_REFERENCE`], [`LONGEST_METADATA`].

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::errors::ApiError;
use crate::api::json::Object;

/// The longest reference, in code points.
const LONGEST_REFERENCE: usize = 128;
/// The most fields of `metadata`.
const MOST_FIELDS: usize = 16;
/// The longest name of one, in code points.
const LONGEST_NAME: usize = 40;
/// All of `metadata`, in bytes as it is kept: JSON without blanks.
const LONGEST_METADATA: usize = 2048;

/// The reference of a message.
pub(in crate::api) fn client_reference(object: &mut Object) -> Result<Option<String>, ApiError> {
    let Some(text) = object.text("client_reference")? else { return Ok(None) };
    if !is_reference(&text) {
        let detail = format!(
            "Field 'client_reference' must have 1 to {LONGEST_REFERENCE} characters, and no control characters"
        );
        return Err(ApiError::invalid(detail));
    }
    Ok(Some(text))
}

/// Can a message have this reference?
pub(in crate::api) fn is_reference(text: &str) -> bool {
    let length = text.chars().count();
    (1..=LONGEST_REFERENCE).contains(&length) && !text.contains(char::is_control)
}

/// The metadata of a message, as they are kept: fields in the order of their names, so that the same ones are
/// the same request in whatever order they come.
pub(in crate::api) fn metadata(object: &mut Object) -> Result<Option<String>, ApiError> {
    let Some(fields) = object.fields("metadata")? else { return Ok(None) };
    if fields.len() > MOST_FIELDS {
        let detail = format!("Field 'metadata' may hold at most {MOST_FIELDS} fields, not {}", fields.len());
        return Err(ApiError::invalid(detail));
    }
    for (name, value) in &fields {
        let length = name.chars().count();
        if !(1..=LONGEST_NAME).contains(&length) {
            let detail = format!("Each name in 'metadata' must have 1 to {LONGEST_NAME} characters");
            return Err(ApiError::invalid(detail));
        }
        if !matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            return Err(ApiError::invalid(
                "Each value in 'metadata' must be a string, a number or a boolean",
            ));
        }
    }
    let sorted: BTreeMap<String, Value> = fields.into_iter().collect();
    let text = serde_json::to_string(&sorted)
        .map_err(|error| ApiError::invalid(format!("Field 'metadata' cannot be kept: {error}")))?;
    if text.len() > LONGEST_METADATA {
        let detail = format!(
            "Field 'metadata' may have at most {LONGEST_METADATA} bytes as JSON without blanks, not {}",
            text.len()
        );
        return Err(ApiError::invalid(detail));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, value: &Value) -> Object {
        Object::parse(json!({ name: value }).to_string().as_bytes()).unwrap()
    }

    fn kept(value: &Value) -> Result<Option<String>, ApiError> {
        metadata(&mut object("metadata", value))
    }

    #[test]
    fn a_reference_is_a_short_line_of_text() {
        for good in ["a", "order 7/ü", &"ü".repeat(LONGEST_REFERENCE)] {
            let read = client_reference(&mut object("client_reference", &json!(good))).unwrap();
            assert_eq!(read.as_deref(), Some(good));
        }
        assert_eq!(client_reference(&mut object("client_reference", &Value::Null)).unwrap(), None);
        let too_long = "a".repeat(LONGEST_REFERENCE + 1);
        for bad in [json!(""), json!("a\nb"), json!("\u{0}"), json!(too_long), json!(7)] {
            assert!(client_reference(&mut object("client_reference", &bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_are_kept_in_one_order_and_without_blanks() {
        let text = r#"{"metadata": {"b": true, "a": "x", "c": 1.5}}"#;
        let read = metadata(&mut Object::parse(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(read.as_deref(), Some(r#"{"a":"x","b":true,"c":1.5}"#));
        assert_eq!(kept(&json!({})).unwrap().as_deref(), Some("{}"));
        assert_eq!(kept(&Value::Null).unwrap(), None);
    }

    #[test]
    fn metadata_are_small_and_flat() {
        let many = |count: usize| (0..count).map(|index| (index.to_string(), json!(1))).collect::<Value>();
        assert!(kept(&many(MOST_FIELDS)).is_ok());
        assert!(kept(&json!({ "a".repeat(LONGEST_NAME): 1 })).is_ok());
        assert!(kept(&json!({ "a": "x".repeat(LONGEST_METADATA - 8) })).is_ok());
        for bad in [
            many(MOST_FIELDS + 1),
            json!({ "a".repeat(LONGEST_NAME + 1): 1 }),
            json!({ "": 1 }),
            json!({ "a": "x".repeat(LONGEST_METADATA - 7) }),
            json!({ "a": null }),
            json!({ "a": [] }),
            json!({ "a": {} }),
            json!([]),
            json!("{}"),
        ] {
            assert!(kept(&bad).is_err(), "{bad}");
        }
    }
}
