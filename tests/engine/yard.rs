//! A whole engine for a test: memory store, paused clock, scripted provider.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sendyard::clock::{Beat, Jumps, SystemClock, SystemIds};
use sendyard::store::memory::{MemoryPeers, MemoryStore};
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{
    AccountName, AssistantId, CampaignName, MessageId, OrganizationId, ProviderKind,
};
use sendyard_actors::domain::lanes::Weights;
use sendyard_actors::domain::message::{Draft, Elsewhere, Kind, Lane, Message, State, UnknownPolicy};
use sendyard_actors::domain::outcome::{Acceptance, Class, Doubt, Outcome, Refusal, Slows};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::routing::{Account, Book, Route};
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::validity::Validity;
use sendyard_actors::engine::{Engine, NotSent, Parts, RunningEngine, SendRequest, Sent};
use sendyard_actors::ports::{Clock, HandOver, Later, Peers, Provider, Store, TooLong};
use sendyard_actors::settings::Settings;

pub(crate) const ORGANIZATION: OrganizationId = OrganizationId(1);
pub(crate) const FROM: &str = "+1234567890";

/// How the provider answers one hand-over.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// Takes it after so long.
    Accept(Duration),
    /// Refuses it with this class after so long.
    Refuse(Class, Duration),
    /// Refuses it as too fast for whose pace this is, at once; and perhaps names how long to wait.
    TooFast(Slows, Option<Duration>),
    /// Takes so many of each sender in every second, after so long; refuses the rest as too fast for it.
    Limited(Arc<AtomicU64>, Duration),
    /// Takes it, and the answer is lost.
    LoseAnswer,
    /// Takes it not, and does not answer.
    Swallow,
    /// Cannot be reached.
    NoConnection,
}

/// Longer texts are too long for the second account.
pub(crate) const SECOND_TAKES: usize = 459;

/// The second account's way out: the same provider, which takes no long texts there.
struct Second(Arc<Scripted>);

impl Provider for Second {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Telnyx
    }

    fn check_length(&self, text: &str, _media: &[String]) -> Result<(), TooLong> {
        if text.len() > SECOND_TAKES { Err(TooLong { sentence: "too long".to_owned() }) } else { Ok(()) }
    }

    fn freeze(&self, draft: &Draft) -> Option<String> {
        self.0.second_knows_repeats.then(|| format!("second: {}", draft.text))
    }

    fn send(&self, hand_over: HandOver, patience: Duration) -> Later<Outcome> {
        self.0.send(hand_over, patience)
    }
}

/// A hand-over that the provider saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) id: MessageId,
    pub(crate) from: E164,
    pub(crate) account: AccountName,
    pub(crate) to: E164,
    pub(crate) text: String,
    pub(crate) attempt: u16,
    pub(crate) at: Time,
    pub(crate) in_flight: usize,
}

/// A provider that plays a script: a line for each hand-over, the last one for ever.
pub(crate) struct Scripted {
    clock: SystemClock,
    script: Mutex<VecDeque<Line>>,
    seen: Mutex<Vec<Seen>>,
    in_flight: Arc<Mutex<usize>>,
    accepted: Arc<Mutex<Vec<MessageId>>>,
    /// When [`Line::Limited`] took what of each sender in the last second.
    taken: Mutex<HashMap<E164, VecDeque<Time>>>,
    /// Counts crashes: an answer to a process that has crashed reaches nobody.
    crashes: Arc<AtomicU64>,
    /// Knows a repeat by its bytes, and takes it once.
    knows_repeats: bool,
    /// The same through the second account.
    second_knows_repeats: bool,
    /// What it plays through the second account, if not the script.
    second_plays: Option<Line>,
    /// What it says of a message's segments.
    counts: Option<u16>,
}

impl Scripted {
    /// From now on it plays this.
    pub(crate) fn play(&self, script: Vec<Line>) {
        *self.script.lock().unwrap() = script.into();
    }

