//! How many shards a process works with: an even share, by its place among those that live.
//!
//! All go by the same rule over the same list, so they agree without asking each other. Shares differ by
//! at most one and are all shards together; who is there decides, not who came first.

use super::ids::{Incarnation, SHARDS, Shard};
use super::shard_set::ShardSet;

/// The share of `me` among `members`, in shards; 0 if it is not one of them.
pub fn share_of(me: Incarnation, members: &[Incarnation]) -> usize {
    let Some(place) = place_of(me, members) else { return 0 };
    let (all, count) = (usize::from(SHARDS), members.len());
    all / count + usize::from(place < all % count)
}

/// At most `count` of these shards, for `me` to ask for: each member begins at another, so that several
/// that want some do not all ask for the same.
pub fn to_ask_for(me: Incarnation, members: &[Incarnation], free: ShardSet, count: usize) -> Vec<Shard> {
    let Some(place) = place_of(me, members) else { return Vec::new() };
    let first = usize::from(SHARDS) * place / members.len();
    let from_first = Shard::all().skip(first).chain(Shard::all().take(first));
    from_first.filter(|shard| free.contains(*shard)).take(count).collect()
}

/// Which `count` of its shards a process gives up: of those with work its part, so that work is shared out
/// and not only shards.
pub fn to_give_up(mine: ShardSet, busy: ShardSet, count: usize) -> Vec<Shard> {
    let (with_work, idle): (Vec<Shard>, Vec<Shard>) = mine.iter().partition(|shard| busy.contains(*shard));
    let part = (with_work.len() * count).div_euclid(mine.len().max(1));
    let given = with_work.iter().rev().take(part).chain(idle.iter().rev()).chain(with_work.iter());
    let given: ShardSet = given.take(count).copied().collect();
    given.iter().collect()
}

fn place_of(me: Incarnation, members: &[Incarnation]) -> Option<usize> {
    members.contains(&me).then(|| members.iter().filter(|other| other.0 < me.0).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(count: u128) -> Vec<Incarnation> {
        // In no order.
        (0..count).map(|index| Incarnation(index.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1009)).collect()
    }

    #[test]
    fn shares_are_even_and_all_shards_together() {
        for count in 1..=300 {
            let members = members(count);
            let shares: Vec<usize> = members.iter().map(|me| share_of(*me, &members)).collect();
            assert_eq!(shares.iter().sum::<usize>(), usize::from(SHARDS), "{count}");
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{count}");
        }
        assert_eq!(share_of(Incarnation(2000), &members(3)), 0);
    }

    #[test]
    fn what_is_given_up_is_so_much_and_has_its_part_of_the_work() {
        let all = ShardSet::ALL;
        for (busy, count, with_work) in
            [(0, 128, 0), (1, 128, 0), (2, 128, 1), (20, 128, 10), (256, 85, 85), (250, 3, 2)]
        {
            let busy: ShardSet = Shard::all().take(busy).collect();
            let given = to_give_up(all, busy, count);
            assert_eq!(given.len(), count);
            assert_eq!(given.iter().filter(|shard| busy.contains(**shard)).count(), with_work);
        }
        let mine: ShardSet = Shard::all().take(3).collect();
        assert_eq!(to_give_up(mine, mine, 3).len(), 3);
        assert_eq!(to_give_up(mine, ShardSet::NONE, 3).len(), 3);
    }

    #[test]
    fn each_begins_to_ask_at_another_place_and_asks_for_what_is_free() {
        let members = members(4);
        let mut asked = ShardSet::NONE;
        for me in &members {
            let shards = to_ask_for(*me, &members, ShardSet::ALL, 64);
            assert_eq!(shards.len(), 64);
            assert!(shards.iter().all(|shard| !asked.contains(*shard)));
            asked = asked.with(shards.into_iter().collect());
        }
        assert_eq!(asked, ShardSet::ALL);
        let free: ShardSet = Shard::all().take(3).collect();
        assert_eq!(to_ask_for(members[0], &members, free, 64).len(), 3);
    }
}
