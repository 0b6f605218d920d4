use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use sendyard::clock::{SystemClock, SystemIds};
use sendyard::store::memory::MemoryStore;
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{AccountName, AssistantId, OrganizationId, ProviderKind};
use sendyard_actors::domain::lanes::Weights;
use sendyard_actors::domain::message::{Kind, Lane, UnknownPolicy};
use sendyard_actors::domain::outcome::{Acceptance, Outcome};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::routing::{Account, Book, Route};
use sendyard_actors::domain::validity::Validity;
use sendyard_actors::engine::{Engine, Parts, SendRequest};
use sendyard_actors::ports::{HandOver, Later, Provider, TooLong};
use sendyard_actors::settings::Settings;
use sendyard_actors::telemetry;

const ORGANIZATION: OrganizationId = OrganizationId(1);

/// Takes everything at once.
struct Willing;

impl Provider for Willing {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Twilio
    }

    fn check_length(&self, _text: &str, _media: &[String]) -> Result<(), TooLong> {
        Ok(())
    }

    fn send(&self, hand_over: HandOver, _patience: Duration) -> Later<Outcome> {
        let provider_id = hand_over.callback_token();
        let acceptance = Acceptance { provider_id, provider_status: "queued".to_owned(), segments: None };
        Box::pin(async move { Outcome::Accepted(acceptance) })
    }
}

fn sender(index: usize) -> E164 {
    format!("+1555{index:07}").parse().unwrap()
}

/// The series that an engine makes which sends one message from each of so many numbers.
async fn series_of(senders: usize) -> Vec<String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Everything of this test runs on this thread.
    let _here = metrics::set_default_local_recorder(&recorder);
    telemetry::describe();

    let name = AccountName::from("acme");
    let account = Account {
        name: name.clone(),
        organization: ORGANIZATION,
        provider: ProviderKind::Twilio,
        limits: Vec::new(),
        unknown_outcome: UnknownPolicy::Hold,
    };
    let route = Route {
        organization: ORGANIZATION,
        assistant: AssistantId(1),
        account: name.clone(),
        provider: ProviderKind::Twilio,
        campaign: None,
        fallback: None,
        limits: vec!["1/s".parse().unwrap()],
        quiet_hours: None,
        weights: Weights::default(),
    };
    let route = Arc::new(route);
    let numbers = (0..senders).map(|index| (sender(index), Arc::clone(&route))).collect();
    let clock = Arc::new(SystemClock::start());
    let parts = Parts {
        settings: Settings::default(),
        book: Arc::new(Book {
            numbers,
            accounts: HashMap::from([(name.clone(), account)]),
            ..Book::default()
        }),
        store: Arc::new(MemoryStore::new(clock.clone())),
        peers: None,
        providers: HashMap::from([(name, Arc::new(Willing) as Arc<dyn Provider>)]),
        clock,
        ids: Arc::new(SystemIds),
    };
    let running = Engine::start(parts).await.unwrap();
    let to: E164 = "+15559990000".parse().unwrap();
    for index in 0..senders {
        let from = sender(index);
        let request = SendRequest {
            organization: ORGANIZATION,
            from,
            to,
            text: "hello".to_owned(),
            media: Vec::new(),
            kind: Kind::Queued,
            lane: Lane::Normal,
            key: None,
            fingerprint: Fingerprint::of(from, to, "hello", &[], true),
            validity: Validity::default(),
            client_reference: None,
            metadata: None,
        };
        running.engine.send(request).await.unwrap();
    }
    // Long enough for two surveys; the clock is paused.
    tokio::time::sleep(Duration::from_secs(12)).await;
    running.stop(Duration::from_secs(1)).await;
    let page = handle.render();
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    // Without the values; a step of the store that did not happen to be needed makes no series.
    let series = lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned());
    let mut series: Vec<String> = series.collect();
    series.sort();
    series
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_senders_make_no_more_series_than_ten() {
    let few = series_of(10).await;
    let many = series_of(10_000).await;
    assert!(few.iter().any(|series| series.starts_with("sendyard_mailbox_wait_seconds")), "{few:?}");
    assert_eq!(few, many);
}
