//! Who wants places of the account, in two lines: those whose next message is a text, and those whose next one has
//! media. A limit may hold back one of them alone, and the other goes on meanwhile.
//!
//! Pure. In each line whoever had its turn longest ago is first, and of those that had none for long who asked first:
//! so it does not hang on who asked a moment earlier, and one that sends little waits for one turn of each other at
//! most. Bounded by the senders that run.

use std::collections::{BTreeSet, HashMap};

use crate::domain::pace::Cost;
use crate::domain::phone::E164;
use crate::domain::time::Time;

/// So many turns of others are long ago, and as many more as there are others.
const LONG_AGO: usize = 1024;

/// One of the two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Texts,
    Media,
}

impl Line {
    const BOTH: [Self; 2] = [Self::Texts, Self::Media];

    const fn of(cost: Cost) -> Self {
        if cost.mms { Self::Media } else { Self::Texts }
    }
}

/// When a sender had its last turn, and when it asked for the next: both count up. 0 is long ago.
type Turn = (u64, u64);

/// What a sender wants of the account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) places: usize,
    pub(super) cost: Cost,
    turn: Turn,
}

#[derive(Debug, Default)]
struct Standing {
    senders: BTreeSet<(Turn, E164)>,
    /// Who has its turn, and how many places it has got in it.
    got: Option<(E164, usize)>,
    /// Since when somebody has stood here without a pause.
    since: Option<Time>,
}

/// Both lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    wants: HashMap<E164, Wanted>,
    texts: Standing,
    media: Standing,
    /// Those that had a turn not long ago.
    had: HashMap<E164, u64>,
    turns: u64,
    asked: u64,
}

impl Lines {
    /// A sender wants so many places. Asked again, this is what it wants; its turn stays where it is.
    pub(super) fn wants(&mut self, sender: E164, places: usize, cost: Cost) {
        let turn = match self.wants.get_mut(&sender) {
            Some(known) if known.cost.mms == cost.mms => {
                (known.places, known.cost) = (places, cost);
                return;
            }
            Some(known) => known.turn,
            None => {
                self.asked += 1;
                (self.had.get(&sender).copied().unwrap_or_default(), self.asked)
            }
        };
        self.wants_not(sender);
        self.wants.insert(sender, Wanted { places, cost, turn });
        self.at_mut(Line::of(cost)).senders.insert((turn, sender));
    }

    /// It wants none any more.
    pub(super) fn wants_not(&mut self, sender: E164) {
        let Some(wanted) = self.wants.remove(&sender) else { return };
        let standing = self.at_mut(Line::of(wanted.cost));
        standing.senders.remove(&(wanted.turn, sender));
        let _ = standing.got.take_if(|(first, _)| *first == sender);
        if standing.senders.is_empty() {
            standing.since = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wants.is_empty()
    }

    /// Those in which somebody stands, in the order of their first ones.
    pub(super) fn in_order(&self) -> impl Iterator<Item = Line> + use<> {
        let first = |line| self.of(line).next().map(|(_, wanted)| (wanted.turn, line));
        let mut lines = Line::BOTH.map(first);
        lines.sort_unstable_by_key(|line| line.map(|(turn, _)| turn));
        lines.into_iter().flatten().map(|(_, line)| line)
    }

    /// All that is wanted, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = (Line, Wanted)> {
        let [mut texts, mut media] =
            Line::BOTH.map(|line| self.of(line).map(move |(_, wanted)| (line, wanted)).peekable());
        std::iter::from_fn(move || match (texts.peek(), media.peek()) {
            (Some((_, text)), Some((_, with_media))) if with_media.turn < text.turn => media.next(),
            (None, _) => media.next(),
            (Some(_), _) => texts.next(),
        })
    }

    /// Those that stand in a line, the first of them first.
    pub(super) fn of(&self, line: Line) -> impl Iterator<Item = (E164, Wanted)> {
        let senders = self.at(line).senders.iter();
        senders.filter_map(|(_, sender)| Some((*sender, *self.wants.get(sender)?)))
    }

    /// Since when somebody has stood in a line; at the latest since now.
    pub(super) fn since(&mut self, line: Line, now: Time) -> Time {
        *self.at_mut(line).since.get_or_insert(now)
    }

    /// One has got a place. After so many in a row its turn is over.
    pub(super) fn got_one(&mut self, sender: E164, in_a_turn: usize) {
        let Some(wanted) = self.wants.get_mut(&sender) else { return };
        wanted.places = wanted.places.saturating_sub(1);
        let Wanted { places, cost, .. } = *wanted;
        let standing = self.at_mut(Line::of(cost));
        let before = standing.got.filter(|(first, _)| *first == sender).map_or(0, |(_, got)| got);
        if places > 0 && before + 1 < in_a_turn {
            standing.got = Some((sender, before + 1));
            return;
        }
        self.wants_not(sender);
        self.had_its_turn(sender);
        if places > 0 {
            self.wants(sender, places, cost);
        }
    }

