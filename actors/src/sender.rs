//! The sender actor: one per sending number. It keeps the number's order and pace.
//!
//! It decides which message is next and when, claims it, and passes it to the provider actor in
//! order. It never waits for a store or a provider inside its handler: tasks do, and cast what came.
//! Every message in its mailbox is a hint; whatever is lost with it is in the store, and what was
//! claimed and not begun goes back by itself (`attempt.rs`).
//!
//! State, all of it to be lost: the window of the queue (`window.rs`), the pace, rebuilt from the
//! store, and the claims on their way.

mod arrivals;
mod claims;
mod forecast;
mod immediate;
mod lead;
mod load;
mod message;
mod offer;
mod paging;
mod places;
mod queue;
mod redirect;
mod report;
mod several;
mod share;
mod stagger;
mod standing;
mod submit;
mod timing;
mod told;
mod tuning;
mod turns;
mod window;
mod working_rate;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

pub use self::claims::ClaimsAnswered;
pub use self::immediate::{Immediate, NowAnswer, SubmitNow};
pub use self::message::{Change, SenderMessage};
pub use self::several::{Announce, Announced, Coming, Foreseen};
pub use self::standing::{SenderStanding, Waits};
pub use self::submit::{Room, Stored, Submit, SubmitAnswer};
pub use self::told::ToldStanding;

use self::arrivals::Arrivals;
use self::claims::{Decided, Starting};
use self::forecast::Forecast;
use self::message::Stands;
use self::queue::Queue;
use self::share::ToldShare;
use crate::alarm::{Alarm, AlarmClock};
use crate::domain::adaptive::{Rate, WorkingRate};
use crate::domain::ids::MessageId;
use crate::domain::message::Lane;
use crate::domain::pace::{Allowed, Cost, CountedTraffic, Keep, Limit, Pace, Permit};
use crate::domain::phone::E164;
use crate::domain::routing::{Route, Sending};
use crate::domain::time::Time;
use crate::domain::tuning::Tuning;
use crate::handled::Handled;
use crate::journal::Journal;
use crate::places::{Place, PlacesAt};
use crate::ports::EstimateRule;
use crate::roster::Roster;

/// Before a message for which its fallback account had no place is looked at again.
const PLACE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The same where the account's pace named an instant, which may be very near: what is late by no more
/// than this, the pace lets catch up.
const PLACE_AGAIN_SOONEST: Duration = Duration::from_millis(50);

/// Before asking the store again for what it could not do.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a sender hears before it is loaded: what it reads then may be older than that.
#[derive(Debug, Default)]
struct Early {
    /// Attempts that were settled meanwhile: no longer open, whatever was read.
    settled: HashSet<MessageId>,
    /// Hand-overs that were written meanwhile.
    written: Vec<(Time, Cost)>,
}

/// The actor.
pub(crate) struct SenderActor;

/// What it is started with.
pub(crate) struct SenderArguments {
    pub(crate) number: E164,
    pub(crate) sending: Sending,
    pub(crate) journal: Journal,
    pub(crate) roster: Roster,
    /// The lease of its shard that it is started under, by its fence.
    pub(crate) tenure: u64,
    pub(crate) alarms: AlarmClock,
    pub(crate) handled: Handled,
}

