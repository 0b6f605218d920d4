//! Can the engine take requests? One named check for each reason why not.

use super::{Engine, Standing};
use std::sync::PoisonError;

/// One of the things that must hold for requests to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name: a word for programs.
    pub name: &'static str,
    /// One sentence if it does not hold.
    pub problem: Option<String>,
}

impl Engine {
    /// All of them, in the order in which they are told.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks =
            ["draining", "store", "leases", "directory"].map(|name| Check { name, problem: None });
        let [draining, store, leases, directory] = &mut checks;
        match &*self.standing.read().unwrap_or_else(PoisonError::into_inner) {
            Standing::Waits(why) => store.problem = Some(why.clone()),
            Standing::Works(working) => {
                let journal = &working.intake.journal;
                if working.lifeline.is_stopping() {
                    draining.problem = Some("the process is stopping".to_owned());
                }
                store.problem = journal.trouble();
                leases.problem = working.away_because(self.now());
                if working.intake.directory.plan().book.numbers.is_empty() {
                    directory.problem = Some("the directory has no sending numbers".to_owned());
                }
            }
        }
        checks.into()
    }
}