    pub(crate) fn accepted(&self) -> Vec<MessageId> {
        self.accepted.lock().unwrap().clone()
    }

    fn has_room(&self, sender: E164, limit: u64) -> bool {
        let now = self.clock.now();
        let mut taken = self.taken.lock().unwrap();
        let taken = taken.entry(sender).or_default();
        while taken.front().is_some_and(|at| *at + Duration::from_secs(1) <= now) {
            taken.pop_front();
        }
        let has_room = u64::try_from(taken.len()).unwrap() < limit;
        if has_room {
            taken.push_back(now);
        }
        has_room
    }

    fn next_line(&self) -> Line {
        let mut script = self.script.lock().unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script.front().unwrap().clone() }
    }
}

impl Provider for Scripted {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Twilio
    }

    fn check_length(&self, _text: &str, _media: &[String]) -> Result<(), TooLong> {
        Ok(())
    }

    fn slows(&self, code: &str) -> Option<(Slows, Option<Duration>)> {
        match code {
            "sender" => Some((Slows::Sender, Some(Duration::from_mins(2)))),
            "campaign" => Some((Slows::Campaign, None)),
            _ => None,
        }
    }

    fn freeze(&self, draft: &Draft) -> Option<String> {
        self.knows_repeats.then(|| draft.text.clone())
    }

    fn send(&self, hand_over: HandOver, patience: Duration) -> Later<Outcome> {
        let draft = hand_over.message.draft.clone();
        let second_plays = self.second_plays.clone().filter(|_| draft.account == second());
        let line = second_plays.unwrap_or_else(|| self.next_line());
        let line = match line {
            Line::Limited(limit, after) => {
                let has_room = self.has_room(draft.sender, limit.load(Ordering::Relaxed));
                if has_room { Line::Accept(after) } else { Line::TooFast(Slows::Sender, None) }
            }
            other => other,
        };
        let (knows_repeats, counted) = (draft.frozen.is_some(), self.counts);
        let in_flight = Arc::clone(&self.in_flight);
        *in_flight.lock().unwrap() += 1;
        self.seen.lock().unwrap().push(Seen {
            id: draft.id,
            from: draft.sender,
            account: draft.account.clone(),
            to: draft.recipient,
            text: draft.text,
            attempt: hand_over.attempt,
            at: self.clock.now(),
            in_flight: *in_flight.lock().unwrap(),
        });
        let accepted = Arc::clone(&self.accepted);
        let crashes = Arc::clone(&self.crashes);
        let asked_in = crashes.load(Ordering::Relaxed);
        Box::pin(async move {
            let outcome = match line {
                Line::Accept(after) => {
                    tokio::time::sleep(after).await;
                    accept(&accepted, draft.id, knows_repeats);
                    let provider_id = format!("SM{}", draft.id);
                    let provider_status = "queued".into();
                    Outcome::Accepted(Acceptance { provider_id, provider_status, segments: counted })
                }
                Line::Refuse(class, after) => {
                    tokio::time::sleep(after).await;
                    let code = Some("42".to_owned());
                    Outcome::Refused(Refusal {
                        class,
                        code,
                        detail: "no".into(),
                        retry_after: None,
                        slows: None,
                    })
                }
                Line::TooFast(slows, retry_after) => {
                    let (code, detail) = (Some("429".to_owned()), "too fast".to_owned());
                    let slows = Some(slows);
                    Outcome::Refused(Refusal { class: Class::Retry, code, detail, retry_after, slows })
                }
                Line::Limited(..) => unreachable!("it has become another line"),
                Line::LoseAnswer => {
                    accept(&accepted, draft.id, knows_repeats);
                    tokio::time::sleep(patience).await;
                    Outcome::Unknown(Doubt::NoAnswer)
                }
                Line::Swallow => {
                    tokio::time::sleep(patience).await;
                    Outcome::Unknown(Doubt::NoAnswer)
                }
                Line::NoConnection => {
                    let code = Some("connect".to_owned());
                    let detail = "refused".to_owned();
                    Outcome::Refused(Refusal {
                        class: Class::Retry,
                        code,
                        detail,
                        retry_after: None,
                        slows: None,
                    })
                }
            };
            *in_flight.lock().unwrap() -= 1;
            if crashes.load(Ordering::Relaxed) != asked_in {
                std::future::pending::<()>().await;
            }
            outcome
        })
    }
}

