//! Appends that meet on Redis: they are one call, and each is answered as if it were alone.

use std::time::Duration;

use futures::future::join_all;
use redis::aio::MultiplexedConnection;
use sendyard_actors::domain::ids::OrganizationId;
use sendyard_actors::domain::message::Draft;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, Appended, Reserve, ScopedKey, Store, StoreError};
use uuid::Uuid;

use super::on_redis::{ask, beside, commands, place_of};
use super::redis_server::{self, Server};
use super::run_within;
use super::world::{
    BEGIN_WITHIN, ORGANIZATION, SECOND, START, World, append_of, draft, draft_from, number, recipient, sender,
};

/// Of another shard.
fn other_sender() -> E164 {
    number("+1234567891")
}

fn to(index: u32, draft: Draft) -> Append {
    append_of(Draft { recipient: recipient(index), ..draft })
}

/// All at the same moment; the answers in their order.
async fn append_all(store: &dyn Store, appends: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
    join_all(appends.into_iter().map(|append| store.append(append))).await
}

#[test]
fn appends_that_meet_are_one_round_trip() {
    let Some(server) = Server::start(&[]) else { return };
    run_within(async {
        let (world, _, mut own) = beside(&server).await;
        // The script loads with its first use.
        world.queued(draft(0)).await;
        let before = commands(&mut own).await;
        let mut appends: Vec<Append> = (1..=32).map(|index| append_of(draft(index))).collect();
        appends.extend((1..=32).map(|index| append_of(draft_from(other_sender(), index))));
        for answer in append_all(world.store.as_ref(), appends).await {
            assert!(matches!(answer, Ok(Appended::Stored(_))), "{answer:?}");
        }
        assert_eq!(commands(&mut own).await - before, 1);
    });
}

#[test]
fn what_is_asked_for_together_is_one_round_trip_up_to_so_many() {
    let Some(server) = Server::start(&[]) else { return };
    run_within(async {
        let (world, _, mut own) = beside(&server).await;
        // The scripts load with their first use.
        world.queued(draft(0)).await;
        let timed = |index| append_of(Draft { expires_at: Some(START + 60 * SECOND), ..draft(index) });
        world.store.append(timed(1000)).await.unwrap();
        let key = |index: u64| Reserve {
            key: ScopedKey { organization: ORGANIZATION, key: index.to_string() },
            id: draft(index).id,
            fingerprint: draft(index).fingerprint,
            token: Uuid::from_u128(index.into()),
        };
        world.store.reserve_keys([key(0)].into(), SECOND).await.unwrap();
        for (many, calls) in [(64, 1), (300, 2)] {
            let from = many * 1000;
            let before = commands(&mut own).await;
            let keys = (from..from + many).map(key).collect();
            assert_eq!(world.store.reserve_keys(keys, SECOND).await.unwrap().len() as u64, many);
            let appends = (from..from + many).map(|index| append_of(draft(index))).collect();
            assert_eq!(world.store.append_all(appends).await.unwrap().len() as u64, many);
            assert_eq!(commands(&mut own).await - before, 2 * calls, "{many} keys, {many} messages");
        }
        let before = commands(&mut own).await;
        world.store.append_all((2000..2064).map(timed).collect()).await.unwrap();
        assert_eq!(commands(&mut own).await - before, 1);
    });
}

#[test]
fn what_is_behind_one_that_is_not_known_to_be_stored_is_not_stored_before_it() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, mut own) = beside(server).await;
        // Where the counts of its organization are, a value of another type: its step ends in the middle.
        let counts = format!("{{s{}}}t{}", draft(1).id.shard().as_u16(), ORGANIZATION.0);
        ask::<()>(&mut own, &["SET", &counts, "x"]).await;
        // Of another organization, and by another script.
        let organization = OrganizationId(8);
        let timed = Draft { expires_at: Some(START + 60 * SECOND), organization, ..draft(2) };
        let all = [append_of(draft(1)), append_of(timed)];
        assert!(matches!(world.store.append_all(all.clone().into()).await, Err(StoreError::Unanswered)));
        assert_eq!(world.store.message(draft(2).id).await.unwrap(), None);
        // Alone it would have been.
        let [_, timed] = all;
        assert!(matches!(world.store.append(timed).await, Ok(Appended::Stored(_))));
    });
}

