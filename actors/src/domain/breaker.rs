//! When an account is trusted with messages: its circuit, and how many may be in flight.
//!
//! Three signs are read from the outcomes of attempts. *Alive*: the provider answered, whatever it
//! said. *Trouble*: no connection, no answer, an answer that says nothing. *Misconfigured*: it refuses
//! the account itself. The first trouble shrinks the places in flight to one, each sign of life gives
//! one back; so within one round trip of good answers they double. Three troubles in a row, or one
//! refusal of the account, open the circuit. An open circuit lets single messages through, one at a
//! time, after waits that grow threefold: an outage of ten minutes at a provider that swallows
//! requests costs five of them at the most beside those that were in flight.
//!
//! Pure: `now` is an argument.

use std::time::Duration;

use super::outcome::{Class, Outcome, Slows};
use super::time::Time;

/// So many troubles without a sign of life between them open the circuit.
const TROUBLES: u32 = 3;

/// From the opening to the first message that probes.
const FIRST_PROBE: Duration = Duration::from_secs(5);

/// The longest wait for the next probe.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Each wait is so many times the one before.
const FACTOR: u32 = 3;

/// What the outcome of an attempt says of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It works on requests.
    Alive,
    /// It works, and wants fewer at a time.
    Busy,
    /// It cannot be reached, or does not answer so that one could tell.
    Trouble,
    /// It refuses everything: credentials, funds, suspension.
    Misconfigured,
    /// Nothing: it was not asked.
    None,
}

impl Sign {
    /// The sign in an outcome. `connect` as the code of a refusal is ours: there was no connection.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accepted(_) => Self::Alive,
            Outcome::NeverBegun => Self::None,
            Outcome::Unknown(_) => Self::Trouble,
            Outcome::Refused(refusal) => match refusal.class {
                Class::Configuration => Self::Misconfigured,
                // One number or campaign goes too fast; the account's others need not go fewer at a time.
                Class::Retry if matches!(refusal.slows, Some(Slows::Sender | Slows::Campaign)) => Self::Alive,
                Class::Retry if refusal.code.as_deref() == Some("connect") => Self::Trouble,
                Class::Retry => Self::Busy,
                Class::Recipient
                | Class::Request
                | Class::Content
                | Class::OptedOut
                | Class::Sender
                | Class::NextWindow => Self::Alive,
                // No provider's word.
                Class::Expired => Self::None,
            },
        }
    }
}

/// Why a circuit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// No connection, or no answer, several times in a row.
    Outage,
    /// The provider refuses the account.
    Configuration,
}

impl Why {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Configuration => "configuration",
        }
    }
}

/// Where a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// Messages go.
    Closed,
    /// None goes, but for single probes.
    Open {
        /// Why.
        why: Why,
        /// Since when.
        since: Time,
        /// When the next message may probe, unless one does now.
        probe_at: Time,
        /// Is one on its way that probes?
        probing: bool,
    },
}

/// May another message go?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes, if fewer than this are in flight.
    UpTo(usize),
    /// Yes, one, whatever is in flight: it probes.
    Probe,
    /// Not before this.
    NotBefore(Time),
    /// Not until the probe on its way has ended.
    Probing,
}

/// What changed, for those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that matters to them.
    None,
    /// The circuit opened.
    Opened(Why),
    /// It closed.
    Closed,
}

/// The state of one account.
#[derive(Debug, Clone, Copy)]
pub struct Breaker {
    most: usize,
    allowed: usize,
    troubles: u32,
    circuit: Circuit,
    wait: Duration,
}

