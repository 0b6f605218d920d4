//! The keys of the Redis store: what each is, of which type, with what value, and who writes it.
//!
//! Two kinds of hash tag, and no step touches two: `{s<n>}` for everything of a sender's shard (`n` is its
//! number, 0 to 255), `{k<n>}` for idempotency keys (`n` is the first byte of the key's digest). So one
//! script does one step whole, also on a cluster. (On a single server one call may make several steps:
//! `gather.rs`.) Behind the tag comes one letter for the kind of key, then binary fields of fixed width, as
//! each byte is paid a million times: a message id is 16 bytes, a phone number 7 (its digits as a big-endian
//! number), a lane one digit.
//!
//! No key has a time to live: what is kept ends by `prune`, so the clock of the store alone decides.
//! Instants are microseconds since the epoch.
//!
//! **Time on several servers.** A step goes by the clock of the server that has its tag: on a Cluster each
//! master has its own, and after a failover a shard goes by its new master's. The engine goes by one, that
//! of the master of the store's mark, learnt at the start. A lease, an attempt and an idempotency key live
//! at one master and are measured there by durations, so they agree with themselves whatever the others
//! show. Where the engine's instants meet a master's, clocks that are apart by `d` cost this: the last
//! moment to write a request comes earlier or later by `d`, and what was not told when it was written is
//! charged to the pace so much off. The engine's margin, which is for such things, covers all of it while
//! `d` is below it: order, one in flight, and the pace hold. Beyond it the pace of what became unknown may
//! be off by the rest; from `begin_by` on nothing of a master that is behind is begun any more, and what a
//! master gets that is ahead comes too late to be stored. Once, Truthful cancel and Idempotent do not go by
//! time: the fences and numbers of the records decide. So `check` refuses a Cluster whose masters' clocks
//! are apart by more than half the margin's default.
//!
//! **A slot that is moved** key by key (`CLUSTER SETSLOT`) cannot have its steps done, as some keys would be
//! taken for none. Every step first asks for `-`, a key that never is, which the server refuses just then;
//! so nothing is begun, and the step is refused until all of the slot is there. For the same reason no `ASK`
//! is followed. `MOVED` is: it says that all of it is there.
//!
//! Of a shard, `{s<n>}` …
//!
//! | key | type | value | written by |
//! |---|---|---|---|
//! | `m` id | string | the message's record, see `record.rs` | every step on a message; `prune` removes it |
//! | `q` lane sender | sorted set | what waits: score `seq`, member msgpack of id, recipient, segments, due, attempt, elsewhere, with media: a page of it is a page of `Waiting` | `store` in `message.lua` |
//! | `c` lane sender recipient | sorted set | what holds back what follows it in its conversation: score `seq`, member id | the same |
//! | `o` | hash | id → msgpack of an `Unsettled` (less its id): what the sweeper must see; one of before there were offers ends before `not_after` | the same |
//! | `a` | sorted set | what the clock brings: score the instant of `Message::timer`, member `seq` (6 bytes) and id | the same; `append_timed` |
//! | `d` | sorted set | organization (4 bytes, big-endian) and id, score 0: what is of unknown outcome | the same |
//! | `f` | list | msgpack of id and instant, in the order of finishing. An entry is outdated when its message changed since; then there is a later one | the same; `prune` from the front |
//! | `r` | sorted set | organization (4 bytes), the first 16 bytes of SHA-256 over a `client_reference`, and id, score 0: the messages that a client calls so. Of messages that were stored before there was such a set there is none | `append`, `store` in `message.lua`; `prune` removes it |
//! | `w` | hash | sender → how many messages wait there; none, no field | the same |
//! | `s` sender | hash | `n`: the next `seq`; `u`: what the waiting ones cost of the pace; `l`: how many wait for their time. Never removed: `seq` must not start again | the same; `append`, `append_sending`, `forward_immediate` |
//! | `t` organization | hash | provider × 2 + shown (queued 0, sending 1) → how many are shown so now | the same |
//! | `h` organization | hash | minute × 4 + provider → msgpack of sent, failed, milliseconds from acceptance to sent; the last hour | the same |
//! | `p` sender | sorted set | hand-overs that count in the pace: score instant, member `seq` (6 bytes), attempt (2), a byte where it is no text message's (0 the rest of an earlier one, 1 with media, 2 the rest of such a one), segments (4) | `settle`, `mark_unknown`; `settle` removes what is outdated |
//! | `b` sender | hash | quarter of an hour → msgpack of the last instant, segments and messages of the outdated ones that were in it, and the same of those with media | `settle` |
//! | `x` | hash | sender → what was set of it by hand (`store/tuning.rs`); `g`: how often anything was set | `tune` |
//! | `l` | hash | `f` fence, `h` holder (16 bytes), `u` the lease's end. Never removed: its fence must grow | `acquire_lease`, `renew_lease`, `release_lease` |
//!
//! Of a slot of idempotency keys, `{k<n>}` …
//!
//! | key | type | value | written by |
//! |---|---|---|---|
//! | `i` digest | string | version, joined, id, token, fingerprint, expiry (7 bytes): 73 bytes. The digest is the first 16 bytes of SHA-256 over organization and key | `reserve_key`, `release_key`; `prune` removes it |
//! | `e` | list | digest and expiry (7 bytes), in the order of binding. An entry is outdated when its key was freed or bound anew | `reserve_key`; `prune` from the front |
//!
//! Of the processes that are there, with the tag `{members}`, so that it is apart from all others: one hash,
//! incarnation (16 bytes) → msgpack of the instant at which it is over and of the shards that it has (32 bytes,
//! a bit for each). Written by `announce`, which removes what is over, and `depart`.
//!
//! What was applied of the directory, with the tag `{directory}`: one string, as in `store/applied.rs`, written by
//! `apply_directory`.
//!
//! And one without a tag: `sendyard`, a hash of `format` and `shards`, written by the first who finds
//! none and checked at each start.
//!
//! Beside the keys there are channels, on which nothing is stored: `sendyard:<database>:s<n>` is heard by the
//! process that works with the shard, `sendyard:<database>:p<incarnation>` by that process (`peers/notes.rs`).

