//! Times as the API writes them: RFC 3339 in UTC with `Z`, to the microsecond.

use std::fmt;

use jiff::Timestamp;
use sendyard_actors::domain::time::Time;
use serde::{Serialize, Serializer};

/// A time that serialises as the API writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rfc3339(pub(super) Time);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No instant up to the year 2554 is out of its range.
        let time = Timestamp::from_nanosecond(i128::from(self.0.as_nanos())).map_err(|_| fmt::Error)?;
        write!(f, "{time:.6}")
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// A time as clients write it: RFC 3339, in any offset.
pub(super) fn read(text: &str) -> Result<Time, ()> {
    let time: Timestamp = text.parse().map_err(drop)?;
    u64::try_from(time.as_nanosecond()).map(Time::from_nanos).map_err(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_an_offset_counts() {
        let time = Time::from_nanos(1_795_463_573_123_456_000);
        for text in ["2026-11-23T19:52:53.123456Z", "2026-11-23T20:52:53.123456+01:00"] {
            assert_eq!(read(text), Ok(time));
        }
        for bad in ["", "2026-11-23", "2026-11-23T19:52:53", "1969-12-31T23:59:59Z", "1795463573"] {
            assert_eq!(read(bad), Err(()), "{bad}");
        }
    }

    #[test]
    fn times_are_utc_to_the_microsecond_and_none_is_out_of_range() {
        let cases = [
            (Time::ZERO, "1970-01-01T00:00:00.000000Z"),
            (Time::from_nanos(1_795_463_573_123_456_789), "2026-11-23T19:52:53.123456Z"),
            (Time::MAX, "2554-07-21T23:34:33.709551Z"),
        ];
        for (time, expected) in cases {
            assert_eq!(serde_json::to_value(Rfc3339(time)).unwrap(), expected);
        }
    }
}
