//! What a request is, and how the API should answer it.

use serde::Serialize;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A message that is queued.
    Queued,
    /// One that is handed over before the answer.
    Immediate,
    /// One that is queued, under a fresh idempotency key.
    Keyed,
    /// A keyed request that was accepted before, again.
    Replay,
}

/// One of something for each kind. The fields' names are part of the JSON.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ByKind<T> {
    pub(super) queued: T,
    pub(super) immediate: T,
    pub(super) keyed: T,
    pub(super) replay: T,
}

impl<T> ByKind<T> {
    pub(super) const fn get_mut(&mut self, kind: Kind) -> &mut T {
        match kind {
            Kind::Queued => &mut self.queued,
            Kind::Immediate => &mut self.immediate,
            Kind::Keyed => &mut self.keyed,
            Kind::Replay => &mut self.replay,
        }
    }
}
