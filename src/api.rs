//! The HTTP front door: keys, formats, and the one form of answers and errors (API.md §1, §2, §6).
//!
//! It knows the engine's handle and the domain, never a store or a provider. It owns no state: what a
//! handler needs is in [`Front`]. Order of every keyed request: key, scope, body, fields, engine.
//! `router.rs` is the way in; each resource has a file; `errors.rs` holds every code.

mod accounts;
mod admin;
pub mod auth;
mod cancel;
mod cancel_many;
pub mod directory;
mod docs;
mod errors;
mod health;
mod json;
mod limits;
mod list;
mod message;
mod message_id;
mod messages;
mod openapi;
mod place;
mod request_id;
mod router;
mod senders;
mod stats;
mod status;
mod times;
mod unbuilt;
mod unknown;
mod words;

pub use admin::{AdminToken, Drain};
pub use errors::page::error_table;
pub use health::{DiskRoom, checks};
pub use messages::batch::Batches;
pub use openapi::openapi;
pub use router::{Front, MetricsPage, router};
