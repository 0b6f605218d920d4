//! Telnyx: `POST /v2/messages`, JSON in, JSON out.
//!
//! Facts and their sources are PROVIDERS.md §2. Telnyx knows a repeated request by its
//! `Idempotency-Key`, which is the message's id, if its body is the same to the byte. So a body is
//! made once, before the message is stored, and nothing in it belongs to an attempt. What was written
//! and not answered is unknown, and the engine may settle it by writing the same again.

mod answer;
mod client;
mod codes;
mod request;
#[cfg(test)]
pub(super) mod tests;

pub use client::{Settings, Telnyx};
