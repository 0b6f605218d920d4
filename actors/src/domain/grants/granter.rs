//! The owner's side: who wants units, who has some, and what the account's pace allows.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Charged, Grant, LASTS, PORTION, Report, WANT_LASTS, Want};
use crate::domain::ids::Incarnation;
use crate::domain::pace::{Allowed, Cost, Costs, Limit, Pace, Permit};
use crate::domain::time::Time;

/// For so long it is known which units used without a grant a process has told of.
const REMEMBERED: Duration = Duration::from_mins(1);

/// A want, and what was granted since it was told.
#[derive(Debug)]
struct Wanted {
    want: Want,
    heard_at: Time,
    /// What it got last had media: it is the others' turn.
    had_media: bool,
    /// The grants that it knows nothing of: number, units, and when.
    since: Vec<(u64, Costs, Time)>,
}

impl Wanted {
    /// Units that are still wanted.
    fn units(&self) -> Costs {
        self.since.iter().fold(self.want.units, |still, (_, units, _)| still.minus(*units))
    }

    /// The least of what is still wanted, with media or without, that is of use. Something of it, so that each grant
    /// leaves less to be granted, also where no limit counts it.
    fn next(&self, still: Costs) -> Costs {
        let next = self.want.next.least(still);
        if next.is_nothing() { still.least(Costs::ONE_OF_EACH) } else { next }
    }

    /// Told anew. A grant that was not received while it lasted is lost.
    fn replace(&mut self, want: Want, now: Time) {
        (self.want, self.heard_at) = (want, now);
        self.since.retain(|(number, _, granted_at)| *number > want.seen && *granted_at + LASTS > now);
    }
}

/// A grant of which not everything is known.
#[derive(Debug)]
struct Out {
    number: u64,
    permit: Permit,
    units: Costs,
    used: Costs,
    unused: Costs,
    not_after: Time,
}

impl Out {
    fn open(&self) -> Costs {
        self.units.minus(self.used).minus(self.unused)
    }
}

/// The last [`Charged`] that was heard of a process.
#[derive(Debug)]
struct LastCharged {
    process: Incarnation,
    number: u64,
    heard_at: Time,
}

/// What a round of granting came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Granted {
    /// To be passed on now.
    pub grants: Vec<Grant>,
    /// When to grant again, if nothing is heard before; `None`: nobody wants anything.
    pub again_at: Option<Time>,
}

/// Until when the limits hold back what has media, and what has none.
#[derive(Debug, Default)]
struct HeldBack {
    sms: Option<Time>,
    mms: Option<Time>,
}

impl HeldBack {
    const fn of(&self, mms: bool) -> Option<Time> {
        if mms { self.mms } else { self.sms }
    }

    fn note<T>(&mut self, mms: bool, until: Time) -> Option<T> {
        *(if mms { &mut self.mms } else { &mut self.sms }) = Some(until);
        None
    }

    fn until(&self) -> Option<Time> {
        self.sms.into_iter().chain(self.mms).min()
    }
}

/// The account's pace, and who may use it.
#[derive(Debug)]
pub struct Granter {
    me: Incarnation,
    pace: Pace,
    wants: Vec<Wanted>,
    turns: VecDeque<Incarnation>,
    /// In the order of their ends.
    out: VecDeque<Out>,
    next_number: u64,
    /// Since when somebody wants something without a pause.
    since: Option<Time>,
    charged: Vec<LastCharged>,
}

impl Granter {
    /// With the hand-overs that count, as for [`Pace::new`]: no grant of an earlier owner may be used any more.
    pub fn new(
        me: Incarnation,
        limits: &[Limit],
        stamps: impl IntoIterator<Item = (Time, Cost)>,
        now: Time,
    ) -> Self {
        Self {
            me,
            pace: Pace::new(limits, None, stamps, now),
            wants: Vec::new(),
            turns: VecDeque::new(),
            out: VecDeque::new(),
            // Behind those of an earlier granter of this process.
            next_number: now.as_nanos(),
            since: None,
            charged: Vec::new(),
        }
    }

    /// What was handed over until `at` is not known: nothing is granted before every window of then is over.
    pub fn fill(&mut self, at: Time, now: Time) {
        self.pace.fill(at, now);
    }

    /// A process wants units, or none any more.
    pub fn wanted(&mut self, want: Want, now: Time) {
        let known = self.wants.iter_mut().find(|known| known.want.process == want.process);
        match known {
            Some(known) if known.want.number >= want.number => {}
            Some(known) => known.replace(want, now),
            None => {
                self.wants.push(Wanted { want, heard_at: now, had_media: true, since: Vec::new() });
                self.turns.push_back(want.process);
            }
        }
    }

    /// What became of a grant. Of another owner's, or of one that is over, nothing follows.
    pub fn reported(&mut self, report: Report, now: Time) {
        self.end_what_is_over(now);
        if report.owner != self.me {
            return;
        }
        let Some(out) = self.out.iter_mut().find(|out| out.number == report.number) else { return };
        // Each was used before the last one, and that one before this was sent.
        let at = (now - report.age).min(out.not_after);
        let used = report.used.minus(out.used).least(out.open());
        out.used = out.used.plus(used);
        let unused = report.unused.minus(out.unused).least(out.open());
        out.unused = out.unused.plus(unused);
        self.pace.stamp_part(out.permit, used, at);
        self.pace.abandon_part(out.permit, unused);
    }

