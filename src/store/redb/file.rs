//! The three files: where they are, what must be true of them before they are used, and how their
//! refusals read.
//!
//! The store's file says of itself which layout it has, for how many shards, and which logs are its own.
//! The logs are made first, and durable with their names before the file speaks of them: so a file that
//! speaks of logs has had them, and a start that was cut short before that finds empty logs and makes them
//! anew. A log that is missing, or another's, is therefore never taken for an empty one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, ReadableDatabase, StorageBackend, TableDefinition, TableError};
use sendyard_actors::domain::ids::SHARDS;
use sendyard_actors::ports::StoreError;

use super::changes::Changes;
use super::log::{self, Fault};
use super::logs::Logs;
use super::sort_key::SortKey;
use super::table::Table;
use crate::store::keys;
use crate::store::rows::decode;

/// The rows of the store, but for what the log changes of them.
pub(super) const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// What the file says of itself.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("sendyard");

/// Grows with every change of the layout (`keys`) that an older program could not read.
const FORMAT: u64 = 3;

/// It has one log, the first, and is else the same: it is given another when it is opened.
const FORMAT_WITH_ONE_LOG: u64 = 2;

/// It has no log, and is else the same: it is given both when it is opened.
const FORMAT_WITHOUT_LOG: u64 = 1;

const FILE_NAME: &str = "sendyard.redb";

const LOG_NAMES: [&str; 2] = ["sendyard.log", "sendyard-2.log"];

/// How much room a log is given at a time.
const LOG_GROWS_BY: u64 = 1 << 20;

