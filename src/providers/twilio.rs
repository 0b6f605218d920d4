//! Twilio: `POST /2010-04-01/Accounts/{sid}/Messages.json`, form in, JSON out.
//!
//! Facts and their sources are PROVIDERS.md §1. Twilio has no client-side deduplication: what was
//! written and not answered is unknown, and only our token in the status callback can settle it.

mod answer;
mod client;
mod codes;
mod request;
#[cfg(test)]
pub(super) mod tests;

pub use client::{Settings, Twilio};
