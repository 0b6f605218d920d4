//! What only the Redis store promises, on a real server: its scripts reload, it survives a crash of the
//! server, a full server records results, and what is wrong is said.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::{Cancelled, Draft, State};
use sendyard_actors::ports::{Appended, Claim, Claimed, ScopedKey, SettleAnswer, Store, StoreError};
use uuid::Uuid;

use super::redis_server::{self, Server};
use super::run_within;
use super::world::{
    BEGIN_WITHIN, EVIDENCE, ORGANIZATION, SECOND, TestClock, World, accepted, append_of, done, draft,
    immediate, recipient,
};
use crate::store::redis::{NotUsable, RedisStore};

/// A store, and a connection of our own to its database.
pub(super) async fn beside(server: &Server) -> (World, RedisStore, MultiplexedConnection) {
    let clock = TestClock::start();
    let url = server.fresh_url();
    let open = || RedisStore::on_clock(&url, Arc::clone(&clock) as _).unwrap();
    let own = redis::Client::open(url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    (World::over(Arc::new(open()), Arc::clone(&clock)), open(), own)
}

pub(super) async fn ask<T: redis::FromRedisValue>(own: &mut MultiplexedConnection, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(own).await.unwrap()
}

/// The key of a message's record.
pub(super) fn place_of(id: MessageId) -> Vec<u8> {
    [format!("{{s{}}}m", id.shard().as_u16()).as_bytes(), id.as_bytes()].concat()
}

fn key() -> ScopedKey {
    ScopedKey { organization: ORGANIZATION, key: "k".to_owned() }
}

async fn reserve(world: &World) -> Result<(), StoreError> {
    let Draft { id, fingerprint, .. } = draft(1);
    world.store.reserve_key(key(), id, fingerprint, Uuid::nil(), EVIDENCE).await.map(drop)
}

/// How many commands of clients the server has run, ours for asking not among them.
pub(super) async fn commands(own: &mut MultiplexedConnection) -> u64 {
    let stats: String = ask(own, &["INFO", "commandstats"]).await;
    let calls = |line: &str| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok();
    let by_clients = stats.lines().filter(|line| {
        ["cmdstat_evalsha:", "cmdstat_eval:", "cmdstat_script", "cmdstat_multi:"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    by_clients.filter_map(calls).sum()
}

#[test]
fn a_message_costs_three_round_trips_over_its_life_and_one_more_for_a_key() {
    // A server of its own, as commands are counted.
    let Some(server) = Server::start(&[]) else { return };
    run_within(async {
        let (world, _, mut own) = beside(&server).await;
        // The scripts load with their first use.
        reserve(&world).await.unwrap();
        let first = world.sending(draft(1)).await.draft.id;
        world.settled(first, 1, accepted()).await;
        let lease = world.lease().await;

        let before = commands(&mut own).await;
        reserve(&world).await.unwrap();
        let second = world.queued(draft(2)).await.draft.id;
        let claim = world.new_claim(second, lease, 0);
        assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Yes(_)));
        world.settled(second, 1, accepted()).await;
        assert_eq!(commands(&mut own).await - before, 4);
    });
}

#[test]
fn several_claims_of_a_sender_are_one_round_trip() {
    let Some(server) = Server::start(&[]) else { return };
    run_within(async {
        let (world, _, mut own) = beside(&server).await;
        let mut claims = Vec::new();
        // The scripts load with their first use.
        world.sending(draft(0)).await;
        let lease = world.lease().await;
        for index in 1..=70 {
            let message = Draft { recipient: recipient(100 + index), ..draft(u64::from(index)) };
            let id = world.queued(message).await.draft.id;
            claims.push(world.new_claim(id, lease, 0));
        }
        let last_of_them = claims.split_off(64);

        let before = commands(&mut own).await;
        let answers = world.store.claim_all(claims.clone()).await.unwrap();
        let claimed = |claim: &Claim, answer: &Claimed| matches!(answer, Claimed::Yes(message) if message.draft.id == claim.id);
        assert!(claims.iter().zip(&answers).all(|(claim, answer)| claimed(claim, answer)), "{answers:?}");
        assert_eq!(commands(&mut own).await - before, 1);
        assert_eq!(answers.len(), 64);

        // More than one call takes are answered all the same.
        let all = [claims, last_of_them].concat();
        let answers = world.store.claim_all(all.clone()).await.unwrap();
        assert!(answers[..64].iter().all(|answer| matches!(answer, Claimed::Already(_))));
        assert!(all[64..].iter().zip(&answers[64..]).all(|(claim, answer)| claimed(claim, answer)));
        assert_eq!(commands(&mut own).await - before, 3);
        assert_eq!(answers.len(), 70);
    });
}

#[test]
fn the_scripts_reload_when_the_server_has_forgotten_them() {
    // A server of its own, as it forgets them for everybody.
    let Some(server) = Server::start(&[]) else { return };
    run_within(async {
        let (world, _, mut own) = beside(&server).await;
        let lease = world.lease().await;
        for index in 0..3 {
            ask::<()>(&mut own, &["SCRIPT", "FLUSH"]).await;
            let id = world.queued(draft(index)).await.draft.id;
            ask::<()>(&mut own, &["SCRIPT", "FLUSH"]).await;
            let claim = world.new_claim(id, lease, 0);
            assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Yes(_)));
            ask::<()>(&mut own, &["SCRIPT", "FLUSH"]).await;
            world.settled(id, 1, accepted()).await;
        }
    });
}