    fn had_its_turn(&mut self, sender: E164) {
        self.turns += 1;
        self.had.insert(sender, self.turns);
        let enough = LONG_AGO + self.wants.len();
        if self.had.len() > 2 * enough {
            let long_ago = self.turns.saturating_sub(u64::try_from(enough).unwrap_or(u64::MAX));
            self.had.retain(|_, turn| *turn > long_ago);
        }
    }

    const fn at(&self, line: Line) -> &Standing {
        match line {
            Line::Texts => &self.texts,
            Line::Media => &self.media,
        }
    }

    const fn at_mut(&mut self, line: Line) -> &mut Standing {
        match line {
            Line::Texts => &mut self.texts,
            Line::Media => &mut self.media,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(number: u64) -> E164 {
        E164::from_u64(15_550_000 + number).unwrap()
    }

    fn standing(lines: &Lines, line: Line) -> Vec<E164> {
        lines.of(line).map(|(sender, _)| sender).collect()
    }

    #[test]
    fn those_that_had_no_turn_stand_as_they_asked_in_both_lines() {
        let mut lines = Lines::default();
        for number in 0..6 {
            let cost = if number % 2 == 0 { Cost::mms(1) } else { Cost::sms(1) };
            lines.wants(sender(number), 1, cost);
        }
        assert_eq!(standing(&lines, Line::Texts), [1, 3, 5].map(sender));
        assert_eq!(standing(&lines, Line::Media), [0, 2, 4].map(sender));
        assert_eq!(lines.in_order().collect::<Vec<_>>(), [Line::Media, Line::Texts]);
        let turns: Vec<Line> = lines.all().map(|(line, _)| line).collect();
        assert_eq!(turns, [Line::Media, Line::Texts].repeat(3));
        lines.got_one(sender(0), 1);
        assert_eq!(lines.in_order().collect::<Vec<_>>(), [Line::Texts, Line::Media]);
    }

    #[test]
    fn who_had_its_turn_longest_ago_is_first_whoever_asks_first() {
        let mut lines = Lines::default();
        for number in [0, 1, 2] {
            lines.wants(sender(number), 1, Cost::sms(1));
        }
        for number in [0, 1, 2] {
            lines.got_one(sender(number), 1);
        }
        for number in [2, 3, 1, 0] {
            lines.wants(sender(number), 1, Cost::sms(1));
        }
        assert_eq!(standing(&lines, Line::Texts), [3, 0, 1, 2].map(sender), "the third had none");
    }

    #[test]
    fn who_wants_more_stands_behind_the_others_when_its_turn_is_over() {
        let mut lines = Lines::default();
        lines.wants(sender(0), 5, Cost::sms(1));
        lines.wants(sender(1), 5, Cost::sms(1));
        lines.got_one(sender(0), 2);
        assert_eq!(standing(&lines, Line::Texts), [0, 1].map(sender));
        lines.got_one(sender(0), 2);
        assert_eq!(standing(&lines, Line::Texts), [1, 0].map(sender));
        assert_eq!(lines.of(Line::Texts).nth(1).map(|(_, wanted)| wanted.places), Some(3));
        lines.wants(sender(1), 1, Cost::sms(1));
        lines.got_one(sender(1), 2);
        assert_eq!(standing(&lines, Line::Texts), [sender(0)]);
    }

    /// An urgent message with media came in front of its text.
    #[test]
    fn whose_next_message_is_of_the_other_kind_keeps_its_turn() {
        let mut lines = Lines::default();
        for number in 0..4 {
            lines.wants(sender(number), 1, if number == 1 { Cost::sms(1) } else { Cost::mms(1) });
        }
        lines.wants(sender(1), 1, Cost::mms(1));
        assert_eq!(standing(&lines, Line::Media), [0, 1, 2, 3].map(sender));
        assert_eq!(standing(&lines, Line::Texts), []);
    }

    #[test]
    fn turns_of_long_ago_are_forgotten() {
        let mut lines = Lines::default();
        for number in 0..10_000 {
            lines.wants(sender(number), 1, Cost::sms(1));
            lines.got_one(sender(number), 1);
        }
        assert!(lines.had.len() <= 2 * LONG_AGO, "{}", lines.had.len());
        for number in [9_999, 9_998, 1, 0] {
            lines.wants(sender(number), 1, Cost::sms(1));
        }
        assert_eq!(standing(&lines, Line::Texts), [1, 0, 9_998, 9_999].map(sender));
    }

    #[test]
    fn a_line_in_which_nobody_stands_any_more_begins_anew() {
        let mut lines = Lines::default();
        let [early, late] = [1, 2].map(Time::from_millis);
        lines.wants(sender(0), 1, Cost::sms(1));
        lines.wants(sender(1), 1, Cost::mms(1));
        assert_eq!(lines.since(Line::Texts, early), early);
        assert_eq!((lines.since(Line::Texts, late), lines.since(Line::Media, late)), (early, late));
        lines.wants_not(sender(0));
        lines.wants(sender(0), 1, Cost::sms(1));
        assert_eq!(lines.since(Line::Texts, late), late);
    }
}
