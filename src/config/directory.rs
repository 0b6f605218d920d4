//! The directory file: organizations with their API keys, provider accounts, assistants and numbers.
//!
//! What comes out is one consistent set: every reference leads somewhere, nobody uses another
//! organization's account, and every secret was readable.

use std::collections::HashMap;
use std::path::Path;

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
    pub book: Book,
    /// Every organization's keys.
    pub keys: Vec<ApiKey>,
    /// How each account of the book is reached.
    pub accounts: HashMap<AccountName, ProviderSettings>,
}

impl Directory {
    /// Reads and checks a file. Secrets written as `env:NAME` are taken from `environment`.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, Refusal> {
        Self::parse(path, &toml_layer::read(path)?, environment)
    }

    /// As [`Directory::load`], with the text at hand; `path` names it where it is no TOML.
    pub fn parse(path: &Path, text: &str, environment: &Environment) -> Result<Self, Refusal> {
        let written: file::File = toml_layer::extract(toml_layer::parse(path, text)?)?;
        Self::of(&written, environment)
    }

    fn of(written: &file::File, environment: &Environment) -> Result<Self, Refusal> {
        let organizations = organizations::check(&written.organizations, environment)?;
        let accounts = accounts::check(&written.accounts, &organizations.ids, environment)?;
        let assistants = numbers::check_assistants(&written.assistants, &organizations.ids, &accounts.known)?;
        let mut numbers = numbers::check(&written.numbers, &assistants, &accounts.known)?;
        for route in numbers.values_mut() {
            route.quiet_hours = organizations.quiet_hours.get(&route.organization).cloned();
        }
        let book = Book { numbers, accounts: accounts.known, organization_limits: organizations.limits };
        Ok(Self { book, keys: organizations.keys, accounts: accounts.settings })
    }
}
