//! The two files: where they are, what must be true of them before they are used, and how their
//! refusals read.
//!
//! The store's file says of itself which layout it has, for how many shards, and which log is its own.
//! The log is made first, and durable with its name before the file speaks of it: so a file that speaks
//! of a log has had one, and a start that was cut short before that finds an empty log and makes it
//! anew. A log that is missing, or another's, is therefore never taken for an empty one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, ReadableDatabase, StorageBackend, TableDefinition, TableError};
use sendyard_actors::domain::ids::SHARDS;
use sendyard_actors::ports::StoreError;

use super::changes::Changes;
use super::log::{self, Fault, Log};
use crate::store::keys;
use crate::store::rows::decode;

/// The rows of the store, but for what the log changes of them.
pub(super) const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// What the file says of itself.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("sendyard");

/// Grows with every change of the layout (`keys`) that an older program could not read.
const FORMAT: u64 = 2;

/// It has no log, and is else the same: it is given one when it is opened.
const FORMAT_WITHOUT_LOG: u64 = 1;

const FILE_NAME: &str = "sendyard.redb";

const LOG_NAME: &str = "sendyard.log";

/// How much room the log is given at a time.
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
        "the log {log} of the store {path} is missing: restore both files together from a copy, or move both away to start with an empty store"
    )]
    LogMissing {
        /// The store's file.
        path: PathBuf,
        /// Where its log should be.
        log: PathBuf,
    },
    /// The log beside it is another store's, or none.
    #[error(
        "the file {log} is not the log of the store {path}: restore both files together from a copy, or move away what does not belong there"
    )]
    LogNotOurs {
        /// The store's file.
        path: PathBuf,
        /// What lies where its log should be.
        log: PathBuf,
    },
    /// Its log is damaged, or a copy of another moment.
    #[error(
        "the store's log {log} cannot be read ({reason}): restore it together with {path} from a copy, or move both away to start with an empty store"
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

/// The store's files, open and checked. The log is closed first: it has no lock but the other's.
pub(super) struct Files {
    pub(super) log: Log,
    pub(super) database: Database,
    /// The number of the last group that is folded into the rows.
    pub(super) folded: u64,
    /// What the groups behind that changed, in order.
    pub(super) groups: Vec<Changes>,
}

/// Opens the files, or creates them, and checks what they say of themselves.
pub(super) fn open(path: &Path) -> Result<Files, OpenError> {
    let database = builder().create(path).map_err(|error| refusal(path, error))?;
    checked(database, path, LOG_GROWS_BY, &|must_be_there| open_log(&log_beside(path), must_be_there))
}

/// The same on a disk of the caller's own. A log that is not there is empty on it.
#[cfg(test)]
pub(super) fn open_on<B: StorageBackend>(rows: B, log: B) -> Result<Files, OpenError> {
    let path = Path::new("a disk of a test");
    let database = builder().create_with_backend(rows).map_err(|error| refusal(path, error))?;
    let log = std::cell::Cell::new(Some(log));
    checked(database, path, 4096, &|_| match log.take() {
        Some(log) => Ok(Box::new(log)),
        None => Err(io::Error::other("opened twice")),
    })
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn log_beside(path: &Path) -> PathBuf {
    path.with_file_name(LOG_NAME)
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

/// A store that is ours, with its log: marked so if it was empty, refused if it is another's or of
/// another format.
fn checked(
    database: Database,
    path: &Path,
    log_grows_by: u64,
    open_log: &dyn Fn(bool) -> io::Result<Box<dyn StorageBackend>>,
) -> Result<Files, OpenError> {
    let (log, id) = match about(&database).map_err(|error| refusal(path, error))? {
        About::Foreign => return Err(OpenError::NotOurs { path: path.to_owned() }),
        About::Store { format, .. } if ![FORMAT, FORMAT_WITHOUT_LOG].contains(&format) => {
            return Err(OpenError::Format { path: path.to_owned(), found: format });
        }
        About::Store { shards, .. } if shards != u64::from(SHARDS) => {
            return Err(OpenError::Shards { path: path.to_owned(), found: shards });
        }
        About::Empty | About::Store { format: FORMAT_WITHOUT_LOG, .. } => {
            let log = open_log(false).map_err(|error| log_refusal(path, error.into()))?;
            let id = rand::random();
            log::create(&*log, id).map_err(|fault| log_refusal(path, fault))?;
            mark(&database, id).map_err(|error| refusal(path, error))?;
            (log, id)
        }
        About::Store { log: None, .. } => {
            let reason = "it does not say which log is its own".to_owned();
            return Err(OpenError::Damaged { path: path.to_owned(), reason });
        }
        About::Store { log: Some(id), .. } => {
            (open_log(true).map_err(|error| log_refusal(path, error.into()))?, id)
        }
    };
    let folded = folded(&database, path)?;
    let opened = Log::open(log, id, folded, log_grows_by).map_err(|fault| log_refusal(path, fault))?;
    let groups: Result<_, _> = opened.groups.iter().map(|group| Changes::decode(group)).collect();
    let groups = groups.map_err(|error| log_refusal(path, Fault::Damaged(error.to_string())))?;
    Ok(Files { log: opened.log, database, folded, groups })
}

/// The number of the last group that is folded into the rows.
fn folded(database: &Database, path: &Path) -> Result<u64, OpenError> {
    let number = (|| -> Result<_, ::redb::Error> {
        let rows = database.begin_read()?.open_table(ROWS)?;
        let number = rows.get(keys::group().as_slice())?;
        Ok(number.map(|number| decode(number.value())))
    })();
    let number = number.map_err(|error| refusal(path, error))?.unwrap_or(Ok(0));
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

fn log_refusal(path: &Path, fault: Fault) -> OpenError {
    let (path, log) = (path.to_owned(), log_beside(path));
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