pub(crate) struct SenderState {
    number: E164,
    tenure: u64,
    route: Route,
    journal: Journal,
    roster: Roster,
    handled: Handled,
    queue: Queue,
    /// The directory's limits; those of the route are the ones that hold.
    usual_limits: Vec<Limit>,
    /// What the limits count that it shares, of its account and its organization.
    shared: CountedTraffic,
    /// Its fallback account's pace without a past, if that has limits: what that looks back at is kept also by
    /// what goes through its own account.
    at_fallback: Option<Box<Pace>>,
    /// What was set of it by hand.
    tuning: Tuning,
    /// `None` until the earlier hand-overs are known: nothing goes before.
    pace: Option<Pace>,
    /// The pace by the limits of before, until the new one is there. In a box: most senders never have one.
    replaced: Option<Box<Pace>>,
    /// When the directory gave it the first limit that looks back: what it handed over until then is not known.
    unknown_until: Option<Time>,
    /// How fast its provider lets it go, where that is less than its limits.
    working: WorkingRate,
    /// What happened before the pace was there. In a box: only one that is starting has it.
    early: Option<Box<Early>>,
    /// The store failed a claim: nothing is claimed before this.
    store_again_at: Option<Time>,
    /// Since when there is work that may go, without a pause; at first a little later (`stagger.rs`).
    since: Option<Time>,
    /// By how much its first hand-over after a start is later than its pace says, until that is decided.
    stagger: Option<Duration>,
    /// Since when it waits for a place or the store although its pace lets it send.
    held_up_since: Option<Time>,
    /// Has it been asked for anything, or found work waiting?
    has_begun: bool,
    starting: VecDeque<Starting>,
    /// Permits of attempts that were passed on and are not known to be written.
    open: BTreeMap<MessageId, Permit>,
    /// Messages of its queue that were passed on, and when; their outcome is not known here.
    in_flight: BTreeMap<MessageId, Time>,
    /// Places in hand.
    places: Vec<Place>,
    /// Where there may be more that are free to take; known with the first that was granted.
    places_at: Option<Arc<PlacesAt>>,
    /// Places that were asked for and have not come.
    places_wanted: usize,
    /// Since when it waits for its turn at the account.
    wanted_at: Option<Time>,
    /// When it had its last one.
    had_turn_at: Time,
    /// What it told those who share limits with it. In a box: most senders share none.
    share: Option<Box<ToldShare>>,
    claims_made: u64,
    usual_claim: Duration,
    submits: usize,
    /// Messages that are being stored, by their number.
    storing: BTreeMap<u64, (Lane, Cost)>,
    submits_made: u64,
    arrivals: Arrivals,
    /// For each lane that was asked about.
    forecasts: [Option<Box<Forecast>>; 3],
    idle_since: Option<Time>,
    alarm: Alarm,
    halted: bool,
}

/// Ten thousand of them may be idle: above this an allocator's next class takes 256 bytes more of each.
const _: () = assert!(size_of::<SenderState>() <= 1536);

