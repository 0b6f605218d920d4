//! A data directory that cannot be used stops the start with one sentence, and is left as it was.

use std::fs;
use std::path::Path;
use std::process::Command;

use redb::{Database, ReadableDatabase, TableDefinition};

use super::yard::{Child, PATIENCE, Setup, Yard};

const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("sendyard");

/// Starts the service, which must end by itself, and returns its sentence.
async fn refusal(yard: &Yard, mut command: Command) -> String {
    let log = yard.home().join("refused.log");
    let _ = fs::remove_file(&log);
    let child = Child::start("the refused service", &mut command, log.clone());
    let status = child.ended(PATIENCE).await;
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    let said = fs::read_to_string(log).unwrap();
    let sentences: Vec<&str> = said.lines().filter(|line| line.starts_with("sendyard: ")).collect();
    assert_eq!(sentences.len(), 1, "one sentence, in:\n{said}");
    assert!(!said.contains("panicked"), "{said}");
    sentences[0].to_owned()
}

fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused() {
    let mut yard = Yard::start(&Setup::of_numbers(1, &["1/s"])).await;
    let config = fs::read_to_string(yard.home().join("sendyard.toml")).unwrap();
    let elsewhere = config.replace(&yard.addr().to_string(), "127.0.0.1:0");
    fs::write(yard.home().join("sendyard.toml"), elsewhere).unwrap();

    let sentence = refusal(&yard, yard.serve()).await;
    assert!(sentence.contains("is open in another process: stop that one first"), "{sentence}");
    assert!(yard.api.is_ready().await, "the first one goes on");
    yard.terminate();
    assert_eq!(yard.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_taken_port_is_refused_before_anything_is_touched() {
    let mut yard = Yard::start(&Setup::of_numbers(1, &["1/s"])).await;
    let sentence = refusal(&yard, yard.serve()).await;
    assert!(sentence.contains("http.listen"), "{sentence}");
    yard.kill();
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_refused() {
    let yard = Yard::build(&Setup::of_numbers(1, &["1/s"])).await;
    // A file where the directory should be: not even root can make one below it.
    put(&yard.home().join("data"), b"in the way");
    let sentence = refusal(&yard, yard.serve()).await;
    assert!(sentence.contains("cannot create the store's directory data"), "{sentence}");
    assert_eq!(fs::read(yard.home().join("data")).unwrap(), b"in the way");
}

#[tokio::test]
async fn a_data_file_of_another_version_is_refused_and_left_alone() {
    let yard = Yard::build(&Setup::of_numbers(1, &["1/s"])).await;
    fs::create_dir_all(yard.data_file().parent().unwrap()).unwrap();
    let database = Database::create(yard.data_file()).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut about = transaction.open_table(ABOUT).unwrap();
        about.insert("format", 4711).unwrap();
        about.insert("shards", 256).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);

    let sentence = refusal(&yard, yard.serve()).await;
    assert!(sentence.contains("has format version 4711 and this program reads version"), "{sentence}");
    // Byte by byte it may differ: redb notes in its own pages that it was opened.
    let reopened = Database::open(yard.data_file()).unwrap();
    let transaction = reopened.begin_read().unwrap();
    assert_eq!(transaction.list_tables().unwrap().count(), 1);
    let about = transaction.open_table(ABOUT).unwrap();
    let number = |name: &str| about.get(name).unwrap().unwrap().value();
    assert_eq!((number("format"), number("shards")), (4711, 256));
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused_and_left_alone() {
    let yard = Yard::build(&Setup::of_numbers(1, &["1/s"])).await;
    for garbage in [b"not a database at all".to_vec(), vec![0xA5; 65_536]] {
        put(&yard.data_file(), &garbage);
        let sentence = refusal(&yard, yard.serve()).await;
        assert!(sentence.contains("is no store of this program"), "{sentence}");
        assert_eq!(fs::read(yard.data_file()).unwrap(), garbage);
    }
}
