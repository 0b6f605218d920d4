//! The store on a Redis Cluster of three masters: every case of the suite, and what can happen to a Cluster.

use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::domain::message::{Cancelled, Draft, State};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::ports::{Appended, SettleAnswer, Store, StoreError};

use super::on_redis::place_of;
use super::peers::{Pair, notes_are_heard_before_and_after};
use super::several_servers::{Cluster, Server, until};
use super::world::{
    ORGANIZATION, TestClock, World, Worlds, accepted, append_of, draft_from, number, recipient,
};
use super::{every_case, every_shared_case, run_within};
use crate::store::redis::{NotUsable, RedisStore};

/// The store, as the world of a test, and as itself.
fn world_on(url: &str) -> (World, Arc<RedisStore>) {
    let clock = TestClock::start();
    let store = Arc::new(RedisStore::on_clock(url, Arc::clone(&clock) as _).unwrap());
    (World::over(Arc::clone(&store) as _, clock), store)
}

/// The hash tag of a sender's shard.
fn tag_of(from: E164) -> String {
    format!("{{s{}}}", draft_from(from, 0).id.shard().as_u16())
}

/// A sender whose shard the master at this place has.
fn sender_at(cluster: &Cluster, place: usize) -> E164 {
    let mut senders = (0..1000).map(|index| number(&format!("+1999{index:07}")));
    senders.find(|from| cluster.place_of(&tag_of(*from)) == place).unwrap()
}

/// To a conversation of its own.
fn alone(from: E164, index: u64) -> Draft {
    Draft { recipient: recipient(u32::try_from(index).unwrap()), ..draft_from(from, index) }
}