/// Repeats until the server is back, as the journal does.
async fn message_again(store: &dyn Store, id: MessageId) -> Option<State> {
    loop {
        match store.message(id).await {
            Ok(found) => return found.map(|message| message.state),
            Err(StoreError::Unanswered | StoreError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_was_answered_is_there_after_a_crash_of_the_server_and_the_store_goes_on() {
    let Some(server) = Server::start(&["--enable-debug-command", "yes"]) else { return };
    run_within(async {
        let (world, store, mut own) = beside(&server).await;
        let waiting = world.queued(draft(1)).await.draft.id;
        let sending = world.sending(Draft { recipient: recipient(2), ..draft(2) }).await.draft.id;
        reserve(&world).await.unwrap();
        let crash: Result<(), _> = redis::cmd("DEBUG").arg("CRASH-AND-RECOVER").query_async(&mut own).await;
        assert!(crash.is_err(), "it did not crash");

        assert_eq!(message_again(&store, waiting).await, Some(State::Queued));
        assert_eq!(message_again(world.store.as_ref(), sending).await, Some(State::Sending));
        assert!(world.store.lookup_key(key()).await.unwrap().is_some());
        // The connection of the steps meets the break with its first call.
        let settled = loop {
            let settle = World::settle_of(sending, 1, accepted(), None);
            match world.store.settle(settle).await {
                Ok(answer) => break answer,
                Err(StoreError::Unanswered | StoreError::Unavailable(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        assert!(matches!(settled, SettleAnswer::Done(_)));
    });
}

#[test]
fn a_full_server_records_results_and_refuses_what_is_new() {
    let Some(server) = Server::start(&[]) else { return };
    run_within(async {
        let (world, _, mut own) = beside(&server).await;
        let open = world.sending(draft(1)).await.draft.id;
        let waiting = world.queued(draft(2)).await.draft.id;
        let doubtful = world.sending(Draft { recipient: recipient(3), ..draft(3) }).await.draft.id;
        let cancelled = world.queued(Draft { recipient: recipient(4), ..draft(4) }).await.draft.id;
        let lease = world.lease().await;
        let until = world.now() + EVIDENCE;
        let offer = |index| world.store.forward_immediate(immediate(index), until);
        let (taken, withdrawn) = (immediate(5).id, immediate(6).id);
        offer(5).await.unwrap();
        world.store.forward_immediate(immediate(6), world.now()).await.unwrap();
        ask::<()>(&mut own, &["CONFIG", "SET", "maxmemory", "1"]).await;

        for _repeat in 0..2 {
            assert!(matches!(world.store.append(append_of(draft(9))).await, Err(StoreError::Full(_))));
            assert!(matches!(reserve(&world).await, Err(StoreError::Full(_))));
            assert!(matches!(offer(7).await, Err(StoreError::Full(_))));
        }
        assert_eq!(world.store.message(draft(9).id).await.unwrap(), None);
        world.settled(open, 1, accepted()).await;
        let cancel = world.store.cancel(cancelled, ORGANIZATION).await.unwrap();
        assert!(matches!(cancel, Some((Cancelled::Done, _))));
        let claim = world.new_claim(waiting, lease, 0);
        assert!(matches!(world.store.claim(claim).await.unwrap(), Claimed::Yes(_)), "the queue drains");
        assert!(world.store.renew_lease(lease, SECOND).await.unwrap());
        let take = world.new_claim(taken, lease, 0);
        assert!(matches!(world.store.take_immediate(take).await.unwrap(), Claimed::Yes(_)));
        world.unknown(doubtful, 1).await;
        let failed = world.store.withdraw(withdrawn).await.unwrap().unwrap();
        assert_eq!(failed.state, State::Failed);
        done(world.store.forward_again(withdrawn, 0, until).await.unwrap());
        ask::<()>(&mut own, &["CONFIG", "SET", "maxmemory", "0"]).await;
        reserve(&world).await.unwrap();
        world.queued(draft(9)).await;
    });
}

#[test]
fn a_record_that_cannot_be_read_is_said_to_be_and_left_alone() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, mut own) = beside(server).await;
        let id = world.queued(draft(1)).await.draft.id;
        let lease = world.lease().await;
        let place = place_of(id);
        // A list of the version 9 alone; a string; nothing that is msgpack.
        for broken in [b"\x91\x09".as_slice(), b"\xa1x", b"\xc1"] {
            redis::cmd("SET").arg(&place).arg(broken).query_async::<()>(&mut own).await.unwrap();
            let corrupt = |answer: Result<(), StoreError>| {
                assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
            };
            corrupt(world.store.message(id).await.map(drop));
            corrupt(world.store.claim(world.new_claim(id, lease, 0)).await.map(drop));
            corrupt(world.store.cancel(id, ORGANIZATION).await.map(drop));
            corrupt(world.store.settle(World::settle_of(id, 1, accepted(), None)).await.map(drop));
            let left: Vec<u8> = redis::cmd("GET").arg(&place).query_async(&mut own).await.unwrap();
            assert_eq!(left, broken);
        }
    });
}

#[test]
fn one_record_that_cannot_be_read_leaves_all_claims_of_a_call_undone() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, mut own) = beside(server).await;
        let good = world.queued(draft(1)).await;
        let bad = world.queued(Draft { recipient: recipient(2), ..draft(2) }).await.draft.id;
        let lease = world.lease().await;
        redis::cmd("SET").arg(place_of(bad)).arg(b"\x91\x09").query_async::<()>(&mut own).await.unwrap();
        let claims = [good.draft.id, bad].map(|id| world.new_claim(id, lease, 0));
        let answer = world.store.claim_all(claims.to_vec()).await;
        assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");
        assert_eq!(world.message(good.draft.id).await, good);
    });
}

