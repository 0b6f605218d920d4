//! The embedded store's file: what survives, and what is refused with which sentence.

use std::fs;
use std::path::Path;

use ::redb::{Database, TableDefinition};
use sendyard_actors::domain::message::{Draft, Lane};
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{ScopedKey, Store, StoreError};
use uuid::Uuid;

use super::run;
use super::world::{
    EVIDENCE, ORGANIZATION, OTHER, TestClock, World, accepted, append_of, draft, recipient, sender,
};
use crate::store::redb::{OpenError, RedbStore};

fn refused(dir: &Path) -> OpenError {
    match RedbStore::open(dir, TestClock::start()) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

/// One sentence that names the place and says what to do.
fn assert_says(error: &OpenError, place: &Path, what_to_do: &str) {
    let sentence = error.to_string();
    assert!(sentence.contains(&place.display().to_string()), "{sentence}");
    assert!(sentence.contains(what_to_do), "{sentence}");
}

async fn everything(world: &World) -> String {
    let store = &world.store;
    let key = ScopedKey { organization: ORGANIZATION, key: "k".to_owned() };
    let messages = [
        world.message(draft(1).id).await,
        world.message(draft(2).id).await,
        world.message(draft(3).id).await,
    ];
    format!(
        "{messages:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        store.queue_page(sender(), Lane::Normal, None, 10).await,
        store.conversation_page(draft(1).conversation(), None, 10).await,
        store.depth(sender()).await,
        store.charges(sender(), Time::ZERO).await,
        store.unsettled(None).await,
        store.backlogs(ShardSet::ALL).await,
        store.tallies(ORGANIZATION).await,
        store.lookup_key(key).await,
    )
}

#[test]
fn everything_survives_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::start();
    let open = || World::over(std::sync::Arc::new(World::open(dir.path(), &clock)), clock.clone());
    let mut before = String::new();
    let mut last_seq = 0;
    run(open(), async |world| {
        let key = ScopedKey { organization: ORGANIZATION, key: "k".to_owned() };
        world.store.reserve_key(key, draft(1).id, draft(1).fingerprint, Uuid::nil(), EVIDENCE).await.unwrap();
        let sent = world.sending(Draft { recipient: recipient(1), ..draft(1) }).await;
        world.settled(sent.draft.id, 1, accepted()).await;
        world.sending(Draft { recipient: recipient(2), ..draft(2) }).await;
        last_seq = world.queued(Draft { segments: 4, ..draft(3) }).await.seq;
        before = everything(&world).await;
    });
    run(open(), async |world| {
        assert_eq!(everything(&world).await, before);
        let next = world.queued(draft(4)).await;
        assert_eq!((next.seq, next.answer.position), (last_seq + 1, 2));
        assert_eq!(world.lease_for(sender(), OTHER).await.fence, 2, "a fence is never used again");
    });
}

#[test]
fn a_close_finishes_what_was_sent_and_later_steps_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let store = World::open(dir.path(), &clock);
    let answers: Vec<_> = (0..50).map(|index| runtime.spawn(store.append(append_of(draft(index))))).collect();
    let answered: Vec<bool> = runtime.block_on(async {
        let first = store.append(append_of(draft(100))).await;
        store.close();
        let mut answered = vec![first.is_ok()];
        for answer in answers {
            answered.push(answer.await.unwrap().is_ok());
        }
        let later = store.append(append_of(draft(200))).await;
        assert!(matches!(later, Err(StoreError::Unavailable(_))), "{later:?}");
        assert!(store.message(draft(100).id).await.is_err());
        answered
    });
    store.close();
    drop(store);

    let again = World::open(dir.path(), &clock);
    let done = answered.into_iter().filter(|is_done| *is_done).count() as u64;
    assert_eq!(runtime.block_on(again.depth(sender())).unwrap(), done, "answered, and only that");
}

#[test]
fn a_second_open_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = World::open(dir.path(), &TestClock::start());
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert_says(&error, dir.path(), "is open in another process: stop that one first");
    drop(first);
    World::open(dir.path(), &TestClock::start());
}

/// Makes the file of a store say something else of itself.
fn rewrite(dir: &Path, name: &str, value: u64) {
    drop(World::open(dir, &TestClock::start()));
    let database = Database::open(dir.join("sendyard.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let about: TableDefinition<'_, &str, u64> = TableDefinition::new("sendyard");
    transaction.open_table(about).unwrap().insert(name, value).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_file_of_another_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    rewrite(dir.path(), "format", 4);
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::Format { found: 4, .. }), "{error:?}");
    assert_says(&error, dir.path(), "format version 4 and this program reads version 3");
}

