//! Sendyard: a self-hosted engine that sends SMS and MMS for applications.
//!
//! The engine itself is the crate `sendyard-actors`; here are its front door (`api`), its ways out
//! (`providers`), its stores (`store`), a stand-in for the providers (`twin`), what measures and
//! judges a run (`load`, `verify`), what speaks to a running server (`client`, `import`), and what wires
//! them (`config`, `boot`, `cli`).

pub mod api;
pub mod boot;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
mod fields;
pub mod import;
pub mod load;
pub mod providers;
pub mod shutdown;
pub mod store;
#[cfg(feature = "otel")]
pub mod traces;
pub mod twin;
pub mod verify;
