//! Pace: no window of a sender holds more than its limit.
//!
//! Judged twice: by the engine's own instants (`sent_at`), exactly; and by the instants at which the
//! provider read the requests, refused ones too, in windows shortened by the jitter. A request that the
//! provider answered as a repetition is none of its own: it hands over what is there already.
//!
//! A window is half-open, (x − w, x], and is judged where it ends with a queued message. An immediate
//! message goes without asking and may be decided after the queued one it precedes by a hair: within
//! the jitter before the judged instant it is not counted, earlier it is. A message larger than the
//! limit needs an empty window and takes up the following ones (PACE.md §2, *Oversize*).
//!
//! Windows of dates are judged by the date that the zone showed at each instant. By the provider's
//! instants what is within the jitter of midnight is left out: it may be of the other date.
//!
//! When the limits changed within a window, the window keeps the promise if any of the epochs it
//! touches allows it: the files do not tell the instant of each decision.

mod dates;

use std::collections::{BTreeMap, HashMap};

use crate::verify::inputs::{Kind, Shown};
use crate::verify::limits::{Epoch, Every, Limit, Window};
use crate::verify::report::{Finding, Promise};
use crate::verify::run::{Message, Run};

/// A hand-over that counts.
#[derive(Clone, Copy)]
struct Stamp<'a> {
    at_us: u64,
    segments: u64,
    mms: bool,
    id: &'a str,
    queued: bool,
}

/// Whose instants are judged, and how.
struct View {
    name: &'static str,
    /// How much shorter than the limit's the judged window is.
    shorter_by_us: u64,
    jitter_us: u64,
}

/// Judges every hand-over of a sender whose limits are known.
pub(in crate::verify) fn check(run: &Run) -> Finding {
    let mut finding = Finding::new(Promise::Pace);
    let jitter_us = run.jitter_us();
    let views = [
        (View { name: "sent_at", shorter_by_us: 0, jitter_us }, stamps(run, own_instants)),
        (View { name: "ledger", shorter_by_us: jitter_us, jitter_us }, stamps(run, ledger_instants)),
    ];
    for (view, senders) in views {
        for (names, history) in &run.inputs.limits {
            // Several that are named together share the limits: those of an account.
            let named = names.split(' ').filter_map(|sender| senders.get(sender));
            let mut stamps: Vec<Stamp> = named.flatten().copied().collect();
            stamps.sort_by_key(|stamp| (stamp.at_us, stamp.queued));
            finding.checked += stamps.iter().filter(|stamp| stamp.queued).count() as u64;
            // Apart, as the window of one is no reason to think that the other's limits changed in it.
            for kind in [is_sliding, is_of_dates] {
                judge(&view, names, &stamps, history, kind, &mut finding);
            }
        }
    }
    finding
}

fn is_sliding(limit: &Limit) -> bool {
    matches!(limit.window, Window::Sliding(_))
}

fn is_of_dates(limit: &Limit) -> bool {
    !is_sliding(limit)
}

type BySender<'a> = BTreeMap<&'a str, Vec<Stamp<'a>>>;

fn stamps<'a>(run: &Run<'a>, of: fn(&Message<'a>, u64, &mut BySender<'a>)) -> BySender<'a> {
    let mut senders = BTreeMap::new();
    for message in &run.messages {
        of(message, run.jitter_us(), &mut senders);
    }
    senders
}

/// The engine's instant of each sent message. Where it is later than the provider's, the message was
/// settled by late evidence and this is the evidence's instant, no hand-over.
fn own_instants<'a>(message: &Message<'a>, jitter_us: u64, senders: &mut BySender<'a>) {
    let (Some(status), Some((sender, _))) = (message.status, message.conversation()) else { return };
    let (Some(Shown::Sent), Some(at_us)) = (status.status, status.sent_at_us) else { return };
    let redated = message.accepted().next().is_some_and(|line| at_us > line.at_us.saturating_add(jitter_us));
    if redated {
        return;
    }
    senders.entry(sender).or_default().push(Stamp {
        at_us,
        segments: u64::from(status.segments.max(1)),
        mms: message.lines.iter().any(|line| line.is_mms()),
        id: message.id,
        queued: message.is_queued(),
    });
}

/// The provider's instant of each request.
fn ledger_instants<'a>(message: &Message<'a>, _jitter_us: u64, senders: &mut BySender<'a>) {
    let queued = message.kind() == Some(Kind::Queued);
    for line in message.lines.iter().filter(|line| !message.is_replay(line)) {
        let Some(sender) = line.from.as_deref() else { continue };
        let (at_us, segments, mms) = (line.at_us, u64::from(line.segments.max(1)), line.is_mms());
        senders.entry(sender).or_default().push(Stamp { at_us, segments, mms, id: message.id, queued });
    }
}

