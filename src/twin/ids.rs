//! Message ids in the form of UUIDs, which tell the ledger's number to whoever made them.

use uuid::{Builder, Uuid};

use super::dice;

/// The bits of the lower half that are not the variant's.
const SEQ_BITS: u64 = (1 << 62) - 1;

/// Looks random, and bears `seq` in its lower half. The salt makes one twin's unlike another's.
pub(super) fn uuid(salt: u64, seq: u64) -> Uuid {
    let looks = Uuid::from_u64_pair(dice::mix(salt ^ seq), seq & SEQ_BITS);
    // Sets version and variant.
    Builder::from_random_bytes(looks.into_bytes()).into_uuid()
}

/// The number that an id of [`uuid()`] bears.
pub(super) fn seq_of(id: Uuid) -> u64 {
    id.as_u64_pair().1 & SEQ_BITS
}

#[cfg(test)]
mod tests {
    use uuid::{Variant, Version};

    use super::*;

    #[test]
    fn an_id_is_a_random_uuid_that_bears_its_number() {
        for seq in [0, 1, 77, SEQ_BITS] {
            let id = uuid(5, seq);
            assert_eq!(seq_of(id), seq);
            assert_eq!(id.get_version(), Some(Version::Random));
            assert_eq!(id.get_variant(), Variant::RFC4122);
        }
        assert_ne!(uuid(5, 1), uuid(6, 1));
    }
}
