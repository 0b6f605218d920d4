//! The HTTP front door, through the real router with real keys.

mod app;
mod bad_bodies;
mod bad_fields;
mod body_limits;
mod health;
mod keys;
mod media_types;
mod openapi;
mod panics;
mod paths;
mod queue_stats;
mod request_ids;
mod scopes;
mod unbuilt;
mod unknown_ids;