fn judge(
    view: &View,
    sender: &str,
    stamps: &[Stamp],
    history: &[Epoch],
    kind: fn(&Limit) -> bool,
    finding: &mut Finding,
) {
    let mut sums: HashMap<&Limit, Vec<u64>> = HashMap::new();
    for limit in history.iter().flat_map(|epoch| &epoch.limits).filter(|limit| kind(limit)) {
        sums.entry(limit).or_insert_with(|| sums_of(view, stamps, limit));
    }
    let longest_us = sums.keys().map(|limit| longest_us(limit)).max().unwrap_or(0);
    for (place, stamp) in stamps.iter().enumerate().filter(|(_, stamp)| stamp.queued) {
        let over = |limit: &Limit| {
            let counts = limit.units_of(stamp.segments, stamp.mms) > 0;
            let sum =
                sums.get(limit).filter(|_| counts).and_then(|sums| sums.get(place)).copied().unwrap_or(0);
            (sum > limit.units).then_some((limit.clone(), sum))
        };
        let since_us = stamp.at_us.saturating_sub(longest_us);
        let mut worst = None;
        for epoch in in_force(history, since_us, stamp.at_us) {
            worst = epoch.limits.iter().find_map(over);
            if worst.is_none() {
                break;
            }
        }
        if let Some((limit, sum)) = worst {
            finding.violated(format!(
                "{sender} by {}: {sum} units in {} up to {} ({}), the limit is {}",
                view.name,
                window_name(view, &limit),
                stamp.at_us,
                stamp.id,
                limit.units
            ));
        }
    }
}

/// The epochs that were in force at any time within the two instants. The first one holds from the
/// beginning, whatever its instant says.
fn in_force(history: &[Epoch], since_us: u64, until_us: u64) -> impl Iterator<Item = &Epoch> {
    let begun = history.partition_point(|epoch| epoch.from_us <= until_us).max(1);
    let over = history.partition_point(|epoch| epoch.from_us <= since_us).saturating_sub(1);
    history.iter().take(begun).skip(over)
}

const fn longest_us(limit: &Limit) -> u64 {
    match limit.window {
        Window::Sliding(window_us) => window_us,
        Window::Dates(every, _) => every.longest_us(),
    }
}

fn window_name(view: &View, limit: &Limit) -> String {
    match &limit.window {
        Window::Sliding(window_us) => format!("the {} us", window_us - view.shorter_by_us),
        Window::Dates(Every::Day, zone) => format!("the day of {zone}"),
        Window::Dates(Every::Week, zone) => format!("the week of {zone}"),
        Window::Dates(Every::Month, zone) => format!("the month of {zone}"),
    }
}

/// For each stamp, what the window that ends with it holds under this limit.
fn sums_of(view: &View, stamps: &[Stamp], limit: &Limit) -> Vec<u64> {
    match &limit.window {
        Window::Sliding(window_us) => window_sums(view, stamps, limit, *window_us),
        Window::Dates(every, zone) => dates::sums(view, stamps, limit, *every, zone),
    }
}

fn window_sums(view: &View, stamps: &[Stamp], limit: &Limit, window_us: u64) -> Vec<u64> {
    let window_us = window_us.saturating_sub(view.shorter_by_us);
    let queued = Charges::of(stamps.iter().filter(|stamp| stamp.queued), limit, window_us);
    let immediate = Charges::of(stamps.iter().filter(|stamp| !stamp.queued), limit, window_us);
    let (mut queued, mut immediate) = (queued.sliding(), immediate.sliding());
    let sum_up_to = |stamp: &Stamp| {
        let after_us = stamp.at_us.checked_sub(window_us);
        let surely_before = stamp.at_us.saturating_sub(view.jitter_us);
        queued.sum(after_us, stamp.at_us) + immediate.sum(after_us, surely_before)
    };
    stamps.iter().map(sum_up_to).collect()
}

/// Units at instants, in order of time; a message larger than the limit is several.
struct Charges(Vec<(u64, u64)>);

impl Charges {
    fn of<'a>(stamps: impl Iterator<Item = &'a Stamp<'a>>, limit: &Limit, window_us: u64) -> Self {
        let mut charges = Vec::new();
        for stamp in stamps {
            let (mut at_us, mut left) = (stamp.at_us, limit.units_of(stamp.segments, stamp.mms));
            while left > limit.units {
                charges.push((at_us, limit.units));
                (at_us, left) = (at_us.saturating_add(window_us), left - limit.units);
            }
            charges.push((at_us, left));
        }
        charges.sort_unstable();
        Self(charges)
    }

    fn sliding(self) -> Sliding {
        Sliding {
            coming: self.0.clone().into_iter().peekable(),
            going: self.0.into_iter().peekable(),
            sum: 0,
        }
    }
}

type Row = std::iter::Peekable<std::vec::IntoIter<(u64, u64)>>;

/// The sum over a window whose two ends only move forward.
struct Sliding {
    coming: Row,
    going: Row,
    sum: u64,
}

impl Sliding {
    /// What lies after `after_us` (none: from the beginning) and not after `until_us`.
    fn sum(&mut self, after_us: Option<u64>, until_us: u64) -> u64 {
        while let Some((_, units)) = self.coming.next_if(|(at_us, _)| *at_us <= until_us) {
            self.sum += units;
        }
        let Some(after_us) = after_us.map(|after_us| after_us.min(until_us)) else { return self.sum };
        while let Some((_, units)) = self.going.next_if(|(at_us, _)| *at_us <= after_us) {
            self.sum -= units;
        }
        self.sum
    }
}
