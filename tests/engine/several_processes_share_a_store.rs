//! Several engines on one store, each with its share of the shards.

pub(super) mod account_limits_hold_over_all_processes;
mod each_limit_counts_what_it_says;
mod estimates_know_the_other_process;
mod immediate_messages_go_through_the_owner;
mod messages_move_with_their_shards;
mod organization_limits_hold_over_all_processes;
mod senders_are_tuned_from_anywhere;
mod shares_are_even;
mod who_hangs_is_replaced;

use std::collections::HashMap;
use std::time::Duration;

use sendyard_actors::domain::ids::Shard;
use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::engine::{Engine, NotSent, RunningEngine, SendRequest, Sent};

use super::yard::{Builder, FROM, Line, Yard, number};

const LEASE: Duration = Duration::from_secs(3);
const SECOND: Duration = Duration::from_secs(1);

/// A moment in which everything on its way gets there.
const MOMENT: Duration = Duration::from_millis(1);

async fn yard(script: Vec<Line>) -> Yard {
    yard_of(Builder { script, ..Builder::default() }).await
}

async fn yard_of(builder: Builder) -> Yard {
    let more_numbers = (0..64).map(|index| format!("+1202555{index:04}")).collect();
    Builder { shared: true, more_numbers, ..builder }.start().await
}

/// A number that this engine sends from.
fn number_of(engine: &Engine) -> String {
    let all = (0..64).map(|index| format!("+1202555{index:04}"));
    let owned = engine.shards();
    all.into_iter().find(|one| owned.contains(Shard::of(number(one)))).expect("it has some of 64 numbers")
}

fn request(from: &str, to: &str, text: &str, kind: Kind) -> SendRequest {
    SendRequest { from: number(from), ..Yard::request(to, text, kind) }
}

async fn queue(engine: &Engine, from: &str, to: &str, text: &str) -> Sent {
    engine.send(request(from, to, text, Kind::Queued)).await.expect("accepted")
}

/// Lets time pass until each of them has its even share, at most so long; how long that took.
async fn shared_out(engines: &[&Engine], within: Duration) -> Duration {
    let began = tokio::time::Instant::now();
    loop {
        let sets: Vec<ShardSet> = engines.iter().map(|engine| engine.shards()).collect();
        let all = sets.iter().fold(ShardSet::NONE, |all, set| all.with(*set));
        let sum: usize = sets.iter().map(|set| set.len()).sum();
        let (least, most) = (256 / engines.len(), 256_usize.div_ceil(engines.len()));
        if all == ShardSet::ALL && sum == 256 && sets.iter().all(|set| (least..=most).contains(&set.len())) {
            return began.elapsed();
        }
        let sizes: Vec<usize> = sets.iter().map(|set| set.len()).collect();
        assert!(sum <= 256, "two have the same: {sizes:?}");
        assert!(began.elapsed() < within, "{sizes:?} after {within:?}");
        tokio::time::sleep(MOMENT).await;
    }
}