use sendyard_actors::domain::ids::{MessageId, OrganizationId, ProviderKind, Shard};
use sendyard_actors::domain::message::{Conversation, Lane};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::ports::ScopedKey;
use sha2::{Digest, Sha256};

use super::record;

/// The format that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The store's own mark.
pub(super) const MARK: &str = "sendyard";

/// Slots of idempotency keys.
pub(super) fn slots() -> impl Iterator<Item = u8> {
    0..=u8::MAX
}

pub(super) fn message(id: MessageId) -> Vec<u8> {
    of_shard(id.shard(), b'm', &[id.as_bytes()])
}

pub(super) fn queue(sender: E164, lane: Lane) -> Vec<u8> {
    of_shard(Shard::of(sender), b'q', &[&[lane_digit(lane)], &number(sender)])
}

pub(super) fn conversation(of: Conversation) -> Vec<u8> {
    let Conversation { sender, recipient, lane } = of;
    of_shard(Shard::of(sender), b'c', &[&[lane_digit(lane)], &number(sender), &number(recipient)])
}

pub(super) fn unsettled(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'o', &[])
}

pub(super) fn timers(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'a', &[])
}

/// A member of [`timers`].
pub(super) fn timer(seq: u64, id: MessageId) -> Vec<u8> {
    let [_, _, six @ ..] = seq.to_be_bytes();
    [six.as_slice(), id.as_bytes()].concat()
}

pub(super) fn doubtful(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'd', &[])
}

/// The members of [`doubtful`] of one organization start with this.
pub(super) fn doubtful_prefix(organization: OrganizationId) -> [u8; 4] {
    organization.0.to_be_bytes()
}

pub(super) fn references(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'r', &[])
}

pub(super) fn finished(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'f', &[])
}

pub(super) fn waiting(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'w', &[])
}

