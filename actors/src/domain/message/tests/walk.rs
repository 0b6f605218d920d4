//! Random walks of one message, against what a provider really did with each attempt.
//!
//! The world decides at the claim what will become of the attempt; the record hears of it late,
//! twice, out of order, or never. Nothing that is told is untrue.

use proptest::prelude::*;

use super::*;

/// What the provider really did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reality {
    /// Never written; its process can say so.
    NeverBegun,
    /// Written and taken.
    Accepted,
    /// Written and refused.
    Refused { again: bool },
    /// Written, lost on the way; nobody will ever say so.
    Lost,
}

#[derive(Debug, Clone)]
enum Step {
    Claim { reality: Reality, repeats: bool, stale: bool },
    Retry { reality: Reality },
    Tell { attempt: u16 },
    MarkUnknown { attempt: u16 },
    SettleUnknown { attempt: u16, policy: UnknownPolicy },
    Offer { seconds: u64 },
    Take { reality: Reality },
    Withdraw,
    Cancel,
    Wait { seconds: u64 },
}

fn reality() -> impl Strategy<Value = Reality> {
    prop_oneof![
        2 => Just(Reality::NeverBegun),
        2 => Just(Reality::Accepted),
        4 => any::<bool>().prop_map(|again| Reality::Refused { again }),
        2 => Just(Reality::Lost),
    ]
}

/// Attempts are named by how far back they are: 0 is the last one.
fn back() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(0_u16), 2 => Just(1_u16), 1 => 0..6_u16]
}