/// Repeats an append until it is answered, as the journal does.
async fn append_again(store: &dyn Store, draft: &Draft) -> Appended {
    let mut answered = None;
    until("the append is answered", async || match store.append(append_of(draft.clone())).await {
        Ok(answer) => answered.replace(answer).is_none(),
        Err(StoreError::Unanswered | StoreError::Unavailable(_)) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
    answered.unwrap()
}

fn sentence_of<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unavailable(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn every_case_holds_on_a_cluster() {
    run_within(async {
        let Some(cluster) = Cluster::start(0, &[]).await else { return };
        let clock = TestClock::start();
        let store = Arc::new(RedisStore::on_clock(&cluster.url(), Arc::clone(&clock) as _).unwrap());
        let worlds = Worlds { store, clock, empty: Box::new(move || cluster.flush()) };
        every_shared_case(&worlds).await;
        every_case(&worlds).await;
    });
}

#[test]
fn a_master_that_dies_is_replaced_and_nothing_that_its_replica_had_is_lost() {
    run_within(async {
        let Some(mut cluster) = Cluster::start(1, &[]).await else { return };
        let (world, store) = world_on(&cluster.url());
        let promise = store.check().await.unwrap();
        assert!(promise.queued_means.contains("replica that lags"), "{promise:?}");
        let (from, elsewhere) = (sender_at(&cluster, 0), sender_at(&cluster, 1));
        let waiting = world.queued(alone(from, 1)).await.draft.id;
        let open = world.sending(alone(from, 2)).await.draft.id;
        world.queued(alone(elsewhere, 3)).await;
        cluster.servers[0].wait_for_its_replica();

        cluster.servers[0].kill();
        let dead = world.store.append(append_of(alone(from, 4))).await;
        assert!(matches!(dead, Err(StoreError::Unanswered | StoreError::Unavailable(_))), "{dead:?}");
        cluster.has_failed_over(0).await;

        append_again(world.store.as_ref(), &alone(from, 4)).await;
        append_again(world.store.as_ref(), &alone(elsewhere, 5)).await;
        // Its reads have a connection of their own, whose first call meets the break.
        until("its reads go on", async || store.depth(from).await.is_ok()).await;
        assert_eq!(world.state(waiting).await, State::Queued);
        let settle = World::settle_of(open, 1, accepted(), None);
        assert!(matches!(world.store.settle(settle).await, Ok(SettleAnswer::Done(_))));
        assert_eq!(world.store.depth(from).await.unwrap(), 2);
        world.claimed(waiting).await;
    });
}

#[test]
fn a_slot_that_is_moved_refuses_its_steps_until_all_of_it_is_there() {
    run_within(async {
        let Some(cluster) = Cluster::start(0, &[]).await else { return };
        let (world, _) = world_on(&cluster.url());
        let from = sender_at(&cluster, 0);
        let [first, second] = [alone(from, 1), alone(from, 2)];
        let [first, second] = [world.queued(first).await.draft.id, world.queued(second).await.draft.id];
        let move_of_slot = MoveOfSlot::begin(&cluster, &tag_of(from));

        // All that the step reads is there still, and is not taken for the whole.
        let cancel = world.store.cancel(first, ORGANIZATION).await;
        assert!(sentence_of(cancel).contains("is being moved"));
        // What is missing may be there already.
        move_of_slot.take_all_but(&place_of(first));
        let cancel = world.store.cancel(first, ORGANIZATION).await;
        assert!(sentence_of(cancel).contains("is being moved"));
        assert!(sentence_of(world.store.message(second).await).contains("is being moved"));
        let append = world.store.append(append_of(alone(from, 3))).await;
        assert!(sentence_of(append).contains("is being moved"));

        move_of_slot.end();
        let cancel = world.store.cancel(first, ORGANIZATION).await.unwrap();
        assert!(matches!(cancel, Some((Cancelled::Done, _))), "{cancel:?}");
        assert_eq!(world.state(second).await, State::Queued);
        assert!(matches!(world.append(alone(from, 3)).await, Appended::Stored(_)));
        assert_eq!(world.store.depth(from).await.unwrap(), 2);
    });
}

#[test]
fn a_master_that_hangs_leaves_its_steps_unanswered_and_the_others_go_on() {
    run_within(async {
        let Some(cluster) = Cluster::start(0, &["--cluster-require-full-coverage", "no"]).await else {
            return;
        };
        let (world, _) = world_on(&cluster.url());
        let (from, elsewhere) = (sender_at(&cluster, 0), sender_at(&cluster, 1));
        world.queued(alone(from, 1)).await;
        world.queued(alone(elsewhere, 2)).await;

        cluster.servers[0].signal("STOP");
        let hanging = world.store.append(append_of(alone(from, 3)));
        let (hanging, other) = tokio::join!(hanging, world.store.append(append_of(alone(elsewhere, 4))));
        assert!(matches!(hanging, Err(StoreError::Unanswered)), "{hanging:?}");
        assert!(matches!(other, Ok(Appended::Stored(_))), "{other:?}");

        cluster.servers[0].signal("CONT");
        append_again(world.store.as_ref(), &alone(from, 3)).await;
        let waiting = world.store.depth(from).await.unwrap();
        assert_eq!(waiting, 2, "stored once, whether the first of its calls was done or not");
    });
}

#[test]
fn notes_are_heard_on_a_cluster_also_when_the_node_that_was_listened_at_is_gone() {
    run_within(async {
        let Some(mut cluster) = Cluster::start(1, &[]).await else { return };
        // The first that the URL names.
        notes_are_heard_before_and_after(Pair::at(cluster.url()), async || {
            cluster.servers[0].kill_when_its_replica_has_all().await;
            cluster.has_failed_over(0).await;
        })
        .await;
    });
}

#[test]
fn what_is_wrong_with_a_cluster_is_one_sentence() {
    run_within(async {
        let Some(cluster) = Cluster::start(0, &["--cluster-require-full-coverage", "no"]).await else {
            return;
        };
        let (world, store) = world_on(&cluster.url());
        cluster.servers[1].ask::<()>(&["CONFIG", "SET", "appendfsync", "no"]);
        let warnings = store.check().await.unwrap().warnings;
        let at = format!("the Redis server 127.0.0.1:{} may lose answered messages", cluster.servers[1].port);
        assert!(matches!(warnings.as_slice(), [one] if one.starts_with(&at)), "{warnings:?}");

        let from = sender_at(&cluster, 0);
        let one_node = format!("redis://127.0.0.1:{}", cluster.servers[2].port);
        let (one, _) = world_on(&one_node);
        let refused = one.store.append(append_of(alone(from, 1))).await;
        assert!(sentence_of(refused).contains("is a node of a Cluster, expected \"redis+cluster://"));

        let slot: u16 = cluster.servers[0].ask(&["CLUSTER", "KEYSLOT", &tag_of(from)]);
        for server in &cluster.servers {
            server.ask::<()>(&["CLUSTER", "DELSLOTS", &slot.to_string()]);
        }
        let refused = world.store.append(append_of(alone(from, 1))).await;
        assert_eq!(sentence_of(refused), "a slot of the Redis Cluster has no node that serves it");
        let refused = store.check().await.unwrap_err();
        assert!(matches!(refused, NotUsable::Slots { assigned: 16383 }), "{refused}");

        for server in &cluster.servers {
            server.ask::<()>(&["CONFIG", "SET", "cluster-require-full-coverage", "yes"]);
            // It thinks about its state when something changes.
            server.ask::<()>(&["CLUSTER", "DELSLOTS", &(slot ^ 1).to_string()]);
        }
        let elsewhere = sender_at(&cluster, 1);
        until("it says that it is down", async || match store.append(append_of(alone(elsewhere, 2))).await {
            Err(StoreError::Unavailable(why)) => why.starts_with("the Redis Cluster is down: "),
            _ => false,
        })
        .await;
    });
}

#[test]
fn a_cluster_of_which_no_node_answers_was_asked_nothing() {
    run_within(async {
        let (_, store) = world_on("redis+cluster://127.0.0.1:1,127.0.0.1:2");
        for _repeat in 0..2 {
            let refused = store.append(append_of(draft_from(number("+1234567890"), 1))).await;
            assert!(sentence_of(refused).starts_with("cannot connect to the Redis Cluster: "));
        }
    });
}

/// A slot on its way from the first master of a Cluster to the second, key by key.
struct MoveOfSlot<'c> {
    cluster: &'c Cluster,
    slot: String,
}

impl<'c> MoveOfSlot<'c> {
    fn begin(cluster: &'c Cluster, tag: &str) -> Self {
        let slot: u16 = cluster.servers[0].ask(&["CLUSTER", "KEYSLOT", tag]);
        let slot = slot.to_string();
        let [from, to] = [&cluster.servers[0], &cluster.servers[1]];
        let id = |server: &Server| server.ask::<String>(&["CLUSTER", "MYID"]);
        to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
        from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
        Self { cluster, slot }
    }

    fn take_all_but(&self, stays: &[u8]) {
        let [from, to] = [&self.cluster.servers[0], &self.cluster.servers[1]];
        let keys: Vec<Vec<u8>> = from.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "1000"]);
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", from.port)).unwrap();
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5)).unwrap();
        for key in keys.iter().filter(|key| *key != stays) {
            let mut command = redis::cmd("MIGRATE");
            command.arg("127.0.0.1").arg(to.port).arg(key).arg(0).arg(5000);
            command.exec(&mut connection).unwrap();
        }
    }

    fn end(self) {
        self.take_all_but(&[]);
        let id: String = self.cluster.servers[1].ask(&["CLUSTER", "MYID"]);
        for place in [1, 0, 2] {
            self.cluster.servers[place].ask::<()>(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &id]);
        }
    }
}
