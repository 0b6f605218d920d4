//! One line of the ledger. Its JSON is a promise to those who check against it: `docs/TWIN.md`.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Serialize, Serializer};

/// Given to a request when its body has been read.
#[derive(Debug, Clone, Copy)]
pub(in crate::twin) struct Stamp {
    /// From 1, in the order in which requests were read.
    pub(in crate::twin) seq: u64,
    /// The twin's clock, microseconds since the epoch.
    pub(in crate::twin) at_us: u64,
}

/// A request, and what was made of it.
#[derive(Debug, Serialize)]
pub(in crate::twin) struct Line {
    pub(in crate::twin) seq: u64,
    pub(in crate::twin) at_us: u64,
    /// The face that was asked.
    pub(in crate::twin) provider: &'static str,
    /// As the request named it, valid or not.
    pub(in crate::twin) account: String,
    /// Would the provider send it?
    pub(in crate::twin) accepted: bool,
    /// Did an answer go out?
    pub(in crate::twin) answered: Answered,
    /// Of the answer, also where it was not let out.
    pub(in crate::twin) status: u16,
    /// The provider's error code in that answer.
    pub(in crate::twin) code: Option<u32>,
    /// Present exactly where accepted.
    pub(in crate::twin) provider_message_id: Option<String>,
    /// The line of the acceptance whose answer was given again. Not in the JSON of other lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::twin) replay_of: Option<u64>,
    pub(in crate::twin) from: Option<String>,
    pub(in crate::twin) to: String,
    pub(in crate::twin) text: String,
    pub(in crate::twin) media: Vec<String>,
    /// By the twin's own count; 1 for a message with media.
    pub(in crate::twin) segments: u32,
    /// The query parameter `a` of the callback's URL.
    pub(in crate::twin) token: Option<String>,
    /// Kept for the message resource, not part of the ledger's JSON.
    #[serde(skip)]
    pub(in crate::twin) service: Option<String>,
}

impl Line {
    /// Appends the line's JSON and a line feed.
    pub(in crate::twin) fn render(&self, out: &mut Vec<u8>) {
        let before = out.len();
        if let Err(error) = serde_json::to_writer(&mut *out, self) {
            out.truncate(before);
            tracing::error!(%error, seq = self.seq, "a ledger line could not be written as JSON");
            return;
        }
        out.push(b'\n');
    }
}

/// Whether an answer went out: false in JSON while that is open.
#[derive(Debug)]
pub(in crate::twin) struct Answered(AtomicU8);

const OPEN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

impl Answered {
    /// Goes out at once.
    pub(in crate::twin) const fn yes() -> Self {
        Self(AtomicU8::new(YES))
    }

    /// Never will.
    pub(in crate::twin) const fn no() -> Self {
        Self(AtomicU8::new(NO))
    }

    /// Held back; to be settled.
    pub(in crate::twin) const fn open() -> Self {
        Self(AtomicU8::new(OPEN))
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) == OPEN
    }

    pub(super) fn settle(&self, answered: bool) {
        self.0.store(if answered { YES } else { NO }, Ordering::Relaxed);
    }
}

impl Serialize for Answered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self.0.load(Ordering::Relaxed) == YES)
    }
}
