//! Configuration and directory of an engine that is measured.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sendyard::clock::SystemIds;
use sendyard::config::{Config, Directory, Environment};
use sendyard::load::{Numbers, SENTENCE, of_length};
use sendyard::providers::http_client;
use sendyard::providers::telnyx::{Settings, Telnyx};
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{AccountName, AssistantId, OrganizationId, ProviderKind, Shard};
use sendyard_actors::domain::message::{Draft, Kind, Lane};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Append, EstimateRule, Ids, Provider, ScopedKey, Store};

pub(crate) const KEY: &str = "bench";

/// The configuration file of an engine with its embedded store in `data`.
pub(crate) fn config(data: &Path, places: usize) -> String {
    config_on(&format!("redb:{}", data.display()), places)
}

/// The same with any store.
pub(crate) fn config_on(store: &str, places: usize) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"\"\n[store]\nurl = \"{store}\"\n\
         [engine]\nplaces_in_flight = {places}\nqueue_limit = 10000000\n\
         organization_queue_limit = 10000000\n"
    )
}

/// Waits until an engine takes requests: on a store that processes share it first has to get it.
pub(crate) async fn until_ready(engine: SocketAddr) {
    let url = format!("http://{engine}/readyz");
    while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A directory of so many numbers, all with the same limits, on one account at the twin.
pub(crate) fn directory(twin: SocketAddr, numbers: usize, limits: &str) -> String {
    let mut text = format!(
        "[[organizations]]\nid = 1\nname = \"Bench\"\n\
         api_keys = [{{ name = \"bench\", key = \"{KEY}\", scopes = [\"sms:send\", \"sms:read\"] }}]\n\
         [[accounts]]\nname = \"bench\"\norganization = 1\nprovider = \"twilio\"\nbase_url = \"http://{twin}\"\n\
         credentials = {{ account_sid = \"AC00000000000000000000000000000001\", auth_token = \"x\" }}\n\
         [[assistants]]\nid = 1\norganization = 1\nname = \"Bench\"\naccount = \"bench\"\n"
    );
    for number in Numbers::first_senders(numbers).iter() {
        writeln!(text, "[[numbers]]\nnumber = \"{number}\"\nassistant = 1\nlimits = {limits}").unwrap();
    }
    text
}

/// Both, read as the program reads them.
pub(crate) fn parse(config: &str, directory: &str) -> (Config, Directory) {
    let environment = Environment::default();
    let config = Config::from_layers(Some((Path::new("bench.toml"), config)), &environment).unwrap();
    let directory = Directory::parse(Path::new("directory.toml"), directory, &environment).unwrap();
    (config, directory)
}

/// So many steps are under way at a time.
const AT_A_TIME: usize = 2000;

/// Puts messages into the queue of a store as the engine does, without an engine.
/// `keyed`: each with an idempotency key and 160 characters, through that provider; else the usual sentence.
pub(crate) async fn fill(store: &dyn Store, messages: usize, senders: usize, keyed: Option<ProviderKind>) {
    let numbers = Numbers::first_senders(senders);
    let text = if keyed.is_some() { of_length(160) } else { SENTENCE.to_owned() };
    let telnyx = telnyx();
    let way_out = (keyed == Some(ProviderKind::Telnyx)).then_some(&telnyx);
    let mut waiting = Vec::new();
    for n in 0..messages {
        let recipient = format!("+1666{n:07}").parse().unwrap();
        let mut draft = draft(numbers.nth(n), recipient, &text);
        if let Some(way_out) = way_out {
            draft.provider = ProviderKind::Telnyx;
            draft.frozen = way_out.freeze(&draft);
        }
        waiting.push(put(store, draft, keyed.map(|_| format!("order-{n:026}"))));
        if waiting.len() == AT_A_TIME {
            futures::future::join_all(waiting.drain(..)).await;
        }
    }
    futures::future::join_all(waiting).await;
}

/// A way out through Telnyx, which is told where to report what became of a message.
fn telnyx() -> Telnyx {
    let settings = Settings {
        base_url: "https://api.telnyx.com".parse().unwrap(),
        api_key: KEY.into(),
        public_key: None,
        messaging_profile_id: None,
        status_callback: Some("https://sms.example.com/webhooks/telnyx/bench".parse().unwrap()),
    };
    Telnyx::new(settings, http_client(1).unwrap())
}

async fn put(store: &dyn Store, draft: Draft, key: Option<String>) {
    if let Some(key) = key {
        let key = ScopedKey { organization: draft.organization, key };
        let day = Duration::from_hours(24);
        store.reserve_key(key, draft.id, draft.fingerprint, SystemIds.token(), day).await.unwrap();
    }
    store.append(at_once(draft)).await.unwrap();
}

/// To be stored whatever waits, and to go at once.
pub(crate) fn at_once(draft: Draft) -> Append {
    Append {
        draft,
        estimate: EstimateRule { from: Time::ZERO, per_unit: Duration::ZERO },
        depth_limit: u64::MAX,
        not_before: Time::ZERO,
        request_until: Time::MAX,
    }
}

pub(crate) fn draft(sender: &str, recipient: E164, text: &str) -> Draft {
    let sender: E164 = sender.parse().unwrap();
    Draft {
        id: SystemIds.message(Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Normal,
        kind: Kind::Queued,
        organization: OrganizationId(1),
        assistant: AssistantId(1),
        account: AccountName::from("bench"),
        provider: ProviderKind::Twilio,
        text: text.to_owned(),
        media: Vec::new(),
        segments: 1,
        encoding: Encoding::Gsm7,
        fingerprint: Fingerprint::of(sender, recipient, text, &[], true),
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: None,
        metadata: None,
    }
}
