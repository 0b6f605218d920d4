//! A JSON object in which no field stands twice.
//!
//! Which of two would count is chance, and one of them may be the number of somebody else: so it is refused, in what
//! clients send and in what is imported.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The longest piece of somebody's text that an error repeats, in characters.
pub(crate) const ECHO: usize = 64;

/// Of so many fields all are looked at for one of the same name; an object rarely has more.
const FEW: usize = 16;

/// Its fields, in their order. What is in them is as `serde_json` reads it.
pub(crate) struct Fields(pub(crate) Vec<(String, Value)>);

/// The names that were read.
#[derive(Default)]
struct Names {
    /// All of them, once there are more than a few.
    many: HashSet<String>,
}

impl Names {
    /// Is it another one, beside those of these fields?
    fn is_new(&mut self, name: &str, fields: &[(String, Value)]) -> bool {
        if fields.len() < FEW {
            return fields.iter().all(|(known, _)| known != name);
        }
        if self.many.is_empty() {
            self.many.extend(fields.iter().map(|(known, _)| known.clone()));
        }
        self.many.insert(name.to_owned())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneByOne;

        impl<'de> Visitor<'de> for OneByOne {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let (mut fields, mut names) = (Vec::new(), Names::default());
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if !names.is_new(&name, &fields) {
                        let name: String = name.chars().take(ECHO).collect();
                        return Err(A::Error::custom(format!("field {name:?} is given twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }

        from.deserialize_map(OneByOne)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: impl Iterator<Item = usize>) -> Result<Fields, String> {
        let fields: Vec<String> = names.map(|name| format!("\"{name}\":{name}")).collect();
        serde_json::from_str(&format!("{{{}}}", fields.join(","))).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_is_there_once_however_many_there_are() {
        for many in [1, 2, FEW - 1, FEW, FEW + 1, FEW + 2, 3 * FEW] {
            let Fields(fields) = read(0..many).unwrap();
            assert_eq!(fields.len(), many);
            assert!(fields.iter().enumerate().all(|(place, (name, _))| *name == place.to_string()));
            for again in 0..many {
                let refused = read((0..many).chain([again])).err().unwrap();
                assert!(refused.contains(&format!("\"{again}\" is given twice")), "{many}: {refused}");
            }
        }
    }
}