/// Memory for pages, read and written together.
const CACHE_BYTES: usize = 64 << 20;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is not there and cannot be made.
    #[error(
        "cannot create the store's directory {path}: choose another one or give this user the right to create it"
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read and written.
    #[error(
        "cannot read and write the store's file {path}: check its owner and rights, and the room on its disk"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "the store {path} is open in another process: stop that one first, or give this one a directory of its own"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a program with another layout.
    #[error(
        "the store {path} has format version {found} and this program reads version {FORMAT}: start it with the program that wrote it, or use an empty directory"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
    /// It was created for another number of shards.
    #[error(
        "the store {path} was created with {found} shards and this program has {SHARDS}: start it with the program that wrote it, or use an empty directory"
    )]
    Shards {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
    /// It is something else.
    #[error("the file {path} is no store of this program: move it away, or use another directory")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// It is a store, and damaged.
    #[error(
        "the store {path} is damaged ({reason}): restore it from a copy, or move it away to start with an empty one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What redb said.
        reason: String,
    },
    /// Its log is not there, and may have held messages.
    #[error(
        "the log {log} of the store {path} is missing: restore the store's three files together from a copy, or move them all away to start with an empty store"
    )]
    LogMissing {
        /// The store's file.
        path: PathBuf,
        /// Where its log should be.
        log: PathBuf,
    },
    /// The log beside it is another store's, or none.
    #[error(
        "the file {log} is not a log of the store {path}: restore the store's three files together from a copy, or move away what does not belong there"
    )]
    LogNotOurs {
        /// The store's file.
        path: PathBuf,
        /// What lies where its log should be.
        log: PathBuf,
    },
    /// Its log is damaged, or a copy of another moment.
    #[error(
        "the store's log {log} cannot be read ({reason}): restore the store's three files, {path} among them, together from a copy, or move them all away to start with an empty store"
    )]
    LogDamaged {
        /// The store's file.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No thread for the writer.
    #[error("cannot start the store's writer thread: raise the limit of threads for this user")]
    Thread(#[source] io::Error),
}

/// The file in the store's directory, which is created where it is missing.
pub(super) fn path_in(dir: &Path) -> Result<PathBuf, OpenError> {
    fs::create_dir_all(dir).map_err(|source| OpenError::Directory { path: dir.to_owned(), source })?;
    Ok(dir.join(FILE_NAME))
}

/// The store's files, open and checked. The logs are closed first: they have no lock but the other's.
pub(super) struct Files {
    pub(super) logs: Logs,
    /// The rows as they were opened.
    pub(super) table: Table,
    pub(super) database: Database,
    /// The number of the last group that is folded into the rows.
    pub(super) folded: u64,
    /// What the groups behind that changed, in order.
    pub(super) groups: Vec<Changes>,
}

/// Opens the files, or creates them, and checks what they say of themselves.
pub(super) fn open(path: &Path) -> Result<Files, OpenError> {
    let database = builder().create(path).map_err(|error| refusal(path, error))?;
    let open_log = |which, must_be_there| open_log(&log_beside(path, which), must_be_there);
    checked(database, path, LOG_GROWS_BY, &open_log)
}

/// The same on a disk of the caller's own. A log that is not there is empty on it.
#[cfg(test)]
pub(super) fn open_on<B: StorageBackend>(rows: B, logs: [B; 2]) -> Result<Files, OpenError> {
    let path = Path::new("a disk of a test");
    let database = builder().create_with_backend(rows).map_err(|error| refusal(path, error))?;
    let logs = logs.map(|log| std::cell::Cell::new(Some(log)));
    checked(database, path, 4096, &|which, _| match logs[which].take() {
        Some(log) => Ok(Box::new(log)),
        None => Err(io::Error::other("opened twice")),
    })
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn log_beside(path: &Path, which: usize) -> PathBuf {
    let [first, second] = LOG_NAMES;
    path.with_file_name(if which == 0 { first } else { second })
}

/// Opens the file of a log, or makes it, and sees to it that the directory keeps its name.
fn open_log(path: &Path, must_be_there: bool) -> io::Result<Box<dyn StorageBackend>> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(!must_be_there).truncate(false).open(path)?;
    if !must_be_there && let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
}

/// Opens one of the logs, by its place; the second argument says whether it must be there.
type OpenLog<'a> = &'a dyn Fn(usize, bool) -> io::Result<Box<dyn StorageBackend>>;

/// A store that is ours, with its logs: marked so if it was empty, refused if it is another's or of
/// another format.
fn checked(
    database: Database,
    path: &Path,
    log_grows_by: u64,
    open_log: OpenLog<'_>,
) -> Result<Files, OpenError> {
    let open = |which: usize, must_be_there| {
        open_log(which, must_be_there).map_err(|error| log_refusal(path, which, error.into()))
    };
    let made = |which: usize, id| {
        let log = open(which, false)?;
        log::create(&*log, id).map_err(|fault| log_refusal(path, which, fault))?;
        Ok(log)
    };
    let (logs, id) = match about(&database).map_err(|error| refusal(path, error))? {
        About::Foreign => return Err(OpenError::NotOurs { path: path.to_owned() }),
        About::Store { format, .. }
            if ![FORMAT, FORMAT_WITH_ONE_LOG, FORMAT_WITHOUT_LOG].contains(&format) =>
        {
            return Err(OpenError::Format { path: path.to_owned(), found: format });
        }
        About::Store { shards, .. } if shards != u64::from(SHARDS) => {
            return Err(OpenError::Shards { path: path.to_owned(), found: shards });
        }
        About::Empty | About::Store { format: FORMAT_WITHOUT_LOG, .. } => {
            let id = rand::random();
            let logs = [made(0, id)?, made(1, id)?];
            mark(&database, id).map_err(|error| refusal(path, error))?;
            (logs, id)
        }
        About::Store { log: None, .. } => {
            let reason = "it does not say which logs are its own".to_owned();
            return Err(OpenError::Damaged { path: path.to_owned(), reason });
        }
        About::Store { format: FORMAT_WITH_ONE_LOG, log: Some(id), .. } => {
            let logs = [open(0, true)?, made(1, id)?];
            mark(&database, id).map_err(|error| refusal(path, error))?;
            (logs, id)
        }
        About::Store { log: Some(id), .. } => ([open(0, true)?, open(1, true)?], id),
    };
    let table = table(&database).map_err(|error| refusal(path, error))?;
    let folded = folded(&table, path)?;
    let opened = Logs::open(logs, id, folded, log_grows_by)
        .map_err(|(which, fault)| log_refusal(path, which, fault))?;
    let groups: Result<_, _> = opened.groups.iter().map(|group| Changes::decode(group)).collect();
    let groups = groups.map_err(|error| log_refusal(path, 0, Fault::Damaged(error.to_string())))?;
    Ok(Files { logs: opened.logs, table, database, folded, groups })
}

/// The rows as the last commit left them.
pub(super) fn table(database: &Database) -> Result<Table, ::redb::Error> {
    Ok(Table::new(database.begin_read()?.open_table(ROWS)?)?)
}

/// The number of the last group that is folded into the rows.
fn folded(table: &Table, path: &Path) -> Result<u64, OpenError> {
    let key = keys::group();
    let number = table.get(&key, &SortKey::new(&key)).map_err(|error| refusal(path, error))?;
    let number = number.map_or(Ok(0), |number| decode(number.value()));
    number.map_err(|error| OpenError::Damaged { path: path.to_owned(), reason: error.to_string() })
}

/// What a database says of itself.
enum About {
    /// Nothing: it is new.
    Empty,
    /// It is another program's.
    Foreign,
    /// It is a store. `log`: the id in its log.
    Store { format: u64, shards: u64, log: Option<u64> },
}

fn about(database: &Database) -> Result<About, ::redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(ABOUT) {
        Ok(table) => {
            let format = table.get("format")?.map_or(0, |value| value.value());
            let shards = table.get("shards")?.map_or(0, |value| value.value());
            let log = table.get("log")?.map(|value| value.value());
            Ok(About::Store { format, shards, log })
        }
        Err(TableError::TableDoesNotExist(_)) => {
            let is_empty = transaction.list_tables()?.next().is_none();
            Ok(if is_empty { About::Empty } else { About::Foreign })
        }
        Err(TableError::Storage(error)) => Err(error.into()),
        // A table of that name with other types.
        Err(_) => Ok(About::Foreign),
    }
}

