//! A JSON object in which no field stands twice.
//!
//! Which of two would count is chance, and one of them may be the number of somebody else: so it is refused, in what
//! clients send and in what is imported.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The longest piece of somebody's text that an error repeats, in characters.
pub(crate) const ECHO: usize = 64;

/// Its fields. What is in them is as `serde_json` reads it.
pub(crate) struct Fields(pub(crate) Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneByOne;

        impl<'de> Visitor<'de> for OneByOne {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.contains_key(&name) {
                        let name: String = name.chars().take(ECHO).collect();
                        return Err(A::Error::custom(format!("field {name:?} is given twice")));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }
        }

        from.deserialize_map(OneByOne)
    }
}
