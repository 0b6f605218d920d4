//! The HTTP front door, through the real router with real keys, before a real engine.

mod app;

mod accepting;
mod accounts;
mod back_pressure;
mod bad_bodies;
mod bad_fields;
mod batch;
mod body_limits;
mod cancelling;
mod described;
mod directory;
mod docs;
mod health;
mod idempotency;
mod immediate;
mod isolation;
mod keys;
mod lists;
mod media_types;
mod noted;
mod openapi;
mod panics;
mod paths;
mod queue_stats;
mod request_ids;
mod scopes;
mod senders;
mod timed;
mod unbuilt;
mod unknown;
mod unknown_ids;