#[tokio::test]
async fn a_file_from_before_there_was_a_log_is_given_both() {
    let dir = tempfile::tempdir().unwrap();
    rewrite(dir.path(), "format", 1);
    fs::remove_file(dir.path().join("sendyard.log")).unwrap();
    fs::remove_file(dir.path().join("sendyard-2.log")).unwrap();

    let clock = TestClock::start();
    World::open(dir.path(), &clock).append(append_of(draft(1))).await.unwrap();
    let again = World::open(dir.path(), &clock);
    assert!(again.message(draft(1).id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_from_when_there_was_one_log_is_given_another_and_keeps_what_the_first_holds() {
    let dir = store_with_a_message().await;
    rewrite(dir.path(), "format", 2);
    fs::remove_file(dir.path().join("sendyard-2.log")).unwrap();

    let clock = TestClock::start();
    World::open(dir.path(), &clock).append(append_of(draft(2))).await.unwrap();
    assert!(dir.path().join("sendyard-2.log").exists());
    let again = World::open(dir.path(), &clock);
    for index in [1, 2] {
        assert!(again.message(draft(index).id).await.unwrap().is_some(), "message {index}");
    }
}

#[tokio::test]
async fn a_start_that_was_cut_short_before_the_file_knew_its_log_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::start();
    drop(World::open(dir.path(), &clock));
    fs::remove_file(dir.path().join("sendyard.redb")).unwrap();
    World::open(dir.path(), &clock).append(append_of(draft(1))).await.unwrap();
}

/// A directory with a store that holds a message, and a log that is not folded.
async fn store_with_a_message() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    World::open(dir.path(), &TestClock::start()).append(append_of(draft(1))).await.unwrap();
    dir
}

#[tokio::test]
async fn a_store_without_its_log_is_refused() {
    let dir = store_with_a_message().await;
    let log = dir.path().join("sendyard.log");
    fs::remove_file(&log).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::LogMissing { .. }), "{error:?}");
    assert_says(&error, &log, "is missing: restore the store's three files together from a copy");
    assert!(!log.exists(), "it would be taken for the log the next time");

    fs::write(&log, "").unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::LogDamaged { .. }), "{error:?}");
    assert_says(&error, &log, "restore the store's three files");
}

#[tokio::test]
async fn a_store_with_another_stores_log_is_refused_and_both_are_left_alone() {
    let (dir, other) = (store_with_a_message().await, store_with_a_message().await);
    let log = dir.path().join("sendyard.log");
    fs::copy(other.path().join("sendyard.log"), &log).unwrap();
    let before = fs::read(&log).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::LogNotOurs { .. }), "{error:?}");
    assert_says(&error, &log, "is not a log of the store");
    assert_eq!(fs::read(&log).unwrap(), before);
}

#[tokio::test]
async fn a_log_that_lost_its_store_is_refused_and_left_alone() {
    let dir = store_with_a_message().await;
    let log = dir.path().join("sendyard.log");
    let before = fs::read(&log).unwrap();
    fs::remove_file(dir.path().join("sendyard.redb")).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::LogNotOurs { .. }), "{error:?}");
    assert_eq!(fs::read(&log).unwrap(), before);
    assert!(matches!(refused(dir.path()), OpenError::LogNotOurs { .. }), "and the next time, too");
}

#[tokio::test]
async fn a_group_that_cannot_be_read_before_another_is_damage() {
    let dir = store_with_a_message().await;
    World::open(dir.path(), &TestClock::start()).append(append_of(draft(2))).await.unwrap();
    let log = dir.path().join("sendyard.log");
    let mut bytes = fs::read(&log).unwrap();
    bytes[4096 + 100] ^= 1;
    fs::write(&log, bytes).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::LogDamaged { .. }), "{error:?}");
    assert_says(&error, &log, "or move them all away to start with an empty store");
}

#[test]
fn a_file_of_another_number_of_shards_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    rewrite(dir.path(), "shards", 64);
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::Shards { found: 64, .. }), "{error:?}");
    assert_says(&error, dir.path(), "created with 64 shards and this program has 256");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sendyard.redb");
    let garbage = b"not a store at all".repeat(1_000);
    fs::write(&path, &garbage).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error:?}");
    assert_says(&error, &path, "no store of this program: move it away");
    assert_eq!(fs::read(&path).unwrap(), garbage);
}

#[test]
fn another_programs_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sendyard.redb");
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(refused(dir.path()), OpenError::NotOurs { .. }));
}

#[test]
fn a_directory_that_cannot_be_made_and_a_file_that_cannot_be_written_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("store");
    let error = refused(&below);
    assert!(matches!(error, OpenError::Directory { .. }), "{error:?}");
    assert_says(&error, &below, "choose another one or give this user the right");

    let path = dir.path().join("sendyard.redb");
    fs::create_dir(&path).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
    assert_says(&error, &path, "check its owner and rights");
}
