//! The directory file: organizations with their API keys, provider accounts, assistants and numbers.
//!
//! What comes out is one consistent set: every reference leads somewhere, nobody uses another
//! organization's account, and every secret was readable.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sendyard_actors::domain::ids::AccountName;
use sendyard_actors::domain::routing::Book;

use super::{Environment, Refusal, toml_layer};
use crate::api::auth::ApiKey;
use crate::providers::{telnyx, twilio, vonage};

mod accounts;
mod careful;
mod file;
mod mistakes;
mod numbers;
mod organizations;
mod written;

/// How an account is reached and signed in to.
#[derive(Debug, Clone)]
pub enum ProviderSettings {
    /// A Twilio account. No status callback is set yet: that is the configuration's.
    Twilio(twilio::Settings),
    /// A Telnyx account, likewise.
    Telnyx(telnyx::Settings),
    /// A Vonage account, likewise.
    Vonage(vonage::Settings),
}

/// The directory, checked.
#[derive(Debug, Default)]
pub struct Directory {
    /// Numbers and accounts, as the engine knows them.
    pub book: Arc<Book>,
    /// Every organization's keys.
    pub keys: Vec<ApiKey>,
    /// How each account of the book is reached.
    pub accounts: HashMap<AccountName, ProviderSettings>,
    /// As it is written, without secrets (`written.rs`).
    pub text: Arc<str>,
    /// What each account's way in comes to, secrets and all, by its digest.
    pub ways_in: HashMap<AccountName, [u8; 32]>,
    /// Where it was read, to be read again.
    pub origin: Origin,
}

/// Where a directory was read.
#[derive(Clone, Default)]
pub struct Origin {
    from: From,
    environment: Environment,
}

#[derive(Clone, Default)]
enum From {
    #[default]
    Nowhere,
    File(PathBuf),
    /// A text at hand, under this name.
    Text(PathBuf, String),
}

/// Without the environment, which has secrets.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin")
    }
}

impl Origin {
    /// Reads and checks it again, as it is now.
    pub fn read(&self) -> Result<Directory, Refusal> {
        match &self.from {
            From::Nowhere => Ok(Directory::default()),
            From::File(path) => Directory::load(path, &self.environment),
            From::Text(path, text) => Directory::parse(path, text, &self.environment),
        }
    }

    /// Reads and checks another text, in the same environment, that is to follow the directory of `before`
    /// and to be kept by the store.
    pub fn read_applied(&self, text: &str, before: &Book) -> Result<Directory, Refusal> {
        let tables = toml_layer::parse(Path::new(APPLIED), text)?;
        let written: file::File = toml_layer::extract(tables)?;
        written::refuse_secrets(&written)?;
        accounts::refuse_others_of_the_name(&written.accounts, before)?;
        Directory::of(written, &self.environment, self.from.clone())
    }
}

/// What a directory that is applied is called where it is no TOML.
const APPLIED: &str = "the directory";

impl Directory {
    /// Reads and checks a file. Secrets written as `env:NAME` are taken from `environment`.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, Refusal> {
        let text = toml_layer::read(path)?;
        Self::read(path, &text, environment, From::File(path.to_owned()))
    }

    /// As [`Directory::load`], with the text at hand; `path` names it where it is no TOML.
    pub fn parse(path: &Path, text: &str, environment: &Environment) -> Result<Self, Refusal> {
        Self::read(path, text, environment, From::Text(path.to_owned(), text.to_owned()))
    }

    fn read(path: &Path, text: &str, environment: &Environment, from: From) -> Result<Self, Refusal> {
        Self::of(toml_layer::extract(toml_layer::parse(path, text)?)?, environment, from)
    }

    fn of(written: file::File, environment: &Environment, from: From) -> Result<Self, Refusal> {
        let organizations = organizations::check(&written.organizations, environment)?;
        let accounts = accounts::check(&written.accounts, &organizations.ids, environment)?;
        let assistants = numbers::check_assistants(&written.assistants, &organizations.ids, &accounts.known)?;
        let quiet_hours = &organizations.quiet_hours;
        let numbers = numbers::check(&written.numbers, &assistants, &accounts.known, quiet_hours)?;
        let ways_in = written::ways_in(&written.accounts, environment);
        let text = written::text_of(written, &organizations.keys)?;
        let book = Book { numbers, accounts: accounts.known, organization_limits: organizations.limits };
        Ok(Self {
            book: Arc::new(book),
            keys: organizations.keys,
            accounts: accounts.settings,
            text: text.into(),
            ways_in,
            origin: Origin { from, environment: environment.clone() },
        })
    }
}