#[test]
fn each_of_several_is_answered_as_in_memory_one_after_the_other() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, _) = beside(server).await;
        let memory = World::in_shared_memory();
        let mut appends = Vec::new();
        for index in 0..6_u32 {
            appends.push(to(index % 3, draft(index.into())));
            appends.push(to(index, draft_from(other_sender(), index.into())));
        }
        // What is there already, what costs more, what is late, and what finds no room.
        appends.push(append_of(draft(2)));
        appends.push(append_of(Draft { segments: 3, ..draft(20) }));
        appends.push(append_of(draft(21)));
        appends.push(Append { request_until: Time::ZERO, ..append_of(draft(22)) });
        appends.push(Append { request_until: Time::ZERO, ..append_of(draft(3)) });
        let limited = |index| Append { depth_limit: 7, ..to(9, draft_from(other_sender(), index)) };
        appends.extend([30, 31, 30, 1].map(limited));

        for world in [&world, &memory] {
            world.queued(draft(100)).await;
            world.pass(SECOND);
        }
        let together = append_all(world.store.as_ref(), appends.clone()).await;
        // In memory one after the other, those of a kind in their order.
        for (append, answer) in appends.iter().zip(&together) {
            let alone = memory.store.append(append.clone()).await;
            assert_eq!(format!("{answer:?}"), format!("{alone:?}"));
        }
        for from in [sender(), other_sender()] {
            let page = async |world: &World| {
                let lane = draft(0).lane;
                let depth = world.store.depth(from).await.unwrap();
                (world.store.queue_page(from, lane, None, 100).await.unwrap(), depth)
            };
            assert_eq!(page(&world).await, page(&memory).await);
        }
        let tallies = async |world: &World| world.store.tallies(ORGANIZATION).await.unwrap();
        assert_eq!(tallies(&world).await, tallies(&memory).await);
        // The next one finds the numbers and the units of all of them.
        let next = async |world: &World| world.queued(draft(101)).await;
        assert_eq!(next(&world).await, next(&memory).await);
    });
}

#[test]
fn what_goes_wrong_with_one_sender_is_not_told_of_another() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, mut own) = beside(server).await;
        // Where the counts of its shard are, a value of another type.
        let counts = format!("{{s{}}}t{}", draft(1).id.shard().as_u16(), ORGANIZATION.0);
        ask::<()>(&mut own, &["SET", &counts, "x"]).await;
        let fine = || append_of(draft_from(other_sender(), 1));
        let again = || append_of(draft_from(other_sender(), 2));
        let answers = append_all(world.store.as_ref(), vec![fine(), append_of(draft(1)), again()]).await;
        assert!(matches!(answers[0], Ok(Appended::Stored(_))), "{answers:?}");
        assert!(matches!(answers[1], Err(StoreError::Unanswered)), "{answers:?}");
        assert!(matches!(answers[2], Ok(Appended::Stored(_))), "{answers:?}");
    });
}

/// The keys whose kind is this letter, of whatever shard.
async fn keys_of(own: &mut MultiplexedConnection, kind: char) -> Vec<Vec<u8>> {
    redis::cmd("KEYS").arg(format!("{{s*}}{kind}*")).query_async(own).await.unwrap()
}

#[test]
fn what_did_not_come_into_the_queue_is_not_stored_whatever_went_wrong() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        for broken in ['c', 'q'] {
            let (world, _, mut own) = beside(server).await;
            world.store.append(to(2, draft(2))).await.unwrap();
            let [key] = keys_of(&mut own, broken).await.try_into().unwrap();
            // In place of the conversation of the second of them, or of the queue of both.
            redis::cmd("SET").arg(&key).arg("x").exec_async(&mut own).await.unwrap();
            let all = [to(1, draft(3)), to(2, draft(4))];
            let answer = world.store.append_all(all.clone().into()).await;
            assert!(matches!(answer, Err(StoreError::Unanswered)), "{broken}: {answer:?}");
            for append in &all {
                assert_eq!(world.store.message(append.draft.id).await.unwrap(), None, "{broken}");
            }
            redis::cmd("DEL").arg(&key).exec_async(&mut own).await.unwrap();
            for append in all {
                let answer = world.store.append(append).await;
                assert!(matches!(answer, Ok(Appended::Stored(_))), "{broken}: {answer:?}");
            }
        }
    });
}

#[test]
fn a_fresh_record_and_its_entry_are_as_the_other_scripts_would_write_them() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        let (world, _, mut own) = beside(server).await;
        let long = "long ".repeat(80);
        let fallback = super::redis_golden::golden_draft().fallback;
        let drafts = [
            draft(1),
            Draft { text: long, segments: 300, ..draft(2) },
            super::redis_golden::golden_draft(),
            // Behind so many segments, and it must still be in time.
            Draft { expires_at: Some(START + Duration::from_hours(1)), ..super::redis_golden::noted_draft() },
            Draft { fallback, frozen: None, ..draft(4) },
        ];
        let script = [
            include_str!("../redis/scripts/clock.lua"),
            include_str!("../redis/scripts/prelude.lua"),
            include_str!("../redis/scripts/message.lua"),
            "local m = load(KEYS[1])
             local entry = redis.call('ZRANGEBYSCORE', queue_key(m), m.seq, m.seq)[1]
             return { redis.call('GET', KEYS[1]), encode(m), entry, waiting_entry(string.sub(KEYS[1], -16), m) }",
        ];
        for (index, draft) in (10_u64..).zip(drafts) {
            world.pass(BEGIN_WITHIN);
            let id = super::world::id_of(draft.sender, index);
            world.queued(Draft { id, ..draft }).await;
            let mut call = redis::cmd("EVAL");
            call.arg(script.join("\n")).arg(1).arg(place_of(id)).arg("0");
            let all: Vec<Vec<u8>> = call.query_async(&mut own).await.unwrap();
            let [record, its_like, entry, its_like_there] = all.try_into().unwrap();
            assert_eq!(hex::encode(record), hex::encode(its_like));
            assert_eq!(hex::encode(entry), hex::encode(its_like_there));
        }
    });
}
