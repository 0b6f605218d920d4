//! One file a promise; each says what it concludes from what.

pub(super) mod cancel;
pub(super) mod durable;
pub(super) mod once;
pub(super) mod order;
pub(super) mod pace;
pub(super) mod truth;
