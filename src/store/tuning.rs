//! The stored form of what was set of a sender by hand: its generation in seven bytes, which scripts
//! compare, a version byte, then postcard of the record. Small and rare, so the whole of it is replaced.
//!
//! Version 2 has the places in flight. A record without them is written as version 1, so that a process of before
//! reads it.

use sendyard_actors::domain::lanes::Weights;
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::tuning::{Pause, Tuning};
use sendyard_actors::ports::StoreError;
use serde::{Deserialize, Serialize};

/// The version of a record with places.
const WITH_PLACES: u8 = 2;

/// The version of one without.
const WITHOUT_PLACES: u8 = 1;

/// What version 1 has.
#[derive(Serialize, Deserialize)]
struct First {
    generation: u64,
    limits: Option<Vec<String>>,
    weights: Option<Weights>,
    pause: Option<Pause>,
    noted_since: Option<Time>,
}

/// The bytes of a record.
pub(super) fn encode(tuning: &Tuning) -> Result<Vec<u8>, StoreError> {
    let [_, generation @ ..] = tuning.generation.to_be_bytes();
    let Tuning { generation: number, limits, weights, pause, noted_since, places } = tuning.clone();
    let first = First { generation: number, limits, weights, pause, noted_since };
    let start = generation.to_vec();
    let encoded = match places {
        Some(places) => postcard::to_extend(&(WITH_PLACES, first, places), start),
        None => postcard::to_extend(&(WITHOUT_PLACES, first), start),
    };
    encoded.map_err(|error| StoreError::Corrupt(format!("a sender's tuning cannot be encoded: {error}")))
}

/// Back from the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Tuning, StoreError> {
    let corrupt = |error| StoreError::Corrupt(format!("a sender's tuning cannot be decoded: {error}"));
    let (first, places) = match bytes.get(7..).and_then(<[u8]>::split_first) {
        Some((&WITHOUT_PLACES, body)) => (postcard::from_bytes(body).map_err(corrupt)?, None),
        Some((&WITH_PLACES, body)) => {
            let (first, places): (First, u16) = postcard::from_bytes(body).map_err(corrupt)?;
            (first, Some(places))
        }
        Some(_) | None => {
            return Err(StoreError::Corrupt("a sender's tuning has an unknown version".to_owned()));
        }
    };
    let First { generation, limits, weights, pause, noted_since } = first;
    Ok(Tuning { generation, limits, weights, pause, noted_since, places })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 1 stores it. It must be readable for ever: never change these bytes.
    const VERSION_1: &str = "000000000000070107010203352f730c323030302f646179405554430108030101\
        80897a0180c2d72f01c0843d";

    /// As version 2 stores it, likewise.
    const VERSION_2: &str = "000000000000070207010203352f730c323030302f646179405554430108030101\
        80897a0180c2d72f01c0843d28";

    fn tuning() -> Tuning {
        Tuning {
            generation: 7,
            limits: Some(vec!["5/s".to_owned(), "2000/day@UTC".to_owned()]),
            weights: Some(Weights::default()),
            pause: Some(Pause { since: Time::from_millis(2), until: Some(Time::from_millis(100)) }),
            noted_since: Some(Time::from_millis(1)),
            places: None,
        }
    }

    #[test]
    fn each_version_has_its_golden_record_and_is_read_for_ever() {
        assert_eq!(hex::encode(encode(&tuning()).unwrap()), VERSION_1);
        assert_eq!(decode(&hex::decode(VERSION_1).unwrap()).unwrap(), tuning());
        let with_places = Tuning { places: Some(40), ..tuning() };
        assert_eq!(hex::encode(encode(&with_places).unwrap()), VERSION_2);
        assert_eq!(decode(&hex::decode(VERSION_2).unwrap()).unwrap(), with_places);
        assert_eq!(decode(&encode(&Tuning::default()).unwrap()).unwrap(), Tuning::default());
    }

    #[test]
    fn a_record_that_cannot_be_read_is_said_to_be() {
        for bytes in [&[][..], &[0; 7], &[9; 8], &[0, 0, 0, 0, 0, 0, 1, 1]] {
            assert!(matches!(decode(bytes), Err(StoreError::Corrupt(_))));
        }
    }
}
