//! Who wants places of the account, in two lines: those whose next message is a text, and those whose next one has
//! media. A limit may hold back one of them alone, and the other goes on meanwhile.
//!
//! Pure. Each line is in the order in which its senders wanted their turns, but for those that were put in front.
//! Bounded by the senders that run.

use std::collections::{HashMap, VecDeque};

use crate::domain::pace::Cost;
use crate::domain::phone::E164;
use crate::domain::time::Time;

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

/// What a sender wants of the account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) places: usize,
    pub(super) cost: Cost,
    /// Counts the turns that were wanted before.
    turn: u64,
}

#[derive(Debug, Default)]
struct Standing {
    senders: VecDeque<E164>,
    /// How many places the first has got in this turn.
    got: usize,
    /// Since when somebody has stood here without a pause.
    since: Option<Time>,
}

/// Both lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    wants: HashMap<E164, Wanted>,
    texts: Standing,
    media: Standing,
    turns: u64,
}

impl Lines {
    /// A sender wants so many places. Asked again, this is what it wants; its turn stays where it is.
    pub(super) fn wants(&mut self, sender: E164, places: usize, cost: Cost) {
        match self.wants.get_mut(&sender) {
            Some(known) if known.cost.mms == cost.mms => (known.places, known.cost) = (places, cost),
            Some(known) => {
                let turn = known.turn;
                self.wants_not(sender);
                self.stand(sender, Wanted { places, cost, turn });
            }
            None => {
                self.turns += 1;
                self.stand(sender, Wanted { places, cost, turn: self.turns });
            }
        }
    }

    /// It wants none any more.
    pub(super) fn wants_not(&mut self, sender: E164) {
        let Some(wanted) = self.wants.remove(&sender) else { return };
        let standing = self.at_mut(Line::of(wanted.cost));
        standing.senders.retain(|other| *other != sender);
        standing.changed();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wants.is_empty()
    }

    /// Those in which somebody stands, the one first whose first wanted its turn first.
    pub(super) fn in_order(&self) -> impl Iterator<Item = Line> + use<> {
        let turn = |line| self.first(line).map(|(_, wanted)| wanted.turn);
        let mut lines = Line::BOTH.map(|line| turn(line).map(|turn| (turn, line)));
        lines.sort_unstable_by_key(|line| line.map(|(turn, _)| turn));
        lines.into_iter().flatten().map(|(_, line)| line)
    }

    /// All that is wanted, in the order of the turns.
    pub(super) fn all(&self) -> impl Iterator<Item = (Line, Wanted)> {
        let [mut texts, mut media] = Line::BOTH.map(|line| self.of(line).peekable());
        std::iter::from_fn(move || match (texts.peek(), media.peek()) {
            (Some((_, text)), Some((_, with_media))) if with_media.turn < text.turn => media.next(),
            (None, _) => media.next(),
            (Some(_), _) => texts.next(),
        })
    }

    fn of(&self, line: Line) -> impl Iterator<Item = (Line, Wanted)> {
        let wants = self.at(line).senders.iter().filter_map(|sender| self.wants.get(sender));
        wants.map(move |wanted| (line, *wanted))
    }

    /// Whose turn it is in a line.
    pub(super) fn first(&self, line: Line) -> Option<(E164, Wanted)> {
        self.nth(line, 0)
    }

    /// Is this the first of its line?
    pub(super) fn is_first(&self, line: Line, wanted: &Wanted) -> bool {
        self.first(line).is_some_and(|(_, first)| first.turn == wanted.turn)
    }

    /// Who stands there in a line.
    pub(super) fn nth(&self, line: Line, place: usize) -> Option<(E164, Wanted)> {
        let sender = *self.at(line).senders.get(place)?;
        Some((sender, *self.wants.get(&sender)?))
    }

    /// Since when somebody has stood in a line; at the latest since now.
    pub(super) fn since(&mut self, line: Line, now: Time) -> Time {
        *self.at_mut(line).since.get_or_insert(now)
    }

    /// The one there goes in front of the others of its line.
    pub(super) fn put_in_front(&mut self, line: Line, place: usize) {
        let standing = self.at_mut(line);
        if place > 0
            && let Some(sender) = standing.senders.remove(place)
        {
            standing.senders.push_front(sender);
            standing.got = 0;
        }
    }

    /// The first of a line has got one place. After so many its turn is over.
    pub(super) fn got_one(&mut self, line: Line, in_a_turn: usize) {
        let Some((sender, wanted)) = self.first(line) else { return };
        let wanted = Wanted { places: wanted.places.saturating_sub(1), ..wanted };
        self.at_mut(line).got += 1;
        if wanted.places > 0 && self.at(line).got < in_a_turn {
            self.wants.insert(sender, wanted);
            return;
        }
        self.wants_not(sender);
        if wanted.places > 0 {
            self.wants(sender, wanted.places, wanted.cost);
        }
    }

    fn stand(&mut self, sender: E164, wanted: Wanted) {
        let line = Line::of(wanted.cost);
        let is_later = |other: &E164| self.wants.get(other).is_some_and(|other| other.turn > wanted.turn);
        // Nearly always behind all others.
        let behind = self.at(line).senders.iter().rev().take_while(|other| is_later(other)).count();
        self.wants.insert(sender, wanted);
        let standing = self.at_mut(line);
        standing.senders.insert(standing.senders.len() - behind, sender);
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

impl Standing {
    /// Somebody else may be the first now, or nobody.
    fn changed(&mut self) {
        self.got = 0;
        if self.senders.is_empty() {
            self.since = None;
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
        (0..).map_while(|place| lines.nth(line, place)).map(|(sender, _)| sender).collect()
    }

    #[test]
    fn turns_are_in_the_order_in_which_they_were_wanted_in_both_lines() {
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
        lines.got_one(Line::Media, 1);
        assert_eq!(lines.in_order().collect::<Vec<_>>(), [Line::Texts, Line::Media]);
    }

    #[test]
    fn who_wants_more_stands_behind_the_others_when_its_turn_is_over() {
        let mut lines = Lines::default();
        lines.wants(sender(0), 5, Cost::sms(1));
        lines.wants(sender(1), 5, Cost::sms(1));
        lines.got_one(Line::Texts, 2);
        assert_eq!(standing(&lines, Line::Texts), [0, 1].map(sender));
        lines.got_one(Line::Texts, 2);
        assert_eq!(standing(&lines, Line::Texts), [1, 0].map(sender));
        assert_eq!(lines.nth(Line::Texts, 1).map(|(_, wanted)| wanted.places), Some(3));
        lines.wants(sender(1), 1, Cost::sms(1));
        lines.got_one(Line::Texts, 2);
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