impl Actor for SenderActor {
    type Msg = SenderMessage;
    /// In a box: an actor's task has room for its state several times over.
    type State = Box<SenderState>;
    type Arguments = SenderArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<SenderMessage>,
        with: SenderArguments,
    ) -> Result<Box<SenderState>, ActorProcessingErr> {
        let SenderArguments { number, sending, journal, roster, tenure, alarms, handled } = with;
        let alarm = Alarm::new(&alarms, move || {
            let _ = myself.send_message(SenderMessage::Wake);
        });
        let at_fallback = redirect::fallback_pace(&sending);
        let Sending { route, account_limits, .. } = sending;
        let route = Route::clone(&route);
        Ok(Box::new(SenderState {
            number,
            tenure,
            queue: Queue::new(route.weights),
            usual_limits: route.limits.clone(),
            shared: CountedTraffic::by(&account_limits),
            at_fallback,
            tuning: Tuning::default(),
            replaced: None,
            unknown_until: None,
            working: WorkingRate::new(Rate::fastest(&route.limits)),
            route,
            journal,
            roster,
            handled,
            pace: None,
            early: None,
            store_again_at: None,
            since: None,
            stagger: None,
            held_up_since: None,
            has_begun: false,
            starting: VecDeque::new(),
            open: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            places: Vec::new(),
            places_at: None,
            places_wanted: 0,
            wanted_at: None,
            had_turn_at: Time::ZERO,
            share: None,
            claims_made: 0,
            usual_claim: Duration::ZERO,
            submits: 0,
            storing: BTreeMap::new(),
            submits_made: 0,
            arrivals: Arrivals::default(),
            forecasts: Default::default(),
            idle_since: None,
            alarm,
            halted: false,
        }))
    }

    async fn handle(
        &self,
        myself: ActorRef<SenderMessage>,
        message: SenderMessage,
        state: &mut Box<SenderState>,
    ) -> Result<(), ActorProcessingErr> {
        state.handled.one();
        match message {
            SenderMessage::Start => {
                let usual = state.usual_limits.clone();
                load::start_and_watch(&state.journal, state.number, usual, myself.clone());
            }
            SenderMessage::Submit(submit) => {
                // It changes nothing of what may go: that it is stored will be told.
                state.submit(*submit);
                return Ok(());
            }
            SenderMessage::SubmitNow(submit) => state.submit_now(*submit),
            SenderMessage::Offered { id, by } => state.offered(id, by),
            SenderMessage::SubmitEnded(stored, number) => state.submit_ended(stored, number),
            SenderMessage::Announce(announce) => state.announce(announce),
            SenderMessage::SubmitsEnded(each) => {
                for (stored, number) in each {
                    state.submit_ended(stored, number);
                }
            }
            SenderMessage::Changed(change) => state.changed(&change),
            SenderMessage::NotInTime { message, again_at } => state.not_in_time(message, again_at),
            SenderMessage::Cancelled(message) => {
                state.queue.of(message.lane).gone(&message);
                state.forget_forecasts();
            }
            SenderMessage::StoredElsewhere(message) => {
                state.arrivals.came(message.lane, message.cost.segments, state.journal.now());
                state.queue.of(message.lane).stored(message);
            }
            SenderMessage::Waiting(waiting) => {
                if state.shared.is_any() {
                    state.share().waiting = waiting;
                }
                state.queue.expect(waiting);
            }
            SenderMessage::LookAgain => state.queue.start_over(),
            SenderMessage::Granted(places) => state.granted(places),
            SenderMessage::Written { id, at, cost } => state.written(id, at, cost),
            SenderMessage::NotWrittenAfter { id, at } => state.not_written_after(id, at),
            SenderMessage::Counted { at, more } => match state.pace.as_mut() {
                Some(pace) => pace.charge(at, more),
                None => state.early.get_or_insert_default().written.push((at, more)),
            },
            SenderMessage::TooFast(refused) => state.too_fast(&refused),
            SenderMessage::Loaded(earlier) => state.loaded(&earlier),
            SenderMessage::Tuned(tuning) => state.tuned(*tuning, &myself),
            SenderMessage::Redirected(sending) => state.redirected(&sending, &myself),
            SenderMessage::TuningMayDiffer => {
                load::look_at_tuning(&state.journal, state.number, myself.clone());
            }
            SenderMessage::Describe(reply) => {
                // One who has gone needs no answer.
                let _ = reply.send(state.standing());
            }
            SenderMessage::ClaimsAnswered(answered) => state.claims_answered(answered, &myself),
            SenderMessage::Page(lane, Ok(page)) => state.page(lane, page),
            SenderMessage::Page(lane, Err(_)) => state.queue.of(lane).page_failed(),
            SenderMessage::ThreadPage(of, Ok(page)) => {
                state.queue.of(of.lane).thread_page(of.recipient, page);
            }
            SenderMessage::ThreadPage(of, Err(_)) => state.queue.of(of.lane).thread_failed(of.recipient),
            SenderMessage::ThreadAgain(of) => state.queue.of(of.lane).release_to_read(of.recipient),
            SenderMessage::Wake => {
                state.alarm.rang();
                // Said again in case it was lost with its provider actor.
                state.places_wanted = 0;
            }
            SenderMessage::Halt => state.halt(),
            SenderMessage::Report(asked) => {
                state.report(&asked);
                return Ok(());
            }
            SenderMessage::Leave => state.leave(&myself),
            #[cfg(feature = "chaos")]
            #[expect(clippy::panic, reason = "that is what it is for")]
            SenderMessage::Panic => panic!("told to, by a test"),
        }
        state.advance(&myself);
        Ok(())
    }
}

impl SenderState {
    /// Does whatever may be done now, and sees to being woken for what may be done later.
    fn advance(&mut self, myself: &ActorRef<SenderMessage>) {
        let now = self.journal.now();
        if !self.halted && self.journal.tenure(self.number) != self.tenure {
            // Somebody else may have sent from it meanwhile: what is known here is out of date.
            return self.leave(myself);
        }
        if self.halted || self.pace.is_none() {
            return;
        }
        self.read_ahead(myself);
        self.begin_in_order(now);
        let mut decided = Vec::new();
        let next = self.decide_what_may_go(now, &mut decided, myself);
        self.claim(decided, myself);
        self.read_ahead(myself);
        self.arm(next, now, myself);
        self.tell_share(next, now);
    }

