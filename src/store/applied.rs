//! The stored form of the directory that was applied: its generation in seven bytes, which a script compares, a
//! version byte, then postcard of the record.

use sendyard_actors::domain::applied::Applied;
use sendyard_actors::ports::StoreError;

/// The version that is written.
const VERSION: u8 = 1;

/// The bytes that say the generation.
pub(super) const HEAD: usize = 7;

/// The bytes of a record.
pub(super) fn encode(applied: &Applied) -> Result<Vec<u8>, StoreError> {
    let [_, generation @ ..] = applied.generation.to_be_bytes();
    postcard::to_extend(&(VERSION, applied), generation.to_vec())
        .map_err(|error| StoreError::Corrupt(format!("a directory cannot be encoded: {error}")))
}

/// The generation of a record, from its first bytes; 0 where there is none.
pub(super) fn generation(head: &[u8]) -> u64 {
    head.iter().take(HEAD).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Back from the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Applied, StoreError> {
    let Some((&VERSION, body)) = bytes.get(HEAD..).and_then(<[u8]>::split_first) else {
        return Err(StoreError::Corrupt("the applied directory has an unknown version".to_owned()));
    };
    postcard::from_bytes(body)
        .map_err(|error| StoreError::Corrupt(format!("the applied directory cannot be decoded: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 1 stores it. It must be readable for ever: never change these bytes.
    const VERSION_1: &str = "000000000001010181020109236e6f7468696e670a";

    fn applied() -> Applied {
        Applied { generation: 257, text: Some("#nothing\n".to_owned()) }
    }

    #[test]
    fn the_version_that_is_written_has_its_golden_record_and_it_is_read_for_ever() {
        assert_eq!(hex::encode(encode(&applied()).unwrap()), VERSION_1);
        assert_eq!(decode(&hex::decode(VERSION_1).unwrap()).unwrap(), applied());
        let reset = Applied { generation: 258, text: None };
        assert_eq!(decode(&encode(&reset).unwrap()).unwrap(), reset);
    }

    #[test]
    fn its_first_bytes_say_its_generation() {
        assert_eq!(generation(&encode(&applied()).unwrap()), 257);
        assert_eq!(generation(&[]), 0);
    }

    #[test]
    fn a_record_that_cannot_be_read_is_said_to_be() {
        for bytes in [&[][..], &[0; 7], &[9; 8], &[0, 0, 0, 0, 0, 0, 1, 1]] {
            assert!(matches!(decode(bytes), Err(StoreError::Corrupt(_))));
        }
    }
}