fn accept(accepted: &Mutex<Vec<MessageId>>, id: MessageId, knows_repeats: bool) {
    let mut accepted = accepted.lock().unwrap();
    if !knows_repeats || !accepted.contains(&id) {
        accepted.push(id);
    }
}

/// Builds a [`Yard`].
#[expect(clippy::struct_excessive_bools, reason = "switches of a test's world")]
pub(crate) struct Builder {
    pub(crate) limits: Vec<&'static str>,
    pub(crate) script: Vec<Line>,
    pub(crate) settings: Settings,
    pub(crate) policy: UnknownPolicy,
    pub(crate) account_limits: Vec<&'static str>,
    pub(crate) organization_limits: Vec<&'static str>,
    pub(crate) faults: Arc<super::faulty::Faults>,
    pub(crate) second_account: bool,
    pub(crate) moved: bool,
    pub(crate) knows_repeats: bool,
    pub(crate) second_knows_repeats: bool,
    pub(crate) counts: Option<u16>,
    pub(crate) fallback: bool,
    pub(crate) second_limits: Vec<&'static str>,
    pub(crate) quiet_hours: Option<String>,
    pub(crate) second_plays: Option<Line>,
    /// The store is one that several processes can open.
    pub(crate) shared: bool,
    /// Numbers beside the usual one, with the same route.
    pub(crate) more_numbers: Vec<String>,
    /// Numbers of the second account.
    pub(crate) at_second: Vec<&'static str>,
    /// The campaigns of the usual number and of the first of the others.
    pub(crate) campaigns: Vec<&'static str>,
    /// The directory has none at all.
    pub(crate) no_numbers: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            limits: Vec::new(),
            script: vec![Line::Accept(Duration::from_millis(100))],
            settings: Settings::default(),
            policy: UnknownPolicy::Hold,
            account_limits: Vec::new(),
            organization_limits: Vec::new(),
            faults: Arc::default(),
            second_account: false,
            moved: false,
            knows_repeats: false,
            second_knows_repeats: false,
            counts: None,
            fallback: false,
            second_limits: Vec::new(),
            quiet_hours: None,
            second_plays: None,
            shared: false,
            more_numbers: Vec::new(),
            at_second: Vec::new(),
            campaigns: Vec::new(),
            no_numbers: false,
        }
    }
}

/// The clock of engine and store: the system's, which may be set forward while nothing runs.
pub(crate) struct WallClock {
    system: SystemClock,
    ahead: Mutex<Duration>,
    /// What the process that runs knows of that.
    jumps: Mutex<Jumps>,
}

impl WallClock {
    fn new(system: SystemClock) -> Arc<Self> {
        Arc::new(Self { system, ahead: Mutex::default(), jumps: Mutex::default() })
    }

    /// As a process leaves word of it.
    fn beat(&self) -> Beat {
        Beat { boot: "the same".to_owned(), up: self.system.now().since(Time::ZERO), at: self.now() }
    }
}

impl Clock for WallClock {
    fn now(&self) -> Time {
        self.system.now() + *self.ahead.lock().unwrap()
    }

    fn of_before(&self, noted: Time) -> Time {
        self.jumps.lock().unwrap().of_before(noted)
    }

    fn noted_from(&self, from: Time) -> Time {
        self.jumps.lock().unwrap().noted_from(from)
    }
}

