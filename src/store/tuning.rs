//! The stored form of what was set of a sender by hand: its generation in seven bytes, which scripts
//! compare, a version byte, then postcard of the record. Small and rare, so the whole of it is replaced.

use sendyard_actors::domain::tuning::Tuning;
use sendyard_actors::ports::StoreError;

/// The version that is written.
const VERSION: u8 = 1;

/// The bytes of a record.
pub(super) fn encode(tuning: &Tuning) -> Result<Vec<u8>, StoreError> {
    let [_, generation @ ..] = tuning.generation.to_be_bytes();
    postcard::to_extend(&(VERSION, tuning), generation.to_vec())
        .map_err(|error| StoreError::Corrupt(format!("a sender's tuning cannot be encoded: {error}")))
}

/// Back from the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Tuning, StoreError> {
    let Some((&VERSION, body)) = bytes.get(7..).and_then(<[u8]>::split_first) else {
        return Err(StoreError::Corrupt("a sender's tuning has an unknown version".to_owned()));
    };
    postcard::from_bytes(body)
        .map_err(|error| StoreError::Corrupt(format!("a sender's tuning cannot be decoded: {error}")))
}

#[cfg(test)]
mod tests {
    use sendyard_actors::domain::lanes::Weights;
    use sendyard_actors::domain::time::Time;
    use sendyard_actors::domain::tuning::Pause;

    use super::*;

    /// As version 1 stores it. It must be readable for ever: never change these bytes.
    const VERSION_1: &str = "000000000000070107010203352f730c323030302f646179405554430108030101\
        80897a0180c2d72f01c0843d";

    fn tuning() -> Tuning {
        Tuning {
            generation: 7,
            limits: Some(vec!["5/s".to_owned(), "2000/day@UTC".to_owned()]),
            weights: Some(Weights::default()),
            pause: Some(Pause { since: Time::from_millis(2), until: Some(Time::from_millis(100)) }),
            noted_since: Some(Time::from_millis(1)),
        }
    }

    #[test]
    fn the_version_that_is_written_has_its_golden_record_and_it_is_read_for_ever() {
        assert_eq!(hex::encode(encode(&tuning()).unwrap()), VERSION_1);
        assert_eq!(decode(&hex::decode(VERSION_1).unwrap()).unwrap(), tuning());
        assert_eq!(decode(&encode(&Tuning::default()).unwrap()).unwrap(), Tuning::default());
    }

    #[test]
    fn a_record_that_cannot_be_read_is_said_to_be() {
        for bytes in [&[][..], &[0; 7], &[9; 8], &[0, 0, 0, 0, 0, 0, 1, 1]] {
            assert!(matches!(decode(bytes), Err(StoreError::Corrupt(_))));
        }
    }
}
