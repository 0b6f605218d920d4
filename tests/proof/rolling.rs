//! A rolling restart of two processes on one Redis server, under load: one is told to end by SIGTERM, the
//! other by `POST /v1/admin/drain`, each starts again, and once more from the beginning. Nothing is lost or
//! doubled, and no client meets an error that one retry does not cure.
//!
//! A lease lasts much longer than the run here: shards that were not given up would be missed.

mod client;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sendyard::verify::{Inputs, Options, verify};
use serde_json::json;

use self::client::Clients;
use super::evidence::Files;
use super::fleet;
use super::{RUN_LIMIT, SEED, SEED_VARIABLE, plan};
use crate::process::on_redis::Fleet;
use crate::process::yard::{Api, Setup, eventually};

const TOKEN: &str = "rolling-admin-token";

/// Vonage's, as its provider knows it.
const SLOW_ACCOUNT: &str = "abcd1234";

/// More than are sent until the last process is back.
const MESSAGES: usize = 20_000;

/// How often each process is restarted.
const ROUNDS: usize = 2;

/// Messages accepted before the first process is told to end, and after each of them is back.
const BETWEEN: usize = 150;

fn setup() -> Setup {
    let mut setup = fleet::setup();
    setup.engine.retain(|(key, _)| !["lease", "places_in_flight"].contains(key));
    setup.engine.extend([("lease", r#""60s""#), ("places_in_flight", "64")]);
    setup.http = vec![("admin_token", r#""rolling-admin-token""#)];
    setup
}

/// How a process is told to end.
#[derive(Debug, Clone, Copy)]
enum Told {
    BySignal,
    ByPath,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_costs_no_client_more_than_one_retry() {
    let seed = std::env::var(SEED_VARIABLE).map_or(SEED, |text| text.parse().expect("a number"));
    println!("seed {seed}: set {SEED_VARIABLE} for another");
    let setup = setup();
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    // The slow one takes longer than a leaving process waits before it gives its shards up.
    let slow = json!({ "account": SLOW_ACCOUNT, "latency_ms": 500, "latency_jitter_ms": 200 });
    let rule = json!({ "latency_ms": 60, "latency_jitter_ms": 80 });
    fleet.yard.twin.set_faults(&json!({ "seed": seed, "rules": [slow, rule] })).await;
    let mut messages = plan::clients(&mut StdRng::seed_from_u64(seed), &setup.numbers, MESSAGES);
    for item in messages.iter_mut().flatten() {
        // Without a key nobody may repeat a request whose connection broke.
        item.key.get_or_insert_with(|| format!("key {}", item.text.trim_end_matches('.')));
    }
    let doors: [Api; 2] = [fleet.members[0].api.clone(), fleet.members[1].api.clone()];
    let clients = Clients::start(&doors, messages);

    clients.accepted_more(BETWEEN).await;
    for round in 0..ROUNDS {
        for (process, told) in [(0, Told::BySignal), (1, Told::ByPath)] {
            let before = clients.tally();
            restart(&mut fleet, process, told).await;
            clients.accepted_more(BETWEEN).await;
            let met = clients.tally().since(before);
            println!("round {round}, process {process}, {told:?}: {met:?}");
            assert!(met.retried() > 0, "nobody noticed: it was under no load");
        }
    }

    let (answers, tally) = clients.finished().await;
    let files = Files::collect(&fleet.yard, &doors[0], &setup, &answers, RUN_LIMIT).await;
    let options = Options { jitter: fleet::JITTER_ALLOWED, ..Options::default() };
    let report = verify(&Inputs::read(&files.paths(), options).unwrap());
    println!("{report}\n{tally:#?}");
    assert_eq!(report.violations(), 0, "seed {seed}:\n{report}");
    assert!(report.findings.iter().all(|finding| finding.checked > 0), "something was not judged:\n{report}");
    assert_eq!(report.counts.undecided, 0, "{report}");
    assert_eq!(report.counts.unknown, 0, "what was in flight was not waited for:\n{report}");
}

/// Tells a process to end, waits for its good end, starts it again and waits until it has its share.
async fn restart(fleet: &mut Fleet, process: usize, told: Told) {
    let member = &mut fleet.members[process];
    match told {
        Told::BySignal => member.leave().await,
        Told::ByPath => {
            assert_eq!(member.api.drain(TOKEN).await, 200);
            member.ended_well().await;
        }
    }
    fleet.start_again(process);
    fleet.shared_out().await;
}