/// A running engine with all that a test looks at.
pub(crate) struct Yard {
    pub(crate) engine: Engine,
    running: Option<RunningEngine>,
    pub(crate) provider: Arc<Scripted>,
    pub(crate) store: Arc<dyn Store>,
    /// The same, without the faults.
    faultless: Arc<dyn Store>,
    peers: Option<Arc<dyn Peers>>,
    builder: Builder,
    clock: Arc<WallClock>,
}

pub(crate) fn account() -> AccountName {
    AccountName::from("acme-twilio")
}

pub(crate) fn number(text: &str) -> E164 {
    text.parse().unwrap()
}

pub(crate) fn second() -> AccountName {
    AccountName::from("second")
}

fn book(builder: &Builder) -> Arc<Book> {
    let limits = builder.limits.iter().map(|limit| limit.parse().unwrap()).collect();
    let route = Route {
        organization: ORGANIZATION,
        assistant: AssistantId(1),
        account: if builder.moved { second() } else { account() },
        provider: ProviderKind::Twilio,
        campaign: None,
        fallback: builder.fallback.then(|| Elsewhere { account: second(), provider: ProviderKind::Telnyx }),
        limits,
        quiet_hours: builder.quiet_hours.as_ref().map(|hours| hours.parse().unwrap()),
        weights: Weights::default(),
    };
    let second_limits = builder.second_limits.iter().map(|limit| limit.parse().unwrap()).collect();
    let account = Account {
        name: account(),
        organization: ORGANIZATION,
        provider: ProviderKind::Twilio,
        limits: builder.account_limits.iter().map(|limit| limit.parse().unwrap()).collect(),
        unknown_outcome: builder.policy,
    };
    let of_all = builder.organization_limits.iter().map(|limit| limit.parse().unwrap()).collect();
    let at_second = Arc::new(Route { account: second(), ..route.clone() });
    let route = Arc::new(route);
    let mut numbers = HashMap::from([(number(FROM), Arc::clone(&route))]);
    numbers.extend(builder.more_numbers.iter().map(|more| (number(more), Arc::clone(&route))));
    numbers.extend(builder.at_second.iter().map(|more| (number(more), Arc::clone(&at_second))));
    let with_campaign = std::iter::once(FROM).chain(builder.more_numbers.iter().map(String::as_str));
    for (of, campaign) in with_campaign.zip(&builder.campaigns) {
        Arc::make_mut(numbers.get_mut(&number(of)).unwrap()).campaign = Some(CampaignName::from(*campaign));
    }
    if builder.no_numbers {
        numbers.clear();
    }
    Arc::new(Book {
        numbers,
        accounts: if builder.second_account {
            HashMap::from([
                (account.name.clone(), account.clone()),
                (second(), Account { name: second(), limits: second_limits, ..account }),
            ])
        } else {
            HashMap::from([(account.name.clone(), account)])
        },
        organization_limits: HashMap::from([(ORGANIZATION, of_all)]),
    })
}

impl Builder {
    pub(crate) async fn start(self) -> Yard {
        let system = SystemClock::start();
        let clock = WallClock::new(system);
        let memory =
            if self.shared { MemoryStore::shared(clock.clone()) } else { MemoryStore::new(clock.clone()) };
        let faultless: Arc<dyn Store> = Arc::new(memory);
        let store: Arc<dyn Store> = Arc::new(super::faulty::Faulty {
            inner: Arc::clone(&faultless),
            faults: Arc::clone(&self.faults),
        });
        let provider = Arc::new(Scripted {
            clock: system,
            script: Mutex::new(self.script.clone().into()),
            seen: Mutex::default(),
            in_flight: Arc::default(),
            accepted: Arc::default(),
            taken: Mutex::default(),
            crashes: Arc::default(),
            knows_repeats: self.knows_repeats,
            second_knows_repeats: self.second_knows_repeats,
            second_plays: self.second_plays.clone(),
            counts: self.counts,
        });
        let shared = self.shared.then(|| -> Arc<dyn Peers> { Arc::new(MemoryPeers::new(clock.clone())) });
        let peers = shared.clone().map(|inner| faulty_peers(inner, &self.faults));
        let running = start_engine(&self, &store, peers, &provider, clock.clone()).await;
        let engine = running.engine.clone();
        let running = Some(running);
        Yard { engine, running, provider, store, faultless, peers: shared, builder: self, clock }
    }
}