    /// Decides that heads of the queue go, for as long as pace and places allow; then says when to look
    /// again, if that is a matter of time.
    fn decide_what_may_go(
        &mut self,
        now: Time,
        decided: &mut Vec<Decided>,
        myself: &ActorRef<SenderMessage>,
    ) -> Option<Time> {
        let lead = self.lead(now);
        if let Some(until) = self.paused_until(now) {
            self.want_no_place();
            return Some(until).filter(|until| *until < Time::MAX);
        }
        if let Some(again_at) = self.store_again_at.filter(|again_at| *again_at > now) {
            self.held_up_since.get_or_insert(now);
            return Some(again_at);
        }
        loop {
            let Some(head) = self.queue.head(now) else {
                self.since = None;
                self.stagger = None;
                self.held_up_since = None;
                self.want_no_place();
                return self.queue.next_due();
            };
            if let Some(until) = self.quiet_until(&head, now) {
                self.postpone(head, until, myself);
                continue;
            }
            let since = *self.since.get_or_insert(now);
            if !self.may_fly(now) {
                // An outcome that comes wakes it.
                self.want_no_place();
                return None;
            }
            let pace = self.pace.as_mut()?;
            let Allowed::At(at) = pace.next_allowed(since, now, head.cost) else { return None };
            let working = &mut self.working;
            let at = if head.elsewhere { at } else { at.max(working.next_allowed(now, head.cost.segments)) };
            let at = stagger::first_due(at, since, self.stagger);
            if at > now + lead {
                self.want_no_place();
                return Some(self.look_again_at(at - lead));
            }
            if head.elsewhere {
                // Its account is not this sender's: it asks there for itself.
                let permit = pace.take(at, now, head.cost);
                self.stagger = None;
                decided.push(self.decide(head, permit, at, None));
                continue;
            }
            let Some(place) = self.take_place(head.cost, now) else {
                self.held_up_since.get_or_insert(now);
                self.want_places(head.cost);
                return None;
            };
            if !place.covers(head.cost) {
                continue;
            }
            if !place.is_for_probe() {
                self.held_up_since = None;
            }
            let pace = self.pace.as_mut()?;
            let permit = pace.take(at, now, head.cost);
            self.stagger = None;
            self.working.sent(head.cost.segments, at.max(now));
            decided.push(self.decide(head, permit, at, Some(place)));
        }
    }

    fn changed(&mut self, change: &Change) {
        let message = change.message;
        if self.pace.is_none() {
            self.early.get_or_insert_default().settled.insert(message.id);
        }
        if let (Some(permit), Some(pace)) = (self.open.remove(&message.id), self.pace.as_mut()) {
            match change.written_at {
                Some(at) => pace.stamp(permit, at),
                None => pace.abandon(permit),
            }
        }
        match change.stands {
            Stands::Undecided => {}
            Stands::Waiting | Stands::Decided => {
                self.in_flight.remove(&message.id);
            }
        }
        if let Some(at) = change.written_at.filter(|_| change.was_taken && !message.elsewhere) {
            self.working.accepted(at);
        }
        if !change.keeps_order {
            return;
        }
        match change.stands {
            Stands::Waiting => {
                self.queue.of(message.lane).requeue(message);
                self.forget_forecasts();
            }
            Stands::Undecided => self.queue.of(message.lane).hold(message.recipient),
            Stands::Decided => self.queue.of(message.lane).release(message.recipient),
        }
    }

    fn written(&mut self, id: MessageId, at: Time, cost: Cost) {
        let Some(pace) = self.pace.as_mut() else {
            // Counted twice if it is read as well: the safe side.
            self.early.get_or_insert_default().written.push((at, cost));
            return;
        };
        if let Some(permit) = self.open.remove(&id) {
            pace.stamp(permit, at);
            return;
        }
        // An immediate message: it asked nobody, the queue yields.
        pace.charge(at, cost);
        self.working.sent(cost.segments, at);
    }

