//! Types of documented fields.

use serde_json::Value;

/// What a field may be. Times are RFC 3339 in UTC with `Z`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Bool,
    Text,
    TextOrNull,
    Count,
    CountOrNull,
    Time,
    TimeOrNull,
    Uuid,
    Null,
}

impl Type {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Bool => value.is_boolean(),
            Self::Text => value.is_string(),
            Self::TextOrNull => value.is_string() || value.is_null(),
            Self::Count => value.is_u64(),
            Self::CountOrNull => value.is_u64() || value.is_null(),
            Self::Time => is_time(value),
            Self::TimeOrNull => is_time(value) || value.is_null(),
            Self::Uuid => value.as_str().is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
            Self::Null => value.is_null(),
        }
    }
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok())
}

/// Every field is there and has its type: null where it may be, absent nowhere.
#[track_caller]
pub(crate) fn assert_shape(body: &Value, fields: &[(&str, Type)]) {
    for (name, wanted) in fields {
        let value = body.get(name).unwrap_or_else(|| panic!("`{name}` is absent in {body}"));
        assert!(wanted.fits(value), "`{name}` is not {wanted:?} in {body}");
    }
}
