//! Vonage: `POST /v1/messages` (Messages API v1), JSON in, JSON out.
//!
//! Facts and their sources are PROVIDERS.md §3. Vonage has no client-side deduplication: what was
//! written and not answered is unknown, and only our `client_ref`, which every status of a message
//! repeats, can settle it.

mod answer;
mod authorization;
mod client;
mod codes;
mod media;
mod request;
#[cfg(test)]
pub(super) mod tests;
mod token;

pub use client::{Credentials, Settings, Vonage};
pub use token::{NotRsaKey, PrivateKey};