fn faulty_peers(inner: Arc<dyn Peers>, faults: &Arc<super::faulty::Faults>) -> Arc<dyn Peers> {
    Arc::new(super::faulty::FaultyPeers { inner, faults: Arc::clone(faults) })
}

async fn start_engine(
    builder: &Builder,
    store: &Arc<dyn Store>,
    peers: Option<Arc<dyn Peers>>,
    provider: &Arc<Scripted>,
    clock: Arc<WallClock>,
) -> RunningEngine {
    Engine::start(parts(builder, store, peers, provider, clock)).await.expect("the engine starts")
}

fn parts(
    builder: &Builder,
    store: &Arc<dyn Store>,
    peers: Option<Arc<dyn Peers>>,
    provider: &Arc<Scripted>,
    clock: Arc<WallClock>,
) -> Parts {
    let way_out: Arc<dyn Provider> = Arc::clone(provider) as _;
    let second_way_out: Arc<dyn Provider> = Arc::new(Second(Arc::clone(provider)));
    Parts {
        settings: builder.settings,
        book: book(builder),
        store: Arc::clone(store),
        peers,
        providers: HashMap::from([(account(), way_out), (second(), second_way_out)]),
        clock,
        ids: Arc::new(SystemIds),
    }
}

impl Yard {
    pub(crate) fn request(to: &str, text: &str, kind: Kind) -> SendRequest {
        let (from, to) = (number(FROM), number(to));
        SendRequest {
            organization: ORGANIZATION,
            from,
            to,
            text: text.to_owned(),
            media: Vec::new(),
            kind,
            lane: Lane::Normal,
            key: None,
            fingerprint: Fingerprint::of(from, to, text, &[], kind == Kind::Queued),
            validity: Validity::default(),
            client_reference: None,
            metadata: None,
        }
    }

    /// The directory is changed while it runs.
    pub(crate) async fn redirect(&mut self, change: impl FnOnce(&mut Builder)) {
        change(&mut self.builder);
        let Parts { book, providers, .. } =
            parts(&self.builder, &self.store, None, &self.provider, self.clock.clone());
        self.engine.redirect(book, providers).await.expect("every account has a way out");
    }

    pub(crate) async fn queue(&self, to: &str, text: &str) -> Sent {
        self.engine.send(Self::request(to, text, Kind::Queued)).await.expect("accepted")
    }

    pub(crate) async fn queue_from(&self, from: &str, to: &str) -> Sent {
        let request = SendRequest { from: number(from), ..Self::request(to, "from elsewhere", Kind::Queued) };
        self.engine.send(request).await.expect("accepted")
    }

    pub(crate) async fn queue_in(&self, lane: Lane, to: &str, text: &str) -> Sent {
        let request = SendRequest { lane, ..Self::request(to, text, Kind::Queued) };
        self.engine.send(request).await.expect("accepted")
    }

    pub(crate) async fn send_now(&self, to: &str, text: &str) -> Result<Sent, NotSent> {
        self.engine.send(Self::request(to, text, Kind::Immediate)).await
    }

    pub(crate) async fn message(&self, id: MessageId) -> Message {
        *self.faultless.message(id).await.unwrap().expect("the message is known")
    }