/// How many messages are shown so now, by [`standing_queued`] and its like.
pub(super) fn standing(shard: Shard, organization: OrganizationId) -> Vec<u8> {
    of_shard(shard, b't', &[organization.0.to_string().as_bytes()])
}

/// The field of those that are queued.
pub(super) const fn standing_queued(provider: ProviderKind) -> u8 {
    record::provider_code(provider) * 2
}

pub(super) fn minutes(shard: Shard, organization: OrganizationId) -> Vec<u8> {
    of_shard(shard, b'h', &[organization.0.to_string().as_bytes()])
}

/// The next `seq`, and the units that wait.
pub(super) fn counts(sender: E164) -> Vec<u8> {
    of_shard(Shard::of(sender), b's', &[&number(sender)])
}

pub(super) fn charges(sender: E164) -> Vec<u8> {
    of_shard(Shard::of(sender), b'p', &[&number(sender)])
}

pub(super) fn charge_sums(sender: E164) -> Vec<u8> {
    of_shard(Shard::of(sender), b'b', &[&number(sender)])
}

/// What was applied of the directory.
pub(super) fn directory() -> Vec<u8> {
    b"{directory}".to_vec()
}

pub(super) fn tunings(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'x', &[])
}

pub(super) fn lease(shard: Shard) -> Vec<u8> {
    of_shard(shard, b'l', &[])
}

pub(super) fn idempotency(key: &ScopedKey) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(key.organization.0.to_be_bytes());
    hash.update(&key.key);
    let digest: [u8; 32] = hash.finalize().into();
    let [slot, ..] = digest;
    let [name, _] = digest.as_chunks::<16>().0 else { return Vec::new() };
    with_tag(&format!("{{k{slot}}}"), b'i', &[name])
}

pub(super) fn expiries(slot: u8) -> Vec<u8> {
    with_tag(&format!("{{k{slot}}}"), b'e', &[])
}

/// Who is there.
pub(super) fn members() -> Vec<u8> {
    with_tag("{members}", b'p', &[])
}

/// A number's seven bytes: 15 digits are less than 2^50.
pub(super) fn number(number: E164) -> [u8; 7] {
    let [_, seven @ ..] = number.as_u64().to_be_bytes();
    seven
}

/// Back from [`number`].
pub(super) fn number_of(bytes: &[u8]) -> Option<E164> {
    let seven: &[u8; 7] = bytes.try_into().ok()?;
    E164::from_u64(seven.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

/// A lane's number, in records; in keys it is one digit.
pub(super) const fn lane_number(lane: Lane) -> u8 {
    match lane {
        Lane::Urgent => 0,
        Lane::Normal => 1,
        Lane::Bulk => 2,
    }
}

const fn lane_digit(lane: Lane) -> u8 {
    b'0' + lane_number(lane)
}

fn of_shard(shard: Shard, kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    with_tag(&format!("{{s{}}}", shard.as_u16()), kind, fields)
}

fn with_tag(tag: &str, kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(40);
    key.extend_from_slice(tag.as_bytes());
    key.push(kind);
    for field in fields {
        key.extend_from_slice(field);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_survives_its_seven_bytes() {
        for text in ["+10", "+1234567890", "+999999999999999"] {
            let whole: E164 = text.parse().unwrap();
            assert_eq!(number_of(&number(whole)), Some(whole));
        }
        assert_eq!(number_of(&[0; 7]), None);
        assert_eq!(number_of(&[1; 8]), None);
    }

    #[test]
    fn the_place_of_an_idempotency_key_is_part_of_the_format() {
        let key = ScopedKey { organization: OrganizationId(7), key: "order-1".to_owned() };
        let place = idempotency(&key);
        let (tag, digest) = place.split_at(place.len() - 16);
        let [slot, ..] = digest else { panic!() };
        assert_eq!(tag, format!("{{k{slot}}}i").as_bytes());
        let theirs = ScopedKey { organization: OrganizationId(8), ..key };
        assert_ne!(idempotency(&theirs), place);
    }
}
