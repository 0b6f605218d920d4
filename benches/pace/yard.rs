//! Ten thousand senders at one a second, and a provider that answers at once.

use std::collections::HashMap;
use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sendyard::clock::{SystemClock, SystemIds};
use sendyard::load::{Numbers, SENTENCE};
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{
    AccountName, AssistantId, MessageId, OrganizationId, ProviderKind, Shard,
};
use sendyard_actors::domain::lanes::Weights;
use sendyard_actors::domain::message::{Draft, Kind, Lane, UnknownPolicy};
use sendyard_actors::domain::outcome::{Acceptance, Outcome};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::routing::{Account, Book, Route};
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::{Engine, Parts, RunningEngine};
use sendyard_actors::ports::{Append, EstimateRule, HandOver, Ids, Later, Provider, Store, TooLong};
use sendyard_actors::settings::Settings;
use tokio::time::Instant;

pub(crate) const SENDERS: usize = 10_000;
pub(crate) const LIMIT: &str = "1/s";
pub(crate) const ORGANIZATION: OrganizationId = OrganizationId(1);

/// So many steps of a store are under way at a time.
const AT_A_TIME: usize = 2000;

/// Takes whatever it is given at once, and counts.
#[derive(Debug, Default)]
pub(crate) struct Instantly {
    taken: AtomicU64,
    /// When it was given what, where that is judged.
    ledger: Option<Mutex<Vec<(E164, Instant)>>>,
}

impl Instantly {
    pub(crate) fn with_ledger() -> Self {
        Self { ledger: Some(Mutex::default()), ..Self::default() }
    }

    /// Its ledger so far.
    pub(crate) fn ledger(&self) -> Vec<(E164, Instant)> {
        self.ledger.as_ref().map(|ledger| ledger.lock().unwrap().clone()).unwrap_or_default()
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Provider for Instantly {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Twilio
    }

    fn check_length(&self, _text: &str, _media: &[String]) -> Result<(), TooLong> {
        Ok(())
    }

    fn send(&self, hand_over: HandOver, _patience: Duration) -> Later<Outcome> {
        if let Some(ledger) = &self.ledger {
            ledger.lock().unwrap().push((hand_over.message.draft.sender, Instant::now()));
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(Outcome::Accepted(acceptance())))
    }
}

pub(crate) fn acceptance() -> Acceptance {
    let provider_id = "SM00000000000000000000000000000001".to_owned();
    Acceptance { provider_id, provider_status: "queued".into(), segments: None }
}

pub(crate) fn senders(count: usize) -> Vec<E164> {
    Numbers::first_senders(count).iter().map(|number| number.parse().unwrap()).collect()
}

fn account() -> AccountName {
    AccountName::from("bench")
}

/// These numbers, each with the limit if there is one, on one account without any.
pub(crate) fn book(senders: &[E164], limit: Option<&str>) -> Arc<Book> {
    let route = Arc::new(Route {
        organization: ORGANIZATION,
        assistant: AssistantId(1),
        account: account(),
        provider: ProviderKind::Twilio,
        campaign: None,
        fallback: None,
        limits: limit.into_iter().map(|limit| limit.parse().unwrap()).collect(),
        quiet_hours: None,
        weights: Weights::default(),
    });
    let account = Account {
        name: account(),
        organization: ORGANIZATION,
        provider: ProviderKind::Twilio,
        limits: Vec::new(),
        unknown_outcome: UnknownPolicy::Hold,
    };
    Arc::new(Book {
        numbers: senders.iter().map(|number| (*number, Arc::clone(&route))).collect(),
        accounts: HashMap::from([(account.name.clone(), account)]),
        ..Book::default()
    })
}

/// An engine with that book: places for everybody, and senders that stay when they are idle.
pub(crate) async fn start(
    book: Arc<Book>,
    store: Arc<dyn Store>,
    provider: &Arc<Instantly>,
    clock: SystemClock,
) -> RunningEngine {
    let settings = Settings {
        places_in_flight: 2 * SENDERS,
        idle_after: Duration::from_hours(1),
        ..Settings::default()
    };
    let way_out: Arc<dyn Provider> = Arc::clone(provider) as _;
    let providers = HashMap::from([(account(), way_out)]);
    let (clock, ids) = (Arc::new(clock), Arc::new(SystemIds));
    Engine::start(Parts { settings, book, store, peers: None, providers, clock, ids }).await.unwrap()
}

/// Puts so many messages of each sender into its queue, in turn, without an engine; their ids in that order.
pub(crate) async fn fill(store: &dyn Store, senders: &[E164], each: usize) -> Vec<(MessageId, E164)> {
    let mut ids = Vec::with_capacity(senders.len() * each);
    let mut waiting = Vec::new();
    for n in 0..senders.len() * each {
        let sender = senders.iter().copied().nth(n % senders.len()).unwrap();
        let draft = draft(n, sender);
        ids.push((draft.id, sender));
        let append = Append {
            draft,
            estimate: EstimateRule { from: Time::ZERO, per_unit: Duration::ZERO },
            depth_limit: u64::MAX,
            not_before: Time::ZERO,
            request_until: Time::MAX,
        };
        waiting.push(store.append(append));
        if waiting.len() == AT_A_TIME {
            futures::future::join_all(waiting.drain(..)).await;
        }
    }
    futures::future::join_all(waiting).await;
    ids
}

fn draft(n: usize, sender: E164) -> Draft {
    let recipient: E164 = format!("+1666{n:07}").parse().unwrap();
    Draft {
        id: SystemIds.message(Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Normal,
        kind: Kind::Queued,
        organization: ORGANIZATION,
        assistant: AssistantId(1),
        account: account(),
        provider: ProviderKind::Twilio,
        text: SENTENCE.to_owned(),
        media: Vec::new(),
        segments: 1,
        encoding: Encoding::Gsm7,
        fingerprint: Fingerprint::of(sender, recipient, SENTENCE, &[], true),
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: None,
        metadata: None,
    }
}