    fn not_written_after(&mut self, id: MessageId, at: Time) {
        if let (Some(permit), Some(pace)) = (self.open.remove(&id), self.pace.as_mut()) {
            pace.stamp(permit, at);
        }
    }

    /// When the next unit may go, and how long each one ahead of it takes.
    fn rough_estimate(&mut self, now: Time) -> EstimateRule {
        let since = self.since.unwrap_or(now);
        let Some(pace) = self.pace.as_mut() else {
            return EstimateRule { from: now, per_unit: Duration::ZERO };
        };
        let from = match pace.look_ahead(since, now, Cost::sms(1)) {
            Allowed::At(at) => at.max(now),
            Allowed::WhenStamped => now,
        };
        let from = from.max(self.working.next_allowed(now, 1));
        EstimateRule { from, per_unit: pace.per_unit().max(self.working.per_unit()) }
    }

    /// Its pace without a past, to ask what past it needs.
    fn blank_pace(&self) -> Pace {
        Pace::new(&self.route.limits, None, [], Time::ZERO)
    }

    /// What must still be known of its hand-overs.
    fn keep(&self, now: Time) -> Keep {
        let own = self.pace.as_ref().map_or(Keep::EVERYTHING, |pace| pace.keep(now));
        if own == Keep::NOTHING && !self.shared.is_any() {
            // The fallback looks back at what went through it, and nothing here forgets that.
            return own;
        }
        own.and(self.at_fallback.as_ref().map_or(Keep::NOTHING, |pace| pace.keep(now)))
    }

    /// Which of its hand-overs are counted here.
    fn counted(&self) -> CountedTraffic {
        CountedTraffic::by(&self.route.limits)
    }

    const fn has_limits(&self) -> bool {
        !self.route.limits.is_empty()
    }

    fn is_idle(&self) -> bool {
        let nothing_on_the_way = self.starting.is_empty() && self.open.is_empty() && self.submits == 0;
        nothing_on_the_way && self.queue.is_empty()
    }

    /// One wake-up, for whatever is due first: a claimed message's instant, the next decision, or the
    /// end of an idle time.
    fn arm(&mut self, next: Option<Time>, now: Time, myself: &ActorRef<SenderMessage>) {
        if !self.is_idle() {
            self.idle_since = None;
            let begin = self.starting.front().filter(|first| first.claimed.is_some());
            let begin = begin.map(|first| first.not_before);
            match [next, begin].into_iter().flatten().min() {
                Some(at) => self.alarm.arm(at, now),
                // Work that waits for a place or a stamp is woken by it; this is the net below.
                None if self.since.is_some() => {
                    self.alarm.arm_at_latest(now + STORE_AGAIN_AFTER, now);
                }
                None => self.alarm.disarm(),
            }
            return;
        }
        self.forget_forecasts();
        if self.idle_since.is_none() {
            self.give_memory_back();
        }
        let idle_since = *self.idle_since.get_or_insert(now);
        let end = idle_since + self.journal.settings().idle_after;
        if end <= now {
            self.leave(myself);
        } else {
            self.alarm.arm(end, now);
        }
    }

    /// Of one that is idle nothing is left in these; it may be idle for long, with ten thousand others.
    fn give_memory_back(&mut self) {
        self.starting.shrink_to_fit();
        self.places.shrink_to_fit();
        make_anew(&mut self.open);
        make_anew(&mut self.in_flight);
        make_anew(&mut self.storing);
        self.queue.give_memory_back();
    }

    fn halt(&mut self) {
        self.halted = true;
        self.starting.clear();
        self.want_no_place();
        self.alarm.disarm();
    }

    /// Out of the roster first, so that nobody finds an actor that is stopping.
    fn leave(&mut self, myself: &ActorRef<SenderMessage>) {
        self.halt();
        self.leave_shares();
        self.roster.leave_sender(self.number, myself.get_id());
        myself.stop(None);
    }
}

/// For ordered maps and sets of one that is idle: from which the last entry was taken, that keeps room for eleven.
fn make_anew<C: Default + IntoIterator + FromIterator<C::Item>>(of: &mut C) {
    *of = std::mem::take(of).into_iter().collect();
}
