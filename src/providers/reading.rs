//! Reading what a provider wrote: numbers that come as strings, texts of any length, and perhaps our
//! own secret, which is never kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The most that a record keeps of what a provider said (see [`Refusal`]'s `detail`).
///
/// [`Refusal`]: sendyard_actors::domain::outcome::Refusal
const DETAIL_LIMIT: usize = 512;

/// The most that is kept of a provider's word or code.
const WORD_LIMIT: usize = 64;

/// What stands in a text in place of the secret.
const REDACTED: &str = "[redacted]";

/// A body as JSON, with `secret` taken out of every text that it holds.
pub(super) fn said(body: &[u8], secret: &str) -> Option<Value> {
    let mut said = serde_json::from_slice(body).ok()?;
    redact(&mut said, secret);
    Some(said)
}

/// The named fields of a body that is a JSON object, with `secret` taken out of every text in them; those
/// that are not there are `None`. Nothing is kept of the others: most of an answer says what we said.
pub(super) fn fields<const N: usize>(
    body: &[u8],
    names: [&str; N],
    secret: &str,
) -> Option<[Option<Value>; N]> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut fields = json.deserialize_map(Named(names)).ok()?;
    json.end().ok()?;
    fields.iter_mut().flatten().for_each(|value| redact(value, secret));
    Some(fields)
}

/// Reads the fields with these names; of several with one name the last counts, as elsewhere in JSON.
struct Named<'a, const N: usize>([&'a str; N]);

impl<'de, const N: usize> Visitor<'de> for Named<'_, N> {
    type Value = [Option<Value>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = [const { None }; N];
        while let Some(name) = map.next_key_seed(Name)? {
            let place = self.0.iter().position(|wanted| *wanted == name);
            match place.and_then(|place| fields.get_mut(place)) {
                Some(field) => *field = Some(map.next_value()?),
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(fields)
    }
}

/// A field's name, borrowed from the body where that has it as it is.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// As deep as the parser goes, which is bounded.
fn redact(value: &mut Value, secret: &str) {
    match value {
        Value::String(text) => *text = redacted(text, secret),
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, secret)),
        Value::Object(fields) => fields.values_mut().for_each(|value| redact(value, secret)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text with `secret` taken out. To be done before the text is cut, which might leave a part of it.
pub(super) fn redacted(text: &str, secret: &str) -> String {
    if secret.is_empty() { text.to_owned() } else { text.replace(secret, REDACTED) }
}

/// A text cut to what a record keeps, between two characters.
pub(super) fn bounded_detail(text: &str) -> String {
    bounded(text, DETAIL_LIMIT)
}

/// A string or a number as a short text; anything else, or an empty one, is none.
pub(super) fn word(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => bounded(text.trim(), WORD_LIMIT),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A count that is at least one, written as a number or as a string.
pub(super) fn positive_count(value: Option<&Value>) -> Option<u16> {
    word(value)?.parse().ok().filter(|count| *count > 0)
}

/// A provider's id of a message: a string, whole or not at all, for half an id finds nothing.
pub(super) fn id(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.trim();
    (!text.is_empty() && text.len() <= WORD_LIMIT).then(|| text.to_owned())
}

fn bounded(text: &str, limit: usize) -> String {
    let end = text.floor_char_boundary(limit);
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_detail_is_cut_between_two_characters() {
        assert_eq!(bounded_detail("short"), "short");
        let long = format!("{}é", "a".repeat(511));
        assert_eq!(bounded_detail(&long), "a".repeat(511), "é would end at byte 513");
        assert_eq!(bounded_detail(&"é".repeat(300)).len(), 512);
    }

    #[test]
    fn a_secret_is_taken_out_of_every_text() {
        let body = br#"{"a":"x k3y/ y","b":[{"c":"k\u0033y\/"},null,7,true],"d":"key"}"#;
        let expected = json!({"a": "x [redacted] y", "b": [{"c": "[redacted]"}, null, 7, true], "d": "key"});
        assert_eq!(said(body, "k3y/"), Some(expected));
        assert_eq!(said(br#"{"a":"b"}"#, ""), Some(json!({"a": "b"})));
        assert_eq!(said(b"<html>", "k3y/"), None);
        assert_eq!(said("[".repeat(60_000).as_bytes(), "k3y/"), None);
    }

    #[test]
    fn named_fields_are_read_leniently_and_without_the_secret() {
        let body = br#" {"x":{"y":[1]},"sid":"SM1","code":7,"s\u0069d":"k3y","note":"a\nb","sid2":1} "#;
        let read = fields(body, ["sid", "code", "note", "none"], "k3y");
        let expected = [Some(json!("[redacted]")), Some(json!(7)), Some(json!("a\nb")), None];
        assert_eq!(read, Some(expected), "of two with one name the last");
        for unreadable in ["", "[1]", "7", "null", "<html>", r#"{"sid":"#, r#"{"sid":1} x"#, r#"{"a":\x}"#] {
            assert_eq!(fields(unreadable.as_bytes(), ["sid"], ""), None, "{unreadable}");
        }
        let deep = format!(r#"{{"a":{}"#, "[".repeat(60_000));
        assert_eq!(fields(deep.as_bytes(), ["sid"], ""), None);
    }

    #[test]
    fn numbers_may_come_as_strings() {
        let table = [
            (json!(3), Some(3)),
            (json!("3"), Some(3)),
            (json!(" 2 "), Some(2)),
            (json!("0"), None),
            (json!(0), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("70000"), None),
            (json!("many"), None),
            (json!(null), None),
            (json!([1]), None),
        ];
        for (value, count) in table {
            assert_eq!(positive_count(Some(&value)), count, "{value}");
        }
        assert_eq!(positive_count(None), None);
    }

    #[test]
    fn an_id_is_whole_or_none() {
        assert_eq!(id(Some(&json!("SM1"))).as_deref(), Some("SM1"));
        for odd in [json!(""), json!(" "), json!(12), json!(null), json!({}), json!("S".repeat(65))] {
            assert_eq!(id(Some(&odd)), None, "{odd}");
        }
    }
}