impl Breaker {
    /// A closed circuit with all of its `most` places, at least one.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, allowed: most, troubles: 0, circuit: Circuit::Closed, wait: FIRST_PROBE }
    }

    /// Where the circuit stands.
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// How many may be in flight while it is closed.
    pub const fn allowed(&self) -> usize {
        self.allowed
    }

    /// May another message go now?
    pub fn ask(&self, now: Time) -> Answer {
        match self.circuit {
            Circuit::Closed => Answer::UpTo(self.allowed),
            Circuit::Open { probing: true, .. } => Answer::Probing,
            Circuit::Open { probe_at, .. } if now < probe_at => Answer::NotBefore(probe_at),
            Circuit::Open { .. } => Answer::Probe,
        }
    }

    /// A message goes as the probe that [`Answer::Probe`] allowed.
    pub fn probe(&mut self) {
        if let Circuit::Open { probing, .. } = &mut self.circuit {
            *probing = true;
        }
    }

    /// The probe was not sent after all; another may.
    pub fn probe_unused(&mut self) {
        if let Circuit::Open { probing, .. } = &mut self.circuit {
            *probing = false;
        }
    }

    /// Takes in what an attempt's outcome says. `probe`: it was the probe. Of an open circuit only the
    /// probe's word counts: what was in flight when it opened is old news.
    pub fn note(&mut self, sign: Sign, probe: bool, now: Time) -> Change {
        if let Circuit::Open { .. } = self.circuit
            && !probe
        {
            return Change::None;
        }
        match sign {
            Sign::Alive => self.alive(),
            Sign::Busy => {
                let halved = self.allowed / 2;
                let change = self.alive();
                self.allowed = halved.max(1);
                change
            }
            Sign::Trouble => self.trouble(now),
            Sign::Misconfigured => self.open(Why::Configuration, now),
            Sign::None => {
                self.probe_unused();
                Change::None
            }
        }
    }

    /// Closes it by hand; places grow from one.
    pub fn close(&mut self) -> Change {
        let Circuit::Open { .. } = self.circuit else { return Change::None };
        self.circuit = Circuit::Closed;
        self.wait = FIRST_PROBE;
        self.troubles = 0;
        self.allowed = 1;
        Change::Closed
    }

    fn alive(&mut self) -> Change {
        let change = self.close();
        self.troubles = 0;
        if change == Change::None {
            self.allowed = (self.allowed + 1).min(self.most);
        }
        change
    }

    fn trouble(&mut self, now: Time) -> Change {
        self.allowed = 1;
        self.troubles = self.troubles.saturating_add(1);
        match self.circuit {
            Circuit::Open { why, .. } => self.open(why, now),
            Circuit::Closed if self.troubles >= TROUBLES => self.open(Why::Outage, now),
            Circuit::Closed => Change::None,
        }
    }

    /// Opens it, or keeps it open for longer.
    fn open(&mut self, why: Why, now: Time) -> Change {
        self.allowed = 1;
        let (since, change) = match self.circuit {
            Circuit::Closed => (now, Change::Opened(why)),
            Circuit::Open { since, .. } => (since, Change::None),
        };
        self.circuit = Circuit::Open { why, since, probe_at: now + self.wait, probing: false };
        self.wait = (self.wait * FACTOR).min(LONGEST_WAIT);
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(1_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(64);
        for _ in 0..TROUBLES {
            breaker.note(Sign::Trouble, false, START);
        }
        breaker
    }

    #[test]
    fn the_first_trouble_leaves_one_place_and_each_good_answer_gives_one_back() {
        let mut breaker = Breaker::new(4);
        assert_eq!(breaker.ask(START), Answer::UpTo(4));
        assert_eq!(breaker.note(Sign::Trouble, false, START), Change::None);
        let mut allowed = vec![breaker.allowed()];
        for _ in 0..4 {
            breaker.note(Sign::Alive, false, START);
            allowed.push(breaker.allowed());
        }
        assert_eq!(allowed, [1, 2, 3, 4, 4]);
    }

    #[test]
    fn a_busy_provider_gets_half_as_many() {
        let mut breaker = Breaker::new(64);
        breaker.note(Sign::Busy, false, START);
        assert_eq!(breaker.ask(START), Answer::UpTo(32));
        for _ in 0..9 {
            breaker.note(Sign::Busy, false, START);
        }
        assert_eq!(breaker.ask(START), Answer::UpTo(1), "never none: that is the circuit's to say");
    }

    #[test]
    fn three_troubles_in_a_row_open_it_and_a_good_answer_between_them_does_not() {
        let mut breaker = Breaker::new(64);
        for sign in [Sign::Trouble, Sign::Trouble, Sign::Alive, Sign::Trouble, Sign::None, Sign::Trouble] {
            assert_eq!(breaker.note(sign, false, START), Change::None);
        }
        assert_eq!(breaker.note(Sign::Trouble, false, START), Change::Opened(Why::Outage));
        assert_eq!(breaker.ask(START), Answer::NotBefore(START + FIRST_PROBE));
    }

    #[test]
    fn one_refusal_of_the_account_opens_it() {
        let mut breaker = Breaker::new(64);
        assert_eq!(breaker.note(Sign::Misconfigured, false, START), Change::Opened(Why::Configuration));
    }

    #[test]
    fn one_message_at_a_time_probes_and_its_word_alone_counts() {
        let mut breaker = opened();
        let due = START + FIRST_PROBE;
        assert_eq!(breaker.ask(due), Answer::Probe);
        breaker.probe();
        assert_eq!(breaker.ask(due + SECOND), Answer::Probing);
        assert_eq!(breaker.note(Sign::Alive, false, due), Change::None, "it was in flight before");
        assert_eq!(breaker.ask(due), Answer::Probing);
        assert_eq!(breaker.note(Sign::Alive, true, due), Change::Closed);
        assert_eq!(breaker.ask(due), Answer::UpTo(1));
    }

    #[test]
    fn a_probe_that_was_not_sent_is_made_up_for() {
        let mut breaker = opened();
        let due = START + FIRST_PROBE;
        breaker.probe();
        breaker.probe_unused();
        assert_eq!(breaker.ask(due), Answer::Probe);
        breaker.probe();
        breaker.note(Sign::None, true, due);
        assert_eq!(breaker.ask(due), Answer::Probe);
    }

    #[test]
    fn ten_minutes_of_swallowed_requests_cost_five_probes_at_the_most() {
        let deadline = Duration::from_secs(20);
        let mut breaker = opened();
        let mut probes = 0;
        let mut now = START;
        while now < START + Duration::from_mins(10) {
            match breaker.ask(now) {
                Answer::NotBefore(at) => now = at,
                Answer::Probe => {
                    probes += 1;
                    breaker.probe();
                    now = now + deadline;
                    breaker.note(Sign::Trouble, true, now);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(probes <= 5, "{probes}");
        assert!(breaker.ask(now + LONGEST_WAIT) == Answer::Probe, "it never waits longer");
    }

    #[test]
    fn it_can_be_closed_by_hand() {
        let mut breaker = opened();
        assert_eq!(breaker.close(), Change::Closed);
        assert_eq!((breaker.circuit(), breaker.ask(START)), (Circuit::Closed, Answer::UpTo(1)));
        assert_eq!(breaker.close(), Change::None, "it is closed");
    }
}
