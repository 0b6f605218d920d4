//! The store on a master that Sentinel names, before and after another has taken its place.

use std::sync::Arc;

use sendyard_actors::domain::message::{Draft, State};
use sendyard_actors::ports::{Appended, SettleAnswer, Store, StoreError};

use super::peers::{Pair, notes_are_heard_before_and_after};
use super::several_servers::{SERVICE, Watched, until};
use super::world::{TestClock, World, Worlds, accepted, append_of, draft, recipient};
use super::{every_case, every_shared_case, run_within};
use crate::store::redis::{NotUsable, RedisStore};

fn world_on(url: &str) -> (World, Arc<RedisStore>) {
    let clock = TestClock::start();
    let store = Arc::new(RedisStore::on_clock(url, Arc::clone(&clock) as _).unwrap());
    (World::over(Arc::clone(&store) as _, clock), store)
}

/// To a conversation of its own.
fn alone(index: u64) -> Draft {
    Draft { recipient: recipient(u32::try_from(index).unwrap()), ..draft(index) }
}

/// Waits until the store goes on, as the journal does.
async fn goes_on(store: &RedisStore) {
    until("the store goes on", async || match store.append(append_of(alone(99))).await {
        Ok(_) => true,
        Err(StoreError::Unanswered | StoreError::Unavailable(_)) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
    // Its reads have a connection of their own.
    until("its reads go on", async || store.depth(draft(99).sender).await.is_ok()).await;
}

async fn sentence_of(store: &RedisStore) -> String {
    match store.check().await {
        Err(NotUsable::Store(StoreError::Unavailable(why))) => why,
        other => panic!("it can be used: {other:?}"),
    }
}

#[test]
fn every_case_holds_behind_sentinel_before_and_after_a_failover() {
    run_within(async {
        let Some(mut servers) = Watched::start().await else { return };
        let clock = TestClock::start();
        let store = Arc::new(RedisStore::on_clock(&servers.url(3), Arc::clone(&clock) as _).unwrap());
        let worlds = Worlds { store: Arc::clone(&store) as _, clock, empty: servers.emptied() };
        every_shared_case(&worlds).await;

        servers.master.kill();
        servers.has_failed_over().await;
        goes_on(&store).await;
        every_case(&worlds).await;
    });
}

#[test]
fn notes_are_heard_behind_sentinel_before_and_after_a_failover() {
    run_within(async {
        let Some(mut servers) = Watched::start().await else { return };
        notes_are_heard_before_and_after(Pair::at(servers.url(2)), async || {
            servers.master.kill();
            servers.has_failed_over().await;
        })
        .await;
    });
}

#[test]
fn a_step_is_answered_when_as_many_replicas_have_it_as_are_to() {
    run_within(async {
        let Some(mut servers) = Watched::start().await else { return };
        let store = RedisStore::open(&servers.url(0), 1).unwrap();
        let promise = store.check().await.unwrap();
        assert!(promise.queued_means.ends_with(", and in the memory of a replica"), "{promise:?}");
        assert!(matches!(store.append(append_of(alone(1))).await, Ok(Appended::Stored(_))));

        servers.replica.signal("STOP");
        let alone_at_master = store.append(append_of(alone(2))).await;
        assert!(matches!(alone_at_master, Err(StoreError::Unanswered)), "{alone_at_master:?}");
        servers.replica.signal("CONT");
        until("it is answered when the replica has it", async || {
            matches!(store.append(append_of(alone(2))).await, Ok(Appended::Exists(_)))
        })
        .await;

        servers.replica.kill();
        until("it cannot be used without its replica", async || match store.check().await {
            Err(NotUsable::Replicas { connected: 0, expected: 1 }) => true,
            Ok(_) | Err(NotUsable::Store(StoreError::Unanswered)) => false,
            Err(other) => panic!("{other}"),
        })
        .await;
    });
}

#[test]
fn a_master_that_dies_is_replaced_and_nothing_that_its_replica_had_is_lost() {
    run_within(async {
        let Some(mut servers) = Watched::start().await else { return };
        let (world, store) = world_on(&servers.url(0));
        let promise = store.check().await.unwrap();
        assert!(promise.queued_means.contains("replica that lags"), "{promise:?}");
        let waiting = world.queued(alone(1)).await.draft.id;
        let open = world.sending(alone(2)).await.draft.id;
        servers.master.wait_for_its_replica();

        servers.master.kill();
        let dead = world.store.append(append_of(alone(3))).await;
        assert!(matches!(dead, Err(StoreError::Unanswered | StoreError::Unavailable(_))), "{dead:?}");
        servers.has_failed_over().await;

        goes_on(&store).await;
        assert_eq!(world.state(waiting).await, State::Queued);
        let settle = World::settle_of(open, 1, accepted(), None);
        assert!(matches!(world.store.settle(settle).await, Ok(SettleAnswer::Done(_))));
        world.claimed(waiting).await;
        store.check().await.unwrap();
    });
}

#[test]
fn a_master_that_was_replaced_and_takes_steps_still_is_left() {
    run_within(async {
        let Some(servers) = Watched::start().await else { return };
        let (world, store) = world_on(&servers.url(0));
        let first = world.queued(alone(1)).await.draft.id;
        store.depth(draft(1).sender).await.unwrap();
        servers.master.wait_for_its_replica();
        until("Sentinel may make a master of the replica", async || {
            servers.sentinel.try_ask::<()>(&["SENTINEL", "FAILOVER", SERVICE]).is_ok()
        })
        .await;
        servers.has_failed_over().await;
        servers.master.lock_sentinel_out();

        until("the store has its steps done by the new master", async || {
            goes_on(&store).await;
            let done: String = servers.replica.ask(&["INFO", "commandstats"]);
            done.contains("cmdstat_eval")
        })
        .await;
        world.claimed(first).await;
        assert_eq!(servers.master.ask_secretly::<Vec<redis::Value>>(&["ROLE"]).len(), 3, "a master still");
    });
}

#[test]
fn a_hanging_master_is_left_for_the_one_that_took_its_place() {
    run_within(async {
        let Some(servers) = Watched::start().await else { return };
        let (world, store) = world_on(&servers.url(0));
        let first = world.queued(alone(1)).await.draft.id;
        servers.master.wait_for_its_replica();
        servers.master.signal("STOP");
        servers.has_failed_over().await;
        let asked = world.store.append(append_of(alone(2))).await;
        assert!(matches!(asked, Err(StoreError::Unanswered)), "it hangs, and may do it yet: {asked:?}");
        goes_on(&store).await;
        world.claimed(first).await;
    });
}

#[test]
fn what_keeps_sentinel_from_naming_a_master_is_one_sentence() {
    run_within(async {
        let Some(mut servers) = Watched::start().await else { return };
        let url = servers.url(0);
        let (_, other) = world_on(&url.replace("orders", "invoices"));
        assert_eq!(sentence_of(&other).await, "Sentinel knows no service \"invoices\"");
        let (_, store) = world_on(&url);
        store.check().await.unwrap();

        servers.replica.kill();
        servers.master.kill();
        until("Sentinel has noticed", async || match store.check().await {
            Err(NotUsable::Store(StoreError::Unavailable(why))) => {
                why.starts_with("Sentinel knows of no master of \"orders\" that is up, 127.0.0.1:")
            }
            _ => false,
        })
        .await;
        servers.sentinel.kill();
        until("no Sentinel answers", async || sentence_of(&store).await.starts_with("no Sentinel answers: "))
            .await;
        // The first meets the break of the connection for steps.
        let steps = [store.append(append_of(alone(1))).await, store.append(append_of(alone(1))).await];
        assert!(matches!(steps, [Err(_), Err(StoreError::Unavailable(_))]), "nothing was asked: {steps:?}");
    });
}