fn step() -> impl Strategy<Value = Step> {
    let policy = prop_oneof![4 => Just(UnknownPolicy::Resend), 1 => Just(UnknownPolicy::Hold)];
    prop_oneof![
        8 => (reality(), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(reality, repeats, stale)| Step::Claim { reality, repeats, stale }),
        3 => reality().prop_map(|reality| Step::Retry { reality }),
        4 => back().prop_map(|attempt| Step::Tell { attempt }),
        8 => back().prop_map(|attempt| Step::MarkUnknown { attempt }),
        8 => (back(), policy).prop_map(|(attempt, policy)| Step::SettleUnknown { attempt, policy }),
        2 => (0..30_u64).prop_map(|seconds| Step::Offer { seconds }),
        3 => reality().prop_map(|reality| Step::Take { reality }),
        2 => Just(Step::Withdraw),
        1 => Just(Step::Cancel),
        6 => (0..40_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// What the oracle knows of one attempt.
#[derive(Debug)]
struct Fact {
    reality: Reality,
    told: bool,
    marked: bool,
    charges: u32,
}

struct World {
    message: Message,
    /// The attempt of number n is at n − 1.
    facts: Vec<Fact>,
    cancelled: bool,
    now: Time,
}

impl World {
    fn new(kind: Kind, first: Option<Reality>) -> Self {
        let now = at(1000);
        let answer = Answer { position: 1, estimate: now };
        match (kind, first) {
            (Kind::Queued, _) => {
                let message = Message::queued(draft(kind), 1, answer, now);
                Self { message, facts: Vec::new(), cancelled: false, now }
            }
            (Kind::Immediate, None) => {
                let message = Message::offered(draft(kind), 1, at(1005), now);
                Self { message, facts: Vec::new(), cancelled: false, now }
            }
            (Kind::Immediate, Some(first)) => {
                let message = Message::born_sending(draft(kind), 1, claim_id(0), times(now));
                Self { message, facts: vec![Fact::new(first)], cancelled: false, now }
            }
        }
    }

    fn last(&self) -> u16 {
        u16::try_from(self.facts.len()).unwrap()
    }

    /// The number of the attempt that is this far back; 0 if there was none.
    fn number(&self, back: u16) -> u16 {
        self.last().saturating_sub(back)
    }

    fn fact(&mut self, number: u16) -> Option<&mut Fact> {
        self.facts.get_mut(usize::from(number).checked_sub(1)?)
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Claim { reality, repeats, stale } => self.claim(reality, repeats, stale),
            Step::Retry { reality } => {
                let last = self.last();
                if self.message.retry(last, claim_id(u64::from(last)), times(self.now)).is_ok() {
                    self.facts.push(Fact::new(reality));
                }
            }
            Step::Offer { seconds } => {
                let not_after = self.now + std::time::Duration::from_secs(seconds);
                let _ = self.message.offer_again(self.last(), not_after, self.now);
            }
            Step::Take { reality } => {
                let (last, not_after) = (self.last(), self.message.not_after);
                if self.message.take(last, claim_id(u64::from(last)), times(self.now)).is_ok() {
                    assert!(not_after.unwrap() >= self.now, "taken too late");
                    self.facts.push(Fact::new(reality));
                }
            }
            Step::Withdraw => {
                let _ = self.message.withdraw(self.now);
            }
            Step::Tell { attempt } => self.tell(self.number(attempt)),
            Step::MarkUnknown { attempt } => self.mark_unknown(self.number(attempt)),
            Step::SettleUnknown { attempt, policy } => {
                let _ = self.message.settle_unknown(self.number(attempt), policy, self.now);
            }
            Step::Cancel => {
                let cancelled = self.message.cancel(self.now);
                assert_eq!(cancelled == Cancelled::Before, self.cancelled);
                self.cancelled |= cancelled == Cancelled::Done;
            }
            Step::Wait { seconds } => self.now = self.now + std::time::Duration::from_secs(seconds),
        }
    }

    fn claim(&mut self, reality: Reality, repeats: bool, stale: bool) {
        let last = self.last();
        let name = if repeats { last.saturating_sub(1) } else { last };
        let expected = if stale { last.saturating_sub(1) } else { last };
        if self.message.claim(expected, claim_id(u64::from(name)), times(self.now)).is_ok() {
            self.facts.push(Fact::new(reality));
        }
    }

    fn tell(&mut self, number: u16) {
        let now = self.now;
        let Some(fact) = self.fact(number) else { return };
        let settlement = match fact.reality {
            Reality::NeverBegun => Settlement::NeverBegun { due: now },
            Reality::Accepted => accepted(),
            Reality::Refused { again: true } => refused(Next::Retry { due: now }),
            Reality::Refused { again: false } => refused(Next::GiveUp),
            Reality::Lost => return,
        };
        let told_before = fact.told;
        fact.told = true;
        let settled = self.message.settle(number, settlement, None, now);
        assert_eq!(settled.is_err(), told_before, "an outcome is news exactly once");
        self.charge(number, settled.ok());
    }

    fn mark_unknown(&mut self, number: u16) {
        let evidence_until = self.now + std::time::Duration::from_secs(10);
        let marked = self.message.mark_unknown(number, Doubt::NoAnswer, evidence_until, self.now, self.now);
        if let (Ok(_), Some(fact)) = (marked, self.fact(number)) {
            fact.marked = true;
        }
        self.charge(number, marked.ok());
    }

    fn charge(&mut self, number: u16, settled: Option<Settled>) {
        let charged = settled.is_some_and(|settled| settled.charged_at.is_some());
        if let Some(fact) = self.fact(number) {
            fact.charges += u32::from(charged);
        }
    }

    fn check(&self) {
        let Message { state, attempt, listed, .. } = self.message;
        let open = state == State::Sending;
        assert_eq!(attempt, self.last(), "numbers go up by one and are never reused");

        let told_accepted = self.facts.iter().any(|fact| fact.told && fact.reality == Reality::Accepted);
        assert_eq!(state == State::Sent || (open && self.message.accepted_earlier), told_accepted);
        if matches!(state, State::Failed | State::Cancelled) {
            let harmless = |fact: &Fact| {
                fact.told && matches!(fact.reality, Reality::NeverBegun | Reality::Refused { .. })
            };
            assert!(self.facts.iter().all(harmless), "no provider has it, and nobody doubts that");
        }
        assert_eq!(state == State::Cancelled, self.cancelled, "cancelled is final and told");

        let doubtful = |fact: &Fact| fact.marked && !fact.told;
        let unresolved: Vec<u16> =
            (1..).zip(&self.facts).filter(|(_, fact)| doubtful(fact)).map(|(n, _)| n).collect();
        assert_eq!(self.message.unresolved, unresolved);
        let undecided: Vec<u16> =
            (1..).zip(&self.facts).filter(|(_, fact)| !fact.marked && !fact.told).map(|(n, _)| n).collect();
        assert_eq!(undecided, if open { vec![attempt] } else { vec![] }, "only the last attempt is open");

        let really_begun =
            |fact: &&Fact| (fact.told && fact.reality != Reality::NeverBegun) || doubtful(fact);
        assert_eq!(usize::from(self.message.tries), self.facts.iter().filter(really_begun).count());
        for fact in &self.facts {
            let known_begun = fact.marked || (fact.told && fact.reality != Reality::NeverBegun);
            assert_eq!(fact.charges, u32::from(known_begun), "charged once: {fact:?}");
        }
        self.check_record(listed);
    }

    fn check_record(&self, listed: bool) {
        let message = &self.message;
        assert!(message.attempts.len() <= ATTEMPTS_KEPT);
        assert!(message.attempts.is_sorted_by(|a, b| a.number < b.number));
        let named = |number: &u16| message.attempts.iter().any(|attempt| attempt.number == *number);
        assert!(message.unresolved.len() >= ATTEMPTS_KEPT || message.unresolved.iter().all(named));

        assert!(!listed || message.state == State::Unknown, "only an unknown is listed");
        let seen = message.is_waiting() || message.is_unsettled() || message.is_final() || listed;
        let seen = seen || message.timer().is_some();
        assert!(seen, "nobody would look at it again");
        let immediate = message.draft.kind == Kind::Immediate;
        assert!(!(immediate && message.is_waiting()), "immediate messages wait for nothing");
        assert_eq!(message.not_after.is_some(), message.state == State::Offered);
        assert_eq!(message.evidence_until.is_some(), message.state == State::Unknown && !listed);
        let may_be_there = !message.unresolved.is_empty() || message.state == State::Sending;
        let harmless = matches!(message.shown(), Shown::Queued | Shown::Failed | Shown::Cancelled);
        assert!(!(harmless && may_be_there), "{:?} is shown although it may be there", message.shown());
    }

    /// From here the sweeper and the queue bring it to an end.
    fn comes_to_an_end(&mut self) {
        for _ in 0..4 {
            let last = self.last();
            self.now = self.now + std::time::Duration::from_secs(100);
            match self.message.state {
                State::Queued => self.claim(Reality::Accepted, false, false),
                State::Sending => self.mark_unknown(last),
                State::Unknown => {
                    let _ = self.message.settle_unknown(last, UnknownPolicy::Hold, self.now);
                }
                State::Offered => self.message.withdraw(self.now).unwrap(),
                State::Scheduled => {
                    let _ = self.message.time_up(self.message.seq, self.now);
                }
                State::Sent | State::Failed | State::Cancelled => {}
            }
            self.check();
        }
        assert!(self.message.is_final() || self.message.listed, "{:?}", self.message.state);
    }
}

impl Fact {
    const fn new(reality: Reality) -> Self {
        Self { reality, told: false, marked: false, charges: 0 }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_breaks_an_invariant(
        immediate in prop::bool::weighted(0.3),
        first in proptest::option::weighted(0.6, reality()),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let kind = if immediate { Kind::Immediate } else { Kind::Queued };
        let mut world = World::new(kind, first);
        world.check();
        for step in &steps {
            let was_final = world.message.is_final().then_some(world.message.state);
            world.apply(step);
            world.check();
            let taken_again = immediate && was_final == Some(State::Failed);
            let stays = was_final.is_none_or(|state| state == world.message.state);
            prop_assert!(stays || taken_again, "{:?} was left", was_final);
        }
        world.comes_to_an_end();
    }
}