    /// Units were used that nobody asked for. Heard twice they count once.
    pub fn charged(&mut self, charged: Charged, now: Time) {
        let Charged { process, number, units, age } = charged;
        // Forgotten too early, one would count twice: that is slow, and never over.
        self.charged.retain(|last| last.heard_at + REMEMBERED > now);
        match self.charged.iter_mut().find(|last| last.process == process) {
            Some(last) if last.number >= number => return,
            Some(last) => (last.number, last.heard_at) = (number, now),
            None => self.charged.push(LastCharged { process, number, heard_at: now }),
        }
        self.pace.charge(now - age, units);
    }

    /// Grants what is due.
    pub fn grant(&mut self, now: Time) -> Granted {
        self.end_what_is_over(now);
        self.wants.retain(|known| known.heard_at + WANT_LASTS > now);
        let wants = &self.wants;
        self.turns.retain(|process| wants.iter().any(|known| known.want.process == *process));
        let mut grants = Vec::new();
        let mut held_back = HeldBack::default();
        while let Some((place, units, at)) = self.next_in_turn(&mut held_back, now) {
            grants.extend(self.give(place, units, at, now));
        }
        if self.wants.iter().all(|known| known.units().is_nothing()) {
            self.since = None;
        }
        Granted { grants, again_at: held_back.until() }
    }

    /// How far back the hand-overs matter.
    pub fn memory(&self) -> Duration {
        self.pace.memory()
    }

    /// Units that are out, and of which nobody knows whether they were used.
    #[cfg(test)]
    pub(super) fn open_units(&self) -> Costs {
        self.out.iter().fold(Costs::NOTHING, |all, out| all.plus(out.open()))
    }

    /// As many units as need not wait for long, and not fewer than one message needs: of a day that is nearly used
    /// up the rest is passed on, too. More than a limit allows in a window only one message gets that needs as much.
    fn fitting(&mut self, most: Costs, least: Costs, since: Time, now: Time) -> Costs {
        let mut units = most;
        while units != least {
            match self.pace.look_ahead(since, now, units) {
                Allowed::At(at) if at <= now + PORTION && !self.pace.is_beyond_a_limit(units) => {
                    return units;
                }
                Allowed::At(_) | Allowed::WhenStamped => units = units.half().most(least),
            }
        }
        units
    }

    /// Whose turn it is, by its place among the wants, and what it gets now. What the limits hold back of one, with media
    /// or without, they hold back of those behind it; the other goes on meanwhile.
    fn next_in_turn(&mut self, held_back: &mut HeldBack, now: Time) -> Option<(usize, Costs, Time)> {
        for index in 0..self.turns.len() {
            let process = *self.turns.get(index)?;
            let place = self.wants.iter().position(|known| known.want.process == process)?;
            let had_media = self.wants.get(place)?.had_media;
            for mms in [!had_media, had_media] {
                if held_back.of(mms).is_none()
                    && let Some((units, at)) = self.part_in_turn(place, mms, held_back, now)
                {
                    self.turns.remove(index);
                    self.turns.push_back(process);
                    return Some((place, units, at));
                }
            }
        }
        None
    }

    /// What one gets now of what it wants with media, or without; or it is noted until when that is held back.
    fn part_in_turn(
        &mut self,
        place: usize,
        mms: bool,
        held_back: &mut HeldBack,
        now: Time,
    ) -> Option<(Costs, Time)> {
        let wanted = self.wants.get(place)?;
        let still = wanted.units().only(mms);
        if still.is_nothing() {
            return None;
        }
        let least = wanted.next(still);
        let most = self.pace.portion(still, PORTION).most(least);
        let since = *self.since.get_or_insert(now);
        let units = self.fitting(most, least, since, now);
        match self.pace.next_allowed(since, now, units) {
            Allowed::At(at) if at <= now => {
                self.wants.get_mut(place)?.had_media = mms;
                Some((units, at))
            }
            Allowed::At(at) => held_back.note(mms, at),
            Allowed::WhenStamped => {
                // Somebody says so, or it is over.
                let at = self.out.front().map_or(now + LASTS, |first| just_after(first.not_after));
                held_back.note(mms, at)
            }
        }
    }

    fn give(&mut self, place: usize, units: Costs, at: Time, now: Time) -> Option<Grant> {
        let sharers = self.wants.iter().filter(|known| !known.want.units.is_nothing()).count();
        let wanted = self.wants.get_mut(place)?;
        let permit = self.pace.take(at, now, units);
        self.next_number += 1;
        let number = self.next_number;
        self.out.push_back(Out {
            number,
            permit,
            units,
            used: Costs::NOTHING,
            unused: Costs::NOTHING,
            not_after: now + LASTS,
        });
        wanted.since.push((number, units, now));
        Some(Grant {
            owner: self.me,
            process: wanted.want.process,
            number,
            units,
            asked_at: wanted.want.sent_at,
            held: now.since(wanted.heard_at),
            sharers: u32::try_from(sharers).unwrap_or(u32::MAX),
        })
    }

    /// Of what is over and was not reported, everything may have been used, up to its last instant.
    fn end_what_is_over(&mut self, now: Time) {
        while let Some(over) =
            self.out.pop_front_if(|first| first.not_after < now || first.open().is_nothing())
        {
            self.pace.stamp_part(over.permit, over.open(), over.not_after);
        }
    }
}

fn just_after(time: Time) -> Time {
    time + Duration::from_nanos(1)
}
