//! Keys of rows as the changes in memory are ordered by them.

use std::cmp::Ordering;

use smallvec::SmallVec;

/// Words of a key that are compared as numbers; most keys are no longer.
const WORDS: usize = 4;

/// The same in bytes.
const HEAD: usize = 8 * WORDS;

/// A key that sorts as its bytes do. A search in the changes is mostly comparisons, and numbers compare
/// faster than strings of bytes.
///
/// Of two keys with the same words, filled up with zeros, the longer one is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SortKey {
    words: [u64; WORDS],
    /// What is behind those.
    rest: Box<[u8]>,
    /// Bytes of the whole.
    length: usize,
}

impl SortKey {
    pub(super) fn new(key: &[u8]) -> Self {
        let (head, rest) = key.split_at_checked(HEAD).unwrap_or((key, &[]));
        let mut filled = [0; HEAD];
        if let Some(filled) = filled.get_mut(..head.len()) {
            filled.copy_from_slice(head);
        }
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(filled.as_chunks().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        Self { words, rest: rest.into(), length: key.len() }
    }

    /// The key itself.
    pub(super) fn bytes(&self) -> SmallVec<[u8; 48]> {
        let mut head = [0; HEAD];
        for (bytes, word) in head.as_chunks_mut().0.iter_mut().zip(self.words) {
            *bytes = word.to_be_bytes();
        }
        let mut bytes = SmallVec::from_slice(head.get(..self.length).unwrap_or(&head));
        bytes.extend_from_slice(&self.rest);
        bytes
    }

    /// Its first byte: the kind of row.
    pub(super) const fn kind(&self) -> usize {
        let [first, ..] = self.words;
        (first >> 56) as usize
    }

    pub(super) const fn len(&self) -> usize {
        self.length
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let words = self.words.cmp(&other.words);
        if words != Ordering::Equal {
            return words;
        }
        // Of keys of the usual length, which are found again and again, no bytes are looked at.
        if self.rest.is_empty() && other.rest.is_empty() {
            return self.length.cmp(&other.length);
        }
        self.rest.cmp(&other.rest).then(self.length.cmp(&other.length))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few different bytes, so that keys share their beginnings, and lengths around the words'.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        let bytes = prop::sample::select(vec![0, 0, 0, 1, 0xff]);
        prop_oneof![prop::collection::vec(bytes.clone(), 0..4), prop::collection::vec(bytes, 30..36)]
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_bytes_do(one in key(), other in key(), zeros in 0..3_usize) {
            let longer = [one.clone(), vec![0; zeros]].concat();
            for (one, other) in [(&one, &other), (&one, &longer), (&longer, &other)] {
                prop_assert_eq!(SortKey::new(one).cmp(&SortKey::new(other)), one.cmp(other));
            }
        }

        #[test]
        fn keys_keep_their_bytes(key in key()) {
            let sort_key = SortKey::new(&key);
            prop_assert_eq!(sort_key.len(), key.len());
            prop_assert_eq!(sort_key.bytes().to_vec(), key);
        }
    }
}
