//! The file: where it is, what must be true of it before it is used, and how its refusals read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::redb::{Builder, Database, ReadableDatabase, TableDefinition, TableError};
use sendyard_actors::domain::ids::SHARDS;
use sendyard_actors::ports::StoreError;

/// The rows of the store, but for what the log changes of them.
pub(super) const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// The changes of each group that is not folded into the rows yet, by its number.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// What the file says of itself.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("sendyard");

/// Grows with every change of the layout (`keys`) that an older program could not read.
const FORMAT: u64 = 2;

/// It has no log, and is else the same: it is given one when it is opened.
const FORMAT_WITHOUT_LOG: u64 = 1;

const FILE_NAME: &str = "sendyard.redb";

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
    /// Its log cannot be read.
    #[error(
        "the store's log cannot be read ({0}): restore the store from a copy, or move it away to start with an empty one"
    )]
    Log(StoreError),
    /// No thread for the writer.
    #[error("cannot start the store's writer thread: raise the limit of threads for this user")]
    Thread(#[source] io::Error),
}

/// The file in the store's directory, which is created where it is missing.
pub(super) fn path_in(dir: &Path) -> Result<PathBuf, OpenError> {
    fs::create_dir_all(dir).map_err(|source| OpenError::Directory { path: dir.to_owned(), source })?;
    Ok(dir.join(FILE_NAME))
}

/// Opens the file, or creates it, and checks what it says of itself.
pub(super) fn open(path: &Path) -> Result<Database, OpenError> {
    let database = builder().create(path).map_err(|error| refusal(path, error))?;
    checked(database, path)
}

/// The same on a disk of the caller's own.
#[cfg(test)]
pub(super) fn open_on(disk: impl ::redb::StorageBackend) -> Result<Database, OpenError> {
    let path = Path::new("a disk of a test");
    let database = builder().create_with_backend(disk).map_err(|error| refusal(path, error))?;
    checked(database, path)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// A database that is ours: marked so if it was empty, refused if it is another's or of another
/// format.
fn checked(database: Database, path: &Path) -> Result<Database, OpenError> {
    match about(&database).map_err(|error| refusal(path, error))? {
        About::Empty => mark(&database).map_err(|error| refusal(path, error))?,
        About::Foreign => return Err(OpenError::NotOurs { path: path.to_owned() }),
        About::Store { format, .. } if ![FORMAT, FORMAT_WITHOUT_LOG].contains(&format) => {
            return Err(OpenError::Format { path: path.to_owned(), found: format });
        }
        About::Store { shards, .. } if shards != u64::from(SHARDS) => {
            return Err(OpenError::Shards { path: path.to_owned(), found: shards });
        }
        About::Store { format: FORMAT_WITHOUT_LOG, .. } => {
            mark(&database).map_err(|error| refusal(path, error))?;
        }
        About::Store { .. } => {}
    }
    Ok(database)
}

/// What a database says of itself.
enum About {
    /// Nothing: it is new.
    Empty,
    /// It is another program's.
    Foreign,
    /// It is a store.
    Store { format: u64, shards: u64 },
}

fn about(database: &Database) -> Result<About, ::redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(ABOUT) {
        Ok(table) => {
            let format = table.get("format")?.map_or(0, |value| value.value());
            let shards = table.get("shards")?.map_or(0, |value| value.value());
            Ok(About::Store { format, shards })
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

/// Writes what the file says of itself, and makes the tables that it has not.
fn mark(database: &Database) -> Result<(), ::redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut about = transaction.open_table(ABOUT)?;
        about.insert("format", FORMAT)?;
        about.insert("shards", u64::from(SHARDS))?;
        transaction.open_table(ROWS)?;
        transaction.open_table(LOG)?;
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
