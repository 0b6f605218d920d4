//! The embedded store on a failing disk: what was answered is there, and what failed is said.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use sendyard_actors::domain::ids::{MessageId, Shard};
use sendyard_actors::domain::message::{Draft, Lane, State};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::ports::{Append, Appended, Claimed, Leased, SettleAnswer, StoreError};

use super::disk::Disk;
use super::run;
use super::world::{
    EVIDENCE, MARGIN, ME, TestClock, World, accepted, append_of, draft, draft_from, number, sender,
};
use crate::store::keys;
use crate::store::redb::{OpenError, RedbStore};
use crate::store::rows::RowsMut;
use crate::store::step_store::Runner;

fn open(disk: &Disk, clock: &Arc<TestClock>) -> Result<RedbStore, OpenError> {
    let disk = disk.clone();
    RedbStore::over(move || disk.clone(), Arc::clone(clock) as _)
}

fn world_on(disk: &Disk) -> World {
    let clock = TestClock::start();
    World::over(Arc::new(open(disk, &clock).unwrap()), clock)
}

/// How far a message has come, as its client was told.
fn rank(state: State) -> u8 {
    match state {
        State::Queued => 1,
        State::Sending => 2,
        State::Sent => 3,
        State::Unknown | State::Failed | State::Cancelled => panic!("nobody did that"),
    }
}

/// Takes message after message from append to settle until the store fails; notes every answer.
async fn client(world: &World, from: E164, told: &Mutex<Vec<(MessageId, u8)>>) -> Option<()> {
    let tell = |id, rank| told.lock().unwrap().push((id, rank));
    let shard = Shard::of(from);
    let Leased::Yours { lease, .. } = world.store.acquire_lease(shard, ME, MARGIN, EVIDENCE).await.ok()?
    else {
        panic!("nobody else is there")
    };
    for index in 0..20 {
        let message = draft_from(from, index);
        let id = message.id;
        let Appended::Stored(_) = world.store.append(append_of(message)).await.ok()? else { panic!() };
        tell(id, 1);
        let Claimed::Yes(_) = world.store.claim(world.new_claim(id, lease, 0)).await.ok()? else { panic!() };
        tell(id, 2);
        let settle = World::settle_of(id, 1, accepted(), None);
        let SettleAnswer::Done(_) = world.store.settle(settle).await.ok()? else { panic!() };
        tell(id, 3);
    }
    Some(())
}

#[test]
fn what_was_answered_is_there_after_a_power_cut_at_any_moment() {
    let senders: Vec<E164> = (0..6).map(|index| number(&format!("+1234567890{index}"))).collect();
    for seed in 0..60_u64 {
        let disk = Disk::default();
        let world = world_on(&disk);
        disk.cut_after(5 + seed * 23);
        let told = Mutex::new(Vec::new());
        run(world, async |world| {
            join_all(senders.iter().map(|from| client(&world, *from, &told))).await;
        });

        let world = world_on(&disk.after_power_cut(seed));
        run(world, async |world| {
            for (id, told) in told.into_inner().unwrap() {
                let found = world.store.message(id).await.unwrap();
                let found = found.map_or(0, |message| rank(message.state));
                assert!(found >= told, "seed {seed}: {id} was told {told} and is {found}");
            }
            for from in &senders {
                let queue = world.store.queue_page(*from, Lane::Normal, None, 99).await.unwrap();
                let depth = world.store.depth(*from).await.unwrap();
                assert_eq!(queue.len() as u64, depth, "seed {seed}: rows of one step are apart");
                world.queued(draft_from(*from, 1_000)).await;
            }
        });
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost_and_the_store_goes_on_when_there_is_room() {
    let disk = Disk::default();
    let world = world_on(&disk);
    disk.leave_room(200);
    run(world, async |world| {
        let large = |index| Draft { text: "x".repeat(5_000), ..draft(index) };
        let mut stored = 0;
        let refusal = loop {
            match world.store.append(append_of(large(stored))).await {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refusal, StoreError::Full(_)), "{refusal:?}");
        assert!(stored > 0);
        for _repeat in 0..3 {
            assert!(world.store.append(append_of(large(stored))).await.is_err());
        }

        disk.leave_room(10_000);
        assert_eq!(world.store.depth(sender()).await.unwrap_or(stored), stored, "read or refused, not wrong");
        for index in stored..stored + 50 {
            let append = Append { depth_limit: index + 1, ..append_of(large(index)) };
            let answer = world.store.append(append).await.unwrap();
            assert!(matches!(answer, Appended::Stored(_)), "{answer:?}");
        }
        for index in 0..stored + 50 {
            assert_eq!(world.state(draft(index).id).await, State::Queued);
        }
    });
}

#[test]
fn a_disk_that_failed_once_is_used_again_and_a_failed_step_is_not_told_done() {
    let disk = Disk::default();
    let world = world_on(&disk);
    run(world, async |world| {
        world.queued(draft(1)).await;
        disk.fail_next_sync();
        let failed = world.store.append(append_of(draft(2))).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        assert_eq!(world.store.message(draft(2).id).await.unwrap(), None, "said not to be done, and is not");
        assert_eq!(world.queued(draft(2)).await.answer.position, 2);
    });
}

#[test]
fn a_store_without_power_answers_everything_with_an_error() {
    let disk = Disk::default();
    let world = world_on(&disk);
    disk.cut_after(0);
    run(world, async |world| {
        for _repeat in 0..3 {
            assert!(world.store.append(append_of(draft(1))).await.is_err());
        }
        assert!(world.store.message(draft(1).id).await.is_err());
        assert!(world.store.depth(sender()).await.is_err());
    });
}

#[test]
fn a_record_that_cannot_be_read_fails_its_own_step_and_no_other_of_the_group() {
    let clock = TestClock::start();
    let store = Arc::new(open(&Disk::default(), &clock).unwrap());
    run(World::over(Arc::clone(&store) as _, clock), async |world| {
        // Past the port, as damage would be.
        let spoil = |rows: &mut dyn RowsMut, _| rows.put(keys::message(draft(1).id), vec![0xff]);
        store.runner.write(spoil).await.unwrap();
        world.queued(draft(2)).await;
        let steps = (0..20).map(|index| world.store.append(append_of(draft(index))));
        for (index, answer) in join_all(steps).await.into_iter().enumerate() {
            match index {
                1 => assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}"),
                2 => assert!(matches!(answer, Ok(Appended::Exists(_))), "{answer:?}"),
                _ => assert!(matches!(answer, Ok(Appended::Stored(_))), "{answer:?}"),
            }
        }
        assert_eq!(world.store.depth(sender()).await.unwrap(), 19);
    });
}