/// Writes what the file says of itself, and makes the table that it has not.
fn mark(database: &Database, log: u64) -> Result<(), ::redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut about = transaction.open_table(ABOUT)?;
        about.insert("format", FORMAT)?;
        about.insert("shards", u64::from(SHARDS))?;
        about.insert("log", log)?;
        transaction.open_table(ROWS)?;
    }
    transaction.commit()?;
    Ok(())
}

fn refusal(path: &Path, error: impl Into<::redb::Error>) -> OpenError {
    let path = path.to_owned();
    match error.into() {
        ::redb::Error::DatabaseAlreadyOpen | ::redb::Error::LockProtocolMismatch => OpenError::InUse { path },
        ::redb::Error::UpgradeRequired(_) => OpenError::NotOurs { path },
        ::redb::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
            OpenError::NotOurs { path }
        }
        ::redb::Error::Io(source) => OpenError::File { path, source },
        other => OpenError::Damaged { path, reason: other.to_string() },
    }
}

fn log_refusal(path: &Path, which: usize, fault: Fault) -> OpenError {
    let (path, log) = (path.to_owned(), log_beside(path, which));
    match fault {
        Fault::Io(source) if source.kind() == io::ErrorKind::NotFound => OpenError::LogMissing { path, log },
        Fault::Io(source) => OpenError::File { path: log, source },
        Fault::NotOurs => OpenError::LogNotOurs { path, log },
        Fault::Damaged(reason) => OpenError::LogDamaged { path, log, reason },
    }
}

/// What a failing log means to a step.
pub(super) fn log_failed(error: &io::Error) -> StoreError {
    if is_want_of_room(error) {
        StoreError::Full(error.to_string())
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

/// What a failing database means to a step.
pub(super) fn failed(error: impl Into<::redb::Error>) -> StoreError {
    match error.into() {
        ::redb::Error::Io(error) if is_want_of_room(&error) => StoreError::Full(error.to_string()),
        ::redb::Error::Corrupted(reason) => StoreError::Corrupt(reason),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// The same of a database that could not be opened anew.
pub(super) fn not_opened(error: &OpenError) -> StoreError {
    match error {
        OpenError::File { source, .. } if is_want_of_room(source) => StoreError::Full(source.to_string()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

fn is_want_of_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
