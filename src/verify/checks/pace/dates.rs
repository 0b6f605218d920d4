//! What the windows of a zone's dates hold.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Stamp, View};
use crate::verify::limits::{Every, Limit};

/// What one window holds so far.
#[derive(Default)]
struct Held {
    queued: u64,
    /// Instants and units of immediate ones, in order of time.
    immediate: Vec<(u64, u64)>,
}

/// For each stamp, what its window holds with it; 0 where the instant does not tell the window.
pub(super) fn sums(view: &View, stamps: &[Stamp], limit: &Limit, every: Every, zone: &str) -> Vec<u64> {
    // It was found when the limit was read.
    let Ok(zone) = TimeZone::get(zone) else { return vec![0; stamps.len()] };
    let mut windows: HashMap<Date, Held> = HashMap::new();
    let mut sum_with = |stamp: &Stamp| {
        let Some(first) = surely_in(view, every, &zone, stamp.at_us) else { return 0 };
        hold(&mut windows, limit, every, stamp, first);
        let Some(held) = windows.get(&first) else { return 0 };
        let surely_before = stamp.at_us.saturating_sub(view.jitter_us);
        let before = held.immediate.iter().take_while(|(at_us, _)| *at_us <= surely_before);
        held.queued + before.map(|(_, units)| units).sum::<u64>()
    };
    stamps.iter().map(&mut sum_with).collect()
}

/// A message larger than the limit takes up the following windows, too.
fn hold(windows: &mut HashMap<Date, Held>, limit: &Limit, every: Every, stamp: &Stamp, first: Date) {
    let mut left = limit.units_of(stamp.segments, stamp.mms);
    let mut window = Some(first);
    while let Some(at) = window.filter(|_| left > 0) {
        let units = left.min(limit.units);
        let held = windows.entry(at).or_default();
        if stamp.queued {
            held.queued += units;
        } else {
            held.immediate.push((stamp.at_us, units));
        }
        left -= units;
        window = every.next(at);
    }
}

/// The window of an instant, unless the jitter leaves it open.
fn surely_in(view: &View, every: Every, zone: &TimeZone, at_us: u64) -> Option<Date> {
    let here = every.window(zone, at_us)?;
    let before = every.window(zone, at_us.saturating_sub(view.shorter_by_us))?;
    let after = every.window(zone, at_us.saturating_add(view.shorter_by_us))?;
    (before == here && after == here).then_some(here)
}
