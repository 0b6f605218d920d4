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
    EVIDENCE, LEASE, MARGIN, ME, SECOND, TestClock, World, accepted, append_of, draft, draft_from, number,
    sender,
};
use crate::store::keys;
use crate::store::keys::KeyBytes;
use crate::store::redb::{OpenError, RedbStore};
use crate::store::rows::RowsMut;
use crate::store::step_store::Runner;

/// Folds between two groups, so that what is done to the disk is done in the same order each time.
fn open(disk: &Disk, clock: &Arc<TestClock>) -> Result<RedbStore, OpenError> {
    open_folding(disk, clock, false)
}

fn open_folding(disk: &Disk, clock: &Arc<TestClock>, beside: bool) -> Result<RedbStore, OpenError> {
    let disk = disk.clone();
    RedbStore::over(move || disk.files(), Arc::clone(clock) as _, beside)
}

fn world_on(disk: &Disk) -> World {
    world_folding(disk, false)
}

fn world_folding(disk: &Disk, beside: bool) -> World {
    let clock = TestClock::start();
    World::over(Arc::new(open_folding(disk, &clock, beside).unwrap()), clock)
}

/// How far a message has come, as its client was told.
fn rank(state: State) -> u8 {
    match state {
        State::Queued => 1,
        State::Sending => 2,
        State::Sent => 3,
        State::Unknown | State::Failed | State::Cancelled | State::Offered | State::Scheduled => {
            panic!("nobody did that")
        }
    }
}

/// Takes message after message from append to settle until the store fails; notes every answer.
async fn client(world: &World, from: E164, told: &Mutex<Vec<(MessageId, u8)>>) -> Option<()> {
    let tell = |id, rank| told.lock().unwrap().push((id, rank));
    let shard = Shard::of(from);
    let Leased::Yours { lease, .. } =
        world.store.acquire_lease(shard, ME, LEASE, MARGIN, EVIDENCE).await.ok()?
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
    answered_is_there_after_a_power_cut(false);
}

#[test]
fn so_it_is_while_folds_run_beside_the_groups() {
    answered_is_there_after_a_power_cut(true);
}

