//! What a hand-over costs of the pace. Limits count in different units, so it says all of them.

/// The cost of one hand-over, or of several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Segments, at least 1 of a whole hand-over.
    pub segments: u32,
    /// 1; 0 of what the provider counted beyond our own count of a hand-over that is charged already.
    /// More: these are several hand-overs of the past, added up.
    pub messages: u32,
    /// With media.
    pub mms: bool,
}

impl Cost {
    /// A text message of so many segments.
    pub const fn sms(segments: u32) -> Self {
        Self { segments, messages: 1, mms: false }
    }

    /// A message with media of so many segments.
    pub const fn mms(segments: u32) -> Self {
        Self { segments, messages: 1, mms: true }
    }

    /// Segments of the same kind that belong to a hand-over which is charged already.
    #[must_use]
    pub const fn more(self, segments: u32) -> Self {
        Self { segments, messages: 0, ..self }
    }

    /// The same hand-over, of so many segments.
    #[must_use]
    pub const fn with_segments(self, segments: u32) -> Self {
        Self { segments, ..self }
    }

    /// Is what was asked for this enough for the other, whatever the limits count?
    pub const fn covers(self, other: Self) -> bool {
        self.mms == other.mms && self.segments >= other.segments && self.messages >= other.messages
    }
}
