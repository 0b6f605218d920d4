//! Status callbacks: what becomes of each accepted message is told to the address that its request
//! named, in the provider's form and signed as the provider signs.
//!
//! Off unless the dial is on. A message's callbacks go one after the other, the next when the one
//! before was answered or failed, so that only disorder that was asked for disorders them; repetitions
//! go on beside. Everything is bounded: what waits, what is under way, how long an answer is awaited,
//! how often a callback is tried, and what is remembered.
//!
//! [`Callbacks`] owns what waits and what was done; the task of [`courier`] sends.

mod courier;
mod dials;
mod journal;
mod keys;

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};
use url::Url;
use uuid::Uuid;

pub(super) use self::courier::carry;
pub(super) use self::dials::CallbackDials;
use self::dials::Step;
use self::journal::Journal;
pub use self::keys::CallbackKeys;
use super::clock::TwinClock;
use super::faults::Faults;
use super::ledger::Line;

/// Messages with callbacks to come, and repetitions. At about a kilobyte each.
const MOST_WAITING: usize = 100_000;
/// Before the first repetition, unless told otherwise.
pub(super) const DEFAULT_FIRST_WAIT: Duration = Duration::from_secs(1);

/// How a provider repeats what was not taken. Taken is what was answered 2xx in time.
#[derive(Debug)]
pub(super) struct Habits {
    /// Calls to one address, the first included.
    pub(super) tries: u32,
    /// How long an answer is awaited.
    pub(super) patience: Duration,
    /// The waits between tries double, up to this.
    pub(super) longest_wait: Duration,
}

/// A state to be told of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct State {
    /// As the provider calls it.
    pub(super) name: &'static str,
    /// Why, where it is no success.
    pub(super) failure: Option<&'static Failure>,
}

/// One of a provider's reasons.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    /// The state that it ends in.
    pub(super) state: &'static str,
    pub(super) code: u32,
    pub(super) title: &'static str,
}

impl State {
    /// One without a reason.
    pub(super) const fn good(name: &'static str) -> Self {
        Self { name, failure: None }
    }

    /// The last one of a message that failed.
    pub(super) const fn bad(failure: &'static Failure) -> Self {
        Self { name: failure.state, failure: Some(failure) }
    }
}

/// Something that happened to a message. Told again, it is the same event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) id: Uuid,
    pub(super) state: State,
    /// On the twin's clock, whenever it is told.
    pub(super) at_us: u64,
}

/// One call: this event, to this address, for the how-manieth time.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) event: &'a Event,
    /// Without a fragment, exactly as it will be called.
    pub(super) url: &'a str,
    /// From 1.
    pub(super) attempt: u32,
    pub(super) now_us: u64,
}

/// What is sent, signed.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Vec<u8>,
}

/// A message's callbacks as its provider makes them.
pub(super) trait Form: Debug + Send + Sync {
    /// Why its messages may fail.
    fn reasons(&self) -> &'static [Failure];
    /// Why a message fails whose recipient opted out, where the provider took it all the same.
    fn opted_out(&self) -> Option<&'static Failure> {
        None
    }
    /// What the message goes through to this end, in order; the last one is final.
    fn states(&self, failure: Option<&'static Failure>) -> Vec<State>;
    /// Writes and signs one.
    fn letter(&self, call: &Call, keys: &CallbackKeys) -> Letter;
    /// When it repeats.
    fn habits(&self) -> &'static Habits;
}

/// What is to be told of one message, decided with the message itself.
#[derive(Debug)]
pub(super) struct Plan {
    about: Arc<About>,
    steps: VecDeque<Step>,
    lost: u64,
    early: bool,
}

/// What all calls about one message share.
#[derive(Debug)]
struct About {
    form: Box<dyn Form>,
    /// In turn, each after the one before was tried often enough.
    urls: Vec<Url>,
    provider: &'static str,
    seq: u64,
    message_id: String,
}

impl Plan {
    /// None: nothing was accepted, nobody wants to hear of it, or the dial is off. Addresses that
    /// nothing can be sent to are skipped.
    pub(super) fn of<F: Form + 'static>(
        faults: &Faults,
        line: &Line,
        addresses: &[&Option<String>],
        form: impl FnOnce() -> F,
    ) -> Option<Self> {
        let dials = faults.callbacks.as_ref()?;
        let message_id = line.provider_message_id.clone()?;
        let urls: Vec<Url> = addresses.iter().copied().flatten().filter_map(|text| callable(text)).collect();
        if urls.is_empty() {
            return None;
        }
        let form = Box::new(form());
        let opted_out = faults.opted_out.contains(&line.to).then(|| form.opted_out()).flatten();
        let failure = opted_out.or_else(|| dials.failure(faults.seed, line.seq, form.reasons()));
        let course = dials.course(faults.seed, line.seq, line.at_us, form.states(failure));
        let about = About { form, urls, provider: line.provider, seq: line.seq, message_id };
        Some(Self { about: Arc::new(about), steps: course.steps, lost: course.lost, early: course.early })
    }
}

