//! A set of shards: one bit for each.

use super::ids::{SHARDS, Shard};

/// Bits of a word.
const WORD: u16 = 64;

/// Which of the store's shards. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShardSet {
    words: [u64; (SHARDS / WORD) as usize],
}

impl ShardSet {
    /// None.
    pub const NONE: Self = Self { words: [0; (SHARDS / WORD) as usize] };

    /// All of them.
    pub const ALL: Self = Self { words: [u64::MAX; (SHARDS / WORD) as usize] };

    /// Is it one of them?
    pub fn contains(self, shard: Shard) -> bool {
        let (word, bit) = place(shard);
        self.words.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Takes it in.
    pub fn insert(&mut self, shard: Shard) {
        let (word, bit) = place(shard);
        if let Some(bits) = self.words.get_mut(word) {
            *bits |= bit;
        }
    }

    /// Takes it out.
    pub fn remove(&mut self, shard: Shard) {
        let (word, bit) = place(shard);
        if let Some(bits) = self.words.get_mut(word) {
            *bits &= !bit;
        }
    }

    /// How many they are.
    pub fn len(self) -> usize {
        let ones = self.words.iter().map(|bits| bits.count_ones());
        usize::try_from(ones.sum::<u32>()).unwrap_or(usize::MAX)
    }

    /// Is it none?
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Each of them, from the lowest up.
    pub fn iter(self) -> impl Iterator<Item = Shard> {
        Shard::all().filter(move |shard| self.contains(*shard))
    }

    /// Those of either.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        let mut all = self;
        for (bits, more) in all.words.iter_mut().zip(others.words) {
            *bits |= more;
        }
        all
    }

    /// Those that are not of the others.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        let mut rest = self;
        for (bits, fewer) in rest.words.iter_mut().zip(others.words) {
            *bits &= !fewer;
        }
        rest
    }

    /// As bytes, to be told to others.
    pub fn to_bytes(self) -> Vec<u8> {
        self.words.iter().flat_map(|bits| bits.to_be_bytes()).collect()
    }

    /// Back from [`ShardSet::to_bytes`]; `None` for bytes of another form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_be_bytes(*word)).collect();
        rest.is_empty().then_some(Self { words: words.try_into().ok()? })
    }
}

impl FromIterator<Shard> for ShardSet {
    fn from_iter<I: IntoIterator<Item = Shard>>(shards: I) -> Self {
        let mut set = Self::NONE;
        for shard in shards {
            set.insert(shard);
        }
        set
    }
}

fn place(shard: Shard) -> (usize, u64) {
    let number = shard.as_u16();
    (usize::from(number / WORD), 1 << (number % WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_there_until_it_is_taken_out() {
        let mut set = ShardSet::NONE;
        for (place, shard) in Shard::all().enumerate() {
            assert!(!set.contains(shard));
            set.insert(shard);
            assert!(set.contains(shard));
            assert_eq!(set.len(), place + 1);
        }
        assert_eq!(set, ShardSet::ALL);
        for shard in Shard::all().step_by(3) {
            set.remove(shard);
        }
        let left: Vec<Shard> = Shard::all().filter(|shard| shard.as_u16() % 3 != 0).collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), left);
        assert_eq!(ShardSet::ALL.without(set).with(set), ShardSet::ALL);
        assert!(set.without(set).is_empty());
    }

    #[test]
    fn a_set_survives_its_bytes() {
        let set: ShardSet = Shard::all().filter(|shard| shard.as_u16() % 7 == 1).collect();
        assert_eq!(ShardSet::from_bytes(&set.to_bytes()), Some(set));
        for other in [&[0; 31][..], &[0; 33], &[0; 40], &[]] {
            assert_eq!(ShardSet::from_bytes(other), None);
        }
    }
}
