//! What the store's two steps of each hand-over cost by themselves: what the engine's figure is compared with.

use std::sync::Arc;
use std::time::Duration;

use sendyard::clock::SystemClock;
use sendyard::store::memory::MemoryStore;
use sendyard_actors::domain::ids::{ClaimId, Incarnation, Shard};
use sendyard_actors::domain::message::Settlement;
use sendyard_actors::domain::pace::Pace;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Claim, Claimed, Clock, Leased, Settle, SettleAnswer, Store};

use crate::{processor, yard};

const LEASE: Duration = Duration::from_hours(1);

/// Claims and settles `each` messages of every sender, one after the other; the processor time of each.
pub(crate) async fn cost_of_a_hand_over(each: usize) -> Duration {
    let clock = SystemClock::start();
    let store = MemoryStore::new(Arc::new(clock));
    hand_over_all(&store, clock, each).await
}

/// The same with a store that the caller keeps.
pub(crate) async fn hand_over_all(store: &MemoryStore, clock: SystemClock, each: usize) -> Duration {
    let messages = yard::fill(store, &yard::senders(yard::SENDERS), each).await;
    let holder = Incarnation(1);
    let mut leases = Vec::new();
    for shard in Shard::all() {
        let leased = store.acquire_lease(shard, holder, LEASE, Duration::ZERO, Duration::ZERO).await.unwrap();
        let Leased::Yours { lease, .. } = leased else { panic!("another has it") };
        leases.push(lease);
    }
    let pace = Pace::new(&[yard::LIMIT.parse().unwrap()], None, [], Time::ZERO);
    let before = processor::time();
    for (counter, (id, sender)) in (1..).zip(&messages) {
        let shard = Shard::of(*sender);
        let lease = *leases.iter().find(|lease| lease.shard == shard).unwrap();
        let claim = Claim {
            id: *id,
            lease,
            expected: 0,
            claim_id: ClaimId { incarnation: holder, counter },
            begin_within: Duration::from_secs(2),
            answer_within: Duration::from_secs(20),
        };
        let Claimed::Yes(message) = store.claim(claim).await.unwrap() else { panic!("not claimed") };
        let now = clock.now();
        let settlement = Settlement::Accepted(yard::acceptance());
        let (attempt, keep) = (message.attempt, pace.keep(now));
        let settle = Settle { id: *id, attempt, settlement, written_at: Some(now), keep };
        let SettleAnswer::Done(_) = store.settle(settle).await.unwrap() else { panic!("not settled") };
    }
    let took = processor::time().saturating_sub(before);
    took / u32::try_from(messages.len()).unwrap()
}