/// The address without its fragment, which is never sent.
fn callable(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    url.set_fragment(None);
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// A call that waits for its time.
#[derive(Debug)]
struct Waiting {
    due_us: u64,
    /// Of calls that are due together, the first to come is the first to go.
    order: u64,
    about: Arc<About>,
    event: Event,
    /// Which of the addresses.
    place: usize,
    attempt: u32,
    /// What follows after this one; empty for a repetition.
    rest: VecDeque<Step>,
    /// Dropped when the call was made, or will not be.
    waited_for: Option<oneshot::Sender<()>>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    /// The greatest is the next to go.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due_us, other.order).cmp(&(self.due_us, self.order))
    }
}

/// What waits, and what was done.
#[derive(Debug)]
pub(super) struct Callbacks {
    clock: TwinClock,
    keys: CallbackKeys,
    first_wait: Duration,
    state: Mutex<Board>,
    /// Something new waits.
    new: Notify,
}

#[derive(Debug, Default)]
struct Board {
    waiting: BinaryHeap<Waiting>,
    next_order: u64,
    journal: Journal,
}

impl Callbacks {
    /// Nothing waits.
    pub(super) fn new(clock: TwinClock, keys: CallbackKeys, first_wait: Duration) -> Self {
        Self { clock, keys, first_wait, state: Mutex::default(), new: Notify::new() }
    }

    /// What receivers need to know.
    pub(super) fn keys(&self) -> Value {
        self.keys.shown()
    }

    /// What was done, and how much is left.
    pub(super) fn report(&self) -> Value {
        let board = self.board();
        board.journal.report(board.waiting.len())
    }

    /// Begins to tell. Where the first callback is to come before the answer, the receiver ends when
    /// it was sent and answered, or will not be.
    pub(super) fn begin(&self, plan: Plan) -> Option<oneshot::Receiver<()>> {
        let Plan { about, steps, lost, early } = plan;
        let mut board = self.board();
        board.journal.lost += lost;
        let (waited_for, early) = if early {
            let (sender, receiver) = oneshot::channel();
            (Some(sender), Some(receiver))
        } else {
            (None, None)
        };
        self.follow(&mut board, about, steps, waited_for);
        early
    }

    /// The first of these steps waits, with the others behind it.
    fn follow(
        &self,
        board: &mut Board,
        about: Arc<About>,
        mut rest: VecDeque<Step>,
        waited_for: Option<oneshot::Sender<()>>,
    ) {
        let Some(Step { due_us, event }) = rest.pop_front() else { return };
        let waiting = Waiting { due_us, order: 0, about, event, place: 0, attempt: 1, rest, waited_for };
        self.wait(board, waiting);
    }

    fn wait(&self, board: &mut Board, mut waiting: Waiting) {
        if board.waiting.len() >= MOST_WAITING {
            board.journal.dropped += 1 + u64::try_from(waiting.rest.len()).unwrap_or(u64::MAX);
            return;
        }
        waiting.order = board.next_order;
        board.next_order += 1;
        board.waiting.push(waiting);
        self.new.notify_one();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says nothing to nobody.
    #[derive(Debug)]
    struct Mute;

    impl Form for Mute {
        fn reasons(&self) -> &'static [Failure] {
            &[]
        }

        fn states(&self, _failure: Option<&'static Failure>) -> Vec<State> {
            Vec::new()
        }

        fn letter(&self, _call: &Call, _keys: &CallbackKeys) -> Letter {
            Letter { headers: Vec::new(), body: Vec::new() }
        }

        fn habits(&self) -> &'static Habits {
            &Habits { tries: 1, patience: Duration::ZERO, longest_wait: Duration::ZERO }
        }
    }

    fn plan(about: &Arc<About>, early: bool) -> Plan {
        let event = Event { id: Uuid::nil(), state: State::good("sent"), at_us: 0 };
        let step = Step { due_us: u64::MAX, event };
        Plan { about: Arc::clone(about), steps: VecDeque::from([step]), lost: 0, early }
    }

    #[test]
    fn what_there_is_no_room_for_is_dropped_counted_and_not_waited_for() {
        let callbacks = Callbacks::new(TwinClock::start(), CallbackKeys::default(), DEFAULT_FIRST_WAIT);
        let about = Arc::new(About {
            form: Box::new(Mute),
            urls: Vec::new(),
            provider: "test",
            seq: 1,
            message_id: String::new(),
        });
        for _ in 0..MOST_WAITING {
            assert!(callbacks.begin(plan(&about, false)).is_none());
        }
        let mut unheard = callbacks.begin(plan(&about, true)).unwrap();
        assert_eq!(unheard.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        let report = callbacks.report();
        assert_eq!((&report["waiting"], &report["dropped"]), (&MOST_WAITING.into(), &1.into()));
    }

    #[test]
    fn only_addresses_that_can_be_called_are_and_without_their_fragment() {
        let url = |text| callable(text).map(|url| url.to_string());
        assert_eq!(url("https://a.example/cb?a=1#rc=2"), Some("https://a.example/cb?a=1".to_owned()));
        for none in ["", "a/b", "ftp://a.example/", "http://", "mailto:a@example.com"] {
            assert_eq!(url(none), None, "{none}");
        }
    }
}