fn answered_is_there_after_a_power_cut(beside: bool) {
    let senders: Vec<E164> = (0..6).map(|index| number(&format!("+1234567890{index}"))).collect();
    for seed in 0..60_u64 {
        let disk = Disk::default();
        let world = world_folding(&disk, beside);
        disk.cut_after(5 + seed * 23);
        let told = Mutex::new(Vec::new());
        run(world, async |world| {
            join_all(senders.iter().map(|from| client(&world, *from, &told))).await;
        });

        let world = world_folding(&disk.after_power_cut(seed), beside);
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
fn while_there_is_no_room_to_fold_no_group_is_taken() {
    let disk = Disk::default();
    let world = world_on(&disk);
    run(world, async |world| {
        // The log has room for many groups from here on.
        world.queued(Draft { text: "x".repeat(200_000), ..draft(0) }).await;
        let far_behind = |which| disk.content(which).split_off(20 * 4096);
        let before = far_behind(1);
        disk.leave_room(0);
        let mut stored = 1;
        while world.store.append(append_of(draft(stored))).await.is_ok() {
            stored += 1;
        }
        for _repeat in 0..30 {
            let refusal = world.store.append(append_of(draft(stored))).await;
            assert!(matches!(refusal, Err(StoreError::Full(_))), "{refusal:?}");
        }
        assert!(far_behind(1) == before, "the log went on");
        assert!(disk.content(2).len() < 20 * 4096, "the other log went on");
        assert_eq!(world.store.depth(sender()).await.unwrap(), stored, "reads go on");
    });
}

#[test]
fn a_log_that_cannot_grow_is_folded_to_make_room() {
    let disk = Disk::default();
    let world = world_on(&disk);
    run(world, async |world| {
        world.queued(draft(1)).await;
        disk.leave_none_for_the_logs();
        for index in 2..50 {
            world.queued(draft(index)).await;
        }
        let large = Draft { text: "x".repeat(9_000), ..draft(50) };
        let refusal = world.store.append(append_of(large)).await;
        assert!(matches!(refusal, Err(StoreError::Full(_))), "{refusal:?}");
        world.queued(draft(50)).await;
    });
}

#[test]
fn so_it_is_where_the_other_one_never_grew() {
    let disk = Disk::default();
    run(world_folding(&disk, true), async |world| {
        // It is folded at once, and the turn passes.
        world.queued(Draft { text: "x".repeat(60_000), ..draft(1) }).await;
        disk.leave_none_for_the_logs();
        for index in 2..50 {
            world.queued(draft(index)).await;
        }
    });
}

#[test]
fn a_disk_that_failed_once_is_used_again_and_a_failed_step_is_not_told_done() {
    let disk = Disk::default();
    let world = world_on(&disk);
    run(world, async |world| {
        world.queued(draft(1)).await;
        let large = Draft { text: "x".repeat(9_000), ..draft(2) };
        disk.fail_write(1);
        let failed = world.store.append(append_of(large)).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        assert_eq!(world.store.message(draft(2).id).await.unwrap(), None, "said not to be done, and is not");
        assert_eq!(world.queued(draft(2)).await.answer.position, 2);
    });
}

#[test]
fn a_step_that_may_be_stored_after_all_is_never_told_that_it_is_not() {
    let disk = Disk::default();
    let world = world_on(&disk);
    run(world, async |world| {
        let mut left_open = 0;
        for which in [1, 2, 3, 1, 2, 3] {
            disk.fail_sync(which);
            let index = world.store.depth(sender()).await.unwrap();
            match world.store.append(append_of(draft(index))).await {
                Ok(_) => {}
                Err(StoreError::Unavailable(_)) => {
                    assert_eq!(world.store.message(draft(index).id).await.unwrap(), None);
                }
                Err(StoreError::Unanswered) => {
                    left_open += 1;
                    assert!(matches!(world.append(draft(index)).await, Appended::Exists(_)));
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(left_open > 0, "no sync of the log failed");
    });
}

/// What clients of a store on a failing disk were told, over all its lives.
#[derive(Default)]
struct Told {
    stored: Vec<MessageId>,
    refused: Vec<MessageId>,
    left_open: usize,
}

/// Sends messages of all sizes; now and then a write or a sync fails.
async fn unlucky_client(world: &World, disk: &Disk, from: E164, life: u64, told: &Mutex<Told>) {
    for index in 0..12 {
        let mut message = draft_from(from, life * 100 + index);
        message.text = "x".repeat(usize::try_from(index * index * 50).unwrap());
        let id = message.id;
        match (life + index) % 5 {
            0 => disk.fail_sync(1 + u32::try_from(index % 4).unwrap()),
            1 => disk.fail_write(1 + u32::try_from(index % 4).unwrap()),
            _ => {}
        }
        let answer = world.store.append(append_of(message)).await;
        let mut told = told.lock().unwrap();
        match answer {
            Ok(_) => told.stored.push(id),
            Err(StoreError::Unanswered) => told.left_open += 1,
            Err(_) => told.refused.push(id),
        }
    }
}

#[test]
fn what_was_answered_stays_and_what_was_refused_stays_away_through_many_lives() {
    through_many_lives(false);
}

#[test]
fn so_it_does_while_folds_run_beside_the_groups() {
    through_many_lives(true);
}

fn through_many_lives(beside: bool) {
    let senders: Vec<E164> = (0..3).map(|index| number(&format!("+1234567890{index}"))).collect();
    let clock = TestClock::start();
    let (mut lives, mut left_open) = (0, 0);
    for seed in 0..40_u64 {
        let mut disk = Disk::seeded(seed);
        let told = Mutex::new(Told::default());
        for life in 0..6 {
            disk.cut_after(20 + (seed * 37 + life * 101) % 300);
            // The power may be cut while it is opened, too.
            if let Ok(store) = open_folding(&disk, &clock, beside) {
                lives += 1;
                run(World::over(Arc::new(store), Arc::clone(&clock)), async |world| {
                    let clients =
                        senders.iter().map(|from| unlucky_client(&world, &disk, *from, life, &told));
                    join_all(clients).await;
                });
            }
            disk = disk.after_power_cut(seed * 10 + life);

            let store = open_folding(&disk, &clock, beside).unwrap();
            run(World::over(Arc::new(store), Arc::clone(&clock)), async |world| {
                let (stored, refused) = {
                    let told = told.lock().unwrap();
                    (told.stored.clone(), told.refused.clone())
                };
                for id in &stored {
                    let found = world.store.message(*id).await.unwrap();
                    assert!(found.is_some(), "seed {seed}, life {life}: {id} was stored");
                }
                for id in &refused {
                    let found = world.store.message(*id).await.unwrap();
                    assert!(found.is_none(), "seed {seed}, life {life}: {id} was refused");
                }
            });
        }
        left_open += told.into_inner().unwrap().left_open;
    }
    assert!(lives > 200 && left_open > 100, "{lives} lives, {left_open} left open");
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

#[test]
fn groups_of_which_nothing_is_left_are_folded_as_well() {
    let disk = Disk::default();
    let clock = TestClock::start();
    let store = Arc::new(open(&disk, &clock).unwrap());
    run(World::over(Arc::clone(&store) as _, Arc::clone(&clock)), async |world| {
        // A fold is due once the log has so many groups.
        for key in 0..2 {
            let comes =
                move |rows: &mut dyn RowsMut, _| rows.put_new(KeyBytes::from_slice(&[0xee, key]), Vec::new());
            let goes = move |rows: &mut dyn RowsMut, _| rows.remove(&[0xee, key]);
            store.runner.write(comes).await.unwrap();
            store.runner.write(goes).await.unwrap();
        }
        world.queued(draft(1)).await;
    });
    drop(store);
    run(world_on(&disk), async |world| assert_eq!(world.state(draft(1).id).await, State::Queued));
}

#[test]
fn what_is_pruned_soon_after_a_change_does_not_come_back() {
    let disk = Disk::default();
    run(world_on(&disk), async |world| {
        let id = world.sending(draft(1)).await.draft.id;
        // It is folded into the table with this one, and changed and pruned before the next fold.
        world.queued(Draft { text: "x".repeat(9_000), ..draft_from(number("+12345678901"), 1) }).await;
        world.settled(id, 1, accepted()).await;
        world.pass(SECOND);
        assert_eq!(world.store.prune(world.now()).await.unwrap().messages, 1);
        assert_eq!(world.store.message(id).await.unwrap(), None);
    });
    run(world_on(&disk), async |world| {
        assert_eq!(world.store.message(draft(1).id).await.unwrap(), None);
    });
}

#[test]
fn what_is_settled_soon_after_a_change_is_not_watched_again() {
    let disk = Disk::default();
    run(world_on(&disk), async |world| {
        let id = world.sending(draft(1)).await.draft.id;
        // Its row is folded into the table with this one, and written anew and removed before the next fold.
        world.queued(Draft { text: "x".repeat(9_000), ..draft_from(number("+12345678901"), 1) }).await;
        world.unknown(id, 1).await;
        assert_eq!(world.store.unsettled(None).await.unwrap().len(), 1);
        world.settled(id, 1, accepted()).await;
        assert_eq!(world.store.unsettled(None).await.unwrap(), []);
    });
    run(world_on(&disk), async |world| assert_eq!(world.store.unsettled(None).await.unwrap(), []));
}