    /// Lets simulated time pass until the message is in this state.
    pub(crate) async fn until(&self, id: MessageId, state: State) -> Message {
        let wait = async {
            let mut look_after = Duration::from_millis(1);
            loop {
                let message = self.message(id).await;
                if message.state == state {
                    return message;
                }
                tokio::time::sleep(look_after).await;
                look_after = look_after.mul_f64(1.1).min(Duration::from_secs(1));
            }
        };
        let found = tokio::time::timeout(Duration::from_hours(2), wait).await;
        if let Ok(message) = found {
            return message;
        }
        panic!("{id} never became {state:?}: {:#?}", self.message(id).await)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.provider.seen.lock().unwrap().clone()
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// What the provider's clock shows, which nobody sets.
    pub(crate) fn real_now(&self) -> Time {
        self.clock.system.now()
    }

    /// Lets simulated time pass until the provider has seen so many.
    pub(crate) async fn until_seen(&self, count: usize) {
        while self.provider.seen.lock().unwrap().len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn faults(&self) -> &super::faulty::Faults {
        &self.builder.faults
    }

    pub(crate) fn move_number(&mut self) {
        self.builder.moved = true;
    }

    /// Starts another process on the same store, with faults of its own.
    pub(crate) async fn another_with(&self, faults: &Arc<super::faulty::Faults>) -> RunningEngine {
        let inner = Arc::clone(&self.faultless);
        let store: Arc<dyn Store> = Arc::new(super::faulty::Faulty { inner, faults: Arc::clone(faults) });
        let peers = self.peers.clone().map(|inner| faulty_peers(inner, faults));
        start_engine(&self.builder, &store, peers, &self.provider, self.clock.clone()).await
    }

    /// The same, without faults.
    pub(crate) async fn another(&self) -> RunningEngine {
        self.another_with(&Arc::default()).await
    }

    /// The process is gone: nothing of it renews, claims or settles any more, and the other answers.
    pub(crate) fn dies(&mut self) {
        self.provider.crashes.fetch_add(1, Ordering::Relaxed);
        self.builder.faults.hang();
        for step in ["claim", "settle", "mark_unknown", "settle_unknown", "tell"] {
            self.builder.faults.refuse_all(step);
        }
    }

    pub(crate) async fn stop(&mut self, grace: Duration) {
        self.running.take().unwrap().stop(grace).await;
    }

    /// The process that was started beside the first one, which has ended, takes its place.
    pub(crate) fn stand_in(&mut self, another: RunningEngine) {
        self.engine = another.engine.clone();
        self.running = Some(another);
    }

    /// Ends the process as a crash would: nothing is waited for. Starts another on the same store.
    pub(crate) async fn crash_and_restart(&mut self) {
        self.crash().await;
        self.restart().await;
    }

    /// The same, and for so long nothing runs.
    pub(crate) async fn is_down_for(&mut self, time: Duration) {
        self.crash().await;
        tokio::time::sleep(time).await;
        self.restart().await;
    }

    /// The same, and meanwhile the wall clock is set forward, which the next process knows as it knows it where it
    /// has the store to itself.
    pub(crate) async fn crash_and_restart_later_by_the_wall(&mut self, by: Duration) {
        self.crash().await;
        let last = self.clock.beat();
        *self.clock.ahead.lock().unwrap() += by;
        self.clock.jumps.lock().unwrap().note(&last, &self.clock.beat());
        self.restart().await;
    }

    async fn crash(&mut self) {
        self.provider.crashes.fetch_add(1, Ordering::Relaxed);
        if let Some(running) = self.running.take() {
            running.stop(Duration::ZERO).await;
        }
    }

    async fn restart(&mut self) {
        let peers = self.peers.clone().map(|inner| faulty_peers(inner, &self.builder.faults));
        let running =
            start_engine(&self.builder, &self.store, peers, &self.provider, self.clock.clone()).await;
        self.engine = running.engine.clone();
        self.running = Some(running);
    }
}

/// Every test ends with this looked at: nothing was accepted twice.
impl Drop for Yard {
    fn drop(&mut self) {
        if std::thread::panicking() || self.builder.policy == UnknownPolicy::Resend {
            return;
        }
        let accepted = self.provider.accepted.lock().unwrap();
        let different: HashSet<MessageId> = accepted.iter().copied().collect();
        assert_eq!(different.len(), accepted.len(), "a message was handed over twice");
    }
}