#[test]
fn a_step_that_ends_in_the_middle_is_not_said_to_be_refused() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, mut own) = beside(server).await;
        // Where the counts are, what comes last finds a value of another type.
        let counts = format!("{{s{}}}t{}", draft(1).id.shard().as_u16(), ORGANIZATION.0);
        ask::<()>(&mut own, &["SET", &counts, "x"]).await;
        let answer = world.store.append(append_of(draft(1))).await;
        assert!(matches!(answer, Err(StoreError::Unanswered)), "{answer:?}");
        assert!(matches!(world.append(draft(1)).await, Appended::Exists(_)), "it was stored before");
    });
}

#[test]
fn an_answer_that_cannot_be_read_does_not_undo_its_step() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, mut own) = beside(server).await;
        let id = world.queued(draft(1)).await.draft.id;
        let claim = world.new_claim(id, world.lease().await, 0);
        // What no script looks into stands at the end.
        let place = place_of(id);
        let mut broken: Vec<u8> = redis::cmd("GET").arg(&place).query_async(&mut own).await.unwrap();
        let end = broken.len();
        broken[end - 40..].fill(0xff);
        redis::cmd("SET").arg(&place).arg(broken).query_async::<()>(&mut own).await.unwrap();

        assert!(matches!(world.store.message(id).await, Err(StoreError::Corrupt(_))));
        assert!(matches!(world.store.append(append_of(draft(1))).await, Err(StoreError::Corrupt(_))));
        assert!(matches!(world.store.claim(claim).await, Err(StoreError::Unanswered)));
        let settle = World::settle_of(id, 1, accepted(), None);
        assert!(matches!(world.store.settle(settle.clone()).await, Err(StoreError::Unanswered)));
        assert!(matches!(world.store.settle(settle).await, Ok(SettleAnswer::Known)), "it was recorded");
    });
}

