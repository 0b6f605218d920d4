//! The fields of a message that speak of time: `send_at`, `expires_at`, `validity_seconds`.

use std::time::Duration;

use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::validity::{BadValidity, Expires, LONGEST, Validity};

use super::super::errors::ApiError;
use super::super::json::Object;
use super::super::times;

/// What a request says, as it says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Timed {
    pub(super) send_at: Option<Time>,
    pub(super) expires_at: Option<Time>,
    pub(super) validity_seconds: Option<u64>,
}

impl Timed {
    /// Reads and checks the fields of a message that is handed over now, if `queue` is false.
    pub(super) fn read(object: &mut Object, queue: bool, now: Time) -> Result<Self, ApiError> {
        let timed = Self {
            send_at: instant(object, "send_at")?,
            expires_at: instant(object, "expires_at")?,
            validity_seconds: object.whole_number("validity_seconds")?,
        };
        if timed.send_at.is_some() && !queue {
            return Err(ApiError::invalid("Field 'send_at' must not be given with 'queue' false"));
        }
        if timed.expires_at.is_some() && timed.validity_seconds.is_some() {
            let detail = "Only one of 'expires_at' and 'validity_seconds' may be given";
            return Err(ApiError::invalid(detail));
        }
        timed.validity().check(now).map_err(|bad| ApiError::invalid(sentence(bad)))?;
        Ok(timed)
    }

    /// The same in the engine's words.
    pub(super) fn validity(self) -> Validity {
        let within = self.validity_seconds.map(|seconds| Expires::Within(Duration::from_secs(seconds)));
        Validity { send_at: self.send_at, expires: self.expires_at.map(Expires::At).or(within) }
    }

    /// What is said, each with its field, for the fingerprint of the request: not how it is written.
    pub(super) fn facts(self) -> impl Iterator<Item = (&'static str, String)> {
        let instant = |at: Time| at.as_nanos().to_string();
        let facts = [
            ("send_at", self.send_at.map(instant)),
            ("expires_at", self.expires_at.map(instant)),
            ("validity_seconds", self.validity_seconds.map(|seconds| seconds.to_string())),
        ];
        facts.into_iter().filter_map(|(field, value)| Some((field, value?)))
    }
}

fn instant(object: &mut Object, name: &str) -> Result<Option<Time>, ApiError> {
    let Some(text) = object.text(name)? else { return Ok(None) };
    let refused = || {
        let detail = format!("Field '{name}' must be a time with its offset (e.g., 2026-11-23T20:00:00Z)");
        ApiError::invalid(detail)
    };
    times::read(&text).map(Some).map_err(|()| refused())
}

fn sentence(bad: BadValidity) -> String {
    match bad {
        BadValidity::TooFarAhead => "Field 'send_at' may be at most 35 days ahead".to_owned(),
        BadValidity::EndsBeforeItBegins => "Field 'expires_at' must be later than 'send_at'".to_owned(),
        BadValidity::NoSuchLength => {
            format!("Field 'validity_seconds' must be a whole number from 1 to {}", LONGEST.as_secs())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Time = Time::from_millis(1_795_463_573_000);

    fn read(fields: &serde_json::Value, queue: bool) -> Result<Timed, String> {
        let mut object = Object::parse(fields.to_string().as_bytes()).unwrap();
        Timed::read(&mut object, queue, NOW).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn what_is_said_is_read_and_the_same_instant_is_the_same_fact() {
        let timed = read(&json!({"send_at": "2026-11-23T20:00:00Z", "validity_seconds": 60}), true).unwrap();
        let other =
            json!({"send_at": "2026-11-23T21:00:00.000+01:00", "validity_seconds": 60, "expires_at": null});
        assert_eq!(read(&other, true), Ok(timed));
        assert_eq!(timed.validity().expires, Some(Expires::Within(Duration::from_mins(1))));
        let facts: Vec<_> = timed.facts().collect();
        assert_eq!(
            facts.iter().map(|(field, _)| *field).collect::<Vec<_>>(),
            ["send_at", "validity_seconds"]
        );
        assert_eq!(read(&json!({}), false), Ok(Timed::default()));
        assert!(read(&json!({"expires_at": "2026-11-23T20:00:00Z"}), false).is_ok());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let bad = [
            (json!({"send_at": "tomorrow"}), true, "'send_at' must be a time"),
            (json!({"send_at": "2026-11-23T20:00:00"}), true, "'send_at' must be a time"),
            (json!({"send_at": 1_795_463_573}), true, "'send_at' must be a string"),
            (json!({"send_at": "2027-01-23T20:00:00Z"}), true, "35 days"),
            (json!({"send_at": "2026-11-23T20:00:00Z"}), false, "'queue' false"),
            (json!({"expires_at": "2026-11-23T20:00:00Z", "validity_seconds": 1}), true, "Only one"),
            (
                json!({"send_at": "2026-11-23T20:00:00Z", "expires_at": "2026-11-23T20:00:00Z"}),
                true,
                "later than",
            ),
            (json!({"validity_seconds": 0}), true, "1 to 3024000"),
            (json!({"validity_seconds": 3_024_001}), true, "1 to 3024000"),
            (json!({"validity_seconds": 1.5}), true, "whole number"),
            (json!({"validity_seconds": -1}), true, "whole number"),
            (json!({"validity_seconds": "60"}), true, "whole number"),
        ];
        for (fields, queue, why) in bad {
            let refused = read(&fields, queue).unwrap_err();
            assert!(refused.contains(why), "{fields}: {refused}");
        }
    }
}
