//! A limit: so many units per window, such as `1/s`, `30 requests/s`, `2000/day@America/Los_Angeles`.
//!
//! `reading` has the form in which it is written.

mod reading;

use std::fmt;
use std::time::Duration;

pub use self::reading::{BadLimit, read_all};

use super::calendar::Calendar;
use super::cost::Cost;

/// Names of sliding windows and their seconds, the longest first.
const NAMES: [(&str, u64); 3] = [("h", 3600), ("min", 60), ("s", 1)];

/// One limit: at most `units` in every window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Units per window, at least 1.
    pub units: u32,
    /// What counts, and as how many units.
    pub counts: Counts,
    /// The windows.
    pub window: WindowKind,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Of what one unit is.
    pub unit: Unit,
    /// Which messages count at all.
    pub traffic: Traffic,
}

/// What one unit of a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// A segment.
    #[default]
    Segments,
    /// A message, each time that it is handed over.
    Messages,
    /// A request. The engine writes one for each hand-over, so it counts as messages do.
    Requests,
}

/// Which messages a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Traffic {
    /// All.
    #[default]
    Any,
    /// Those without media.
    Sms,
    /// Those with media.
    Mms,
}

/// The windows of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowKind {
    /// Every window of this length, wherever it begins.
    Sliding(Duration),
    /// The days, weeks or months of a zone.
    Calendar(Calendar),
}

impl Limit {
    /// So many segments in every window of this length.
    pub fn segments(units: u32, window: Duration) -> Self {
        Self { units, counts: Counts::default(), window: WindowKind::Sliding(window) }
    }

    /// The window's length, where it slides.
    pub const fn sliding(&self) -> Option<Duration> {
        match self.window {
            WindowKind::Sliding(length) => Some(length),
            WindowKind::Calendar(_) => None,
        }
    }
}

impl Counts {
    /// How many units this is.
    pub const fn of(self, cost: Cost) -> u32 {
        let counted = match self.traffic {
            Traffic::Any => true,
            Traffic::Sms => !cost.mms,
            Traffic::Mms => cost.mms,
        };
        match self.unit {
            _ if !counted => 0,
            Unit::Segments => cost.segments,
            Unit::Messages | Unit::Requests => cost.messages,
        }
    }

    /// The words between number and window.
    const fn words(self) -> &'static str {
        match (self.traffic, self.unit) {
            (Traffic::Any, Unit::Segments) => "",
            (Traffic::Any, Unit::Messages) => " messages",
            (Traffic::Any, Unit::Requests) => " requests",
            (Traffic::Sms, Unit::Segments) => " sms",
            (Traffic::Sms, Unit::Messages) => " sms messages",
            (Traffic::Sms, Unit::Requests) => " sms requests",
            (Traffic::Mms, Unit::Segments) => " mms segments",
            (Traffic::Mms, Unit::Messages) => " mms",
            (Traffic::Mms, Unit::Requests) => " mms requests",
        }
    }
}

impl fmt::Display for Limit {
    /// As it is written in configuration, in whole units.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, words) = (self.units, self.counts.words());
        let length = match &self.window {
            WindowKind::Sliding(length) => *length,
            WindowKind::Calendar(calendar) => return write!(f, "{units}{words}/{calendar}"),
        };
        let seconds = length.as_secs();
        let divides = |(_, size): &&(&str, u64)| seconds >= *size && seconds.is_multiple_of(*size);
        let whole = length.subsec_nanos() == 0;
        match NAMES.iter().find(divides) {
            Some((name, size)) if whole && seconds == *size => write!(f, "{units}{words}/{name}"),
            Some((name, size)) if whole => write!(f, "{units}{words}/{}{name}", seconds / size),
            Some(_) | None => write!(f, "{units}{words}/{length:?}"),
        }
    }
}
