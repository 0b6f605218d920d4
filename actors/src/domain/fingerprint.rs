//! The fingerprint of a send request: what "the same request" means to idempotency (API.md §2).

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::message::Lane;
use super::phone::E164;

/// SHA-256 over a whole request, every field with its length, so that no two requests meet.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a request. The idempotency key itself is not part of it.
    pub fn of(from: E164, to: E164, text: &str, media: &[String], queued: bool) -> Self {
        Self::of_lane(from, to, text, media, queued, Lane::Normal)
    }

    /// The same, of a request that names its lane. Without a word for it that is the normal one.
    pub fn of_lane(from: E164, to: E164, text: &str, media: &[String], queued: bool, lane: Lane) -> Self {
        let mut hash = Sha256::new();
        hash.update(from.as_u64().to_be_bytes());
        hash.update(to.as_u64().to_be_bytes());
        hash.update([u8::from(queued)]);
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        field(text.as_bytes());
        for url in media {
            field(url.as_bytes());
        }
        match lane {
            // As it was before there were others.
            Lane::Normal => {}
            // No field is as long as this says.
            Lane::Urgent => hash.update([0xff; 8]),
            Lane::Bulk => hash.update([0xfe; 8]),
        }
        Self(hash.finalize().into())
    }

    /// The fingerprint of a request that has one field more. What is absent is not added, so requests of
    /// before the field was there keep theirs. In a fixed order: the order counts.
    #[must_use]
    pub fn with(self, field: &str, value: &str) -> Self {
        let mut hash = Sha256::new();
        // No number of `of` begins so: nothing that is made there is made here.
        hash.update(u64::MAX.to_be_bytes());
        hash.update(self.0);
        for part in [field, value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }

    /// Back from [`Fingerprint::as_bytes`].
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as the store keeps them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [head @ .., _, _, _, _] = &self.0;
        let short = head.iter().take(4).fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        write!(f, "{short:08x}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_counts() {
        let from: E164 = "+1234567890".parse().unwrap();
        let to: E164 = "+1555123456".parse().unwrap();
        let media = vec!["https://a/b".to_owned()];
        let base = Fingerprint::of(from, to, "hi", &media, true);
        assert_eq!(base, Fingerprint::of(from, to, "hi", &media, true));
        let others = [
            Fingerprint::of(to, from, "hi", &media, true),
            Fingerprint::of(from, to, "hi!", &media, true),
            Fingerprint::of(from, to, "hi", &[], true),
            Fingerprint::of(from, to, "hi", &media, false),
            Fingerprint::of(from, to, "hihttps://a/b", &[], true),
            base.with("client_reference", "a"),
            base.with("client_reference", "b"),
            base.with("metadata", "a"),
            base.with("client_reference", "a").with("metadata", "a"),
            Fingerprint::of_lane(from, to, "hi", &media, true, Lane::Urgent),
            Fingerprint::of_lane(from, to, "hi", &media, true, Lane::Bulk),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(base, *other);
            assert!(!others[index + 1..].contains(other), "{index}");
        }
    }
}