#[test]
fn data_of_another_format_or_number_of_shards_is_refused_with_a_sentence() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (_, store, mut own) = beside(server).await;
        let promise = store.check().await.unwrap();
        assert_eq!(promise.warnings, Vec::<String>::new());
        assert!(promise.queued_means.contains("fsync before the answer"), "{promise:?}");
        assert_eq!(store.check().await.unwrap(), promise, "marked by us");

        ask::<()>(&mut own, &["HSET", "sendyard", "shards", "16"]).await;
        let refused = store.check().await.unwrap_err();
        assert!(matches!(refused, NotUsable::Shards { .. }));
        assert!(
            refused.to_string().contains("created with 16 shards, and this version has 256"),
            "{refused}"
        );
        ask::<()>(&mut own, &["HSET", "sendyard", "format", "9"]).await;
        let refused = store.check().await.unwrap_err();
        assert!(refused.to_string().contains("format 9, and this version reads format 1"), "{refused}");
    });
}

#[test]
fn a_server_that_is_away_is_unavailable_and_nothing_was_done() {
    run_within(async {
        let nowhere = tempfile::tempdir().unwrap();
        let url = format!("redis+unix://{}", nowhere.path().join("redis.sock").display());
        let store = RedisStore::open(&url, 0).unwrap();
        for _repeat in 0..2 {
            let refused = store.append(append_of(draft(1))).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        }
        assert!(matches!(store.check().await, Err(NotUsable::Store(StoreError::Unavailable(_)))));
    });
}

#[test]
fn without_a_clock_the_time_is_the_servers() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let url = server.fresh_url();
        let store = RedisStore::open(&url, 0).unwrap();
        let mut own =
            redis::Client::open(url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let world = World::over(Arc::new(store), TestClock::start());
        let time = async |own: &mut MultiplexedConnection| {
            let (seconds, micros): (u64, u64) = ask(own, &["TIME"]).await;
            seconds * 1_000_000 + micros
        };
        let before = time(&mut own).await;
        let open = world.sending(draft(1)).await;
        let after = time(&mut own).await;
        let claimed_at = open.last_attempt().unwrap().claimed_at.as_nanos() / 1000;
        assert!((before..=after).contains(&claimed_at));
        assert_eq!(open.last_attempt().unwrap().begin_by, open.updated_at + BEGIN_WITHIN);
    });
}

#[test]
fn a_server_that_keeps_its_configuration_to_itself_is_used_all_the_same() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (_, _, mut own) = beside(server).await;
        let rules = ["ACL", "SETUSER", "guest", "on", ">word", "~*", "&*", "+@all", "-config"];
        ask::<()>(&mut own, &rules).await;
        let url = format!("{}&user=guest&pass=word", server.fresh_url());
        let promise = RedisStore::open(&url, 0).unwrap().check().await.unwrap();
        assert!(promise.warnings[0].contains("does not tell its configuration"), "{promise:?}");
    });
}
