//! Stores behind the engine's port `Store`: the embedded one on redb, the one on Redis that several
//! processes share, and one in memory for tests.
//!
//! For the stores within this process each rule is written once:
//!
//! * `rows`: what every store is underneath, an ordered map of bytes. `keys` is its layout: one
//!   function per kind of row, and what each is for. `record` is the form of a message's record.
//! * `steps`: the steps that write, and `indexes`, which keeps a message's rows in step with its
//!   record. `queries`: the reads. Both see nothing but rows and the store's time.
//! * [`step_store`]: the port itself. It hands each step to a `Runner`, which runs it whole, one at
//!   a time, and answers when what it says is durable.
//! * [`memory`] and [`redb`]: the two runners.
//!
//! What a message may become is not decided here: the steps load its record, call the transition of
//! `domain::message`, and save what came out. [`redis`] cannot do that, as its steps run on the server:
//! there the same rules are scripts. `contract` is the suite that every store must pass.

mod applied;
#[cfg(test)]
pub(crate) mod contract;
mod indexes;
mod keys;
pub mod memory;
mod queries;
mod record;
pub mod redb;
pub mod redis;
mod references;
mod rows;
pub mod step_store;
mod steps;
mod sums;
mod tallies;
mod tuning;
mod values;
