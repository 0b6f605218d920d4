//! Sendyard's engine: pace, order, durability and providers behind ports, without any I/O of its own.
//!
//! The way of a message: `intake` takes a request in, `directory` finds its number's `sender`, which
//! stores it through the `journal`, decides when it goes, and claims it; `provider` checks it a last
//! time and starts its `attempt`, which records the outcome. `sweeper` finds what a lost hint missed.
//! Rules are in `domain`, the world in `ports`.

pub mod admission;
mod alarm;
pub mod attempt;
mod backlog;
mod circuit;
mod crowd;
pub mod crowding;
pub mod directory;
pub mod domain;
mod ears;
pub mod engine;
mod handled;
mod inquiries;
mod intake;
pub mod journal;
pub mod listing;
pub mod outcomes;
pub mod places;
pub mod ports;
pub mod provider;
pub mod roster;
pub mod sender;
pub mod settings;
pub mod shards;
mod shares;
mod sharing;
pub mod slowing;
mod survey;
mod sweeper;
pub mod telemetry;
mod timers;
