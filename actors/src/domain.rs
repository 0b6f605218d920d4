//! Pure rules: no tokio, no clock, no randomness; `now` is an argument.

pub mod adaptive;
pub mod applied;
pub mod breaker;
pub mod filter;
pub mod fingerprint;
pub mod grants;
pub mod ids;
pub mod lanes;
pub mod message;
pub mod outcome;
pub mod pace;
pub mod phone;
pub mod quiet_hours;
pub mod retry;
pub mod routing;
pub mod segments;
pub mod shard_set;
pub mod share;
pub mod time;
pub mod tuning;
pub mod validity;
