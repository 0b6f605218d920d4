//! The proof: kill -9 in the middle of everything, again and again, and the promises hold.
//!
//! Clients send queued, immediate, keyed and cancelled messages over 20 senders while the service is
//! killed and started again. Afterwards `verify`, which shares no code with the engine, judges what
//! the provider saw and what the clients were told. `docs/GUARDS.md` says which guard's absence it
//! notices.

mod client;
mod evidence;
mod fleet;
mod plan;
mod rolling;

use std::collections::HashSet;
use std::time::Duration;

use sendyard::verify::{Inputs, Options, verify};
use serde_json::json;

use self::client::{Clients, Doors};
use self::evidence::{Answer, Files};
use self::plan::Plan;
use crate::process::on_redis::server::Redis;
use crate::process::yard::{Line, Setup, Yard, eventually, now_us};

/// Another may be given in this variable of the environment.
const SEED: u64 = 20_260_824;
const SEED_VARIABLE: &str = "SENDYARD_PROOF_SEED";

/// Per account; there are two.
const PLACES: usize = 24;

/// The provider takes this long, and up to so much longer: a kill meets open attempts.
const LATENCY_MS: u64 = 60;
const LATENCY_JITTER_MS: u64 = 80;

/// It refuses this share for the moment: what follows in the conversation must wait for the retry.
const THROTTLED: f64 = 0.03;

/// How far the instants of processes on a busy machine may differ. The engine's own instants are
/// judged without it.
const JITTER: &str = "300ms";

/// Until the provider has seen what should come before the next kill, and until all is decided.
const RUN_LIMIT: Duration = Duration::from_secs(90);

fn setup() -> Setup {
    let mut setup = Setup::of_numbers(plan::SENDERS, &["12/s"]);
    for (index, number) in setup.numbers.iter_mut().enumerate() {
        match index {
            0..8 => {}
            8..14 => number.limits = vec!["15/s"],
            14..18 => number.limits = vec!["20/s", "40/3s"],
            _ => number.limits = vec!["140/10s"],
        }
    }
    setup.engine = vec![
        ("begin_by", r#""1s""#),
        ("attempt_deadline", r#""3s""#),
        ("margin", r#""200ms""#),
        ("evidence_deadline", r#""1s""#),
        ("places_in_flight", "24"),
    ];
    setup
}

/// What the run consisted of, to show that it was hard.
#[derive(Debug)]
struct Hardness {
    kills: usize,
    /// Kills that met at least one attempt at the provider.
    kills_mid_attempt: usize,
    /// Requests to send of which no answer came.
    unanswered: usize,
    /// Requests that came again under their key and were answered 200.
    repeated: usize,
    cancelled: usize,
    /// Cancellations that came too late.
    too_late: usize,
}

impl Hardness {
    fn of(kills: &[u64], ledger: &[Line], answers: &[Answer]) -> Self {
        let cut: Vec<u64> =
            ledger.iter().filter(|line| line.accepted && !line.answered).map(|line| line.at_us).collect();
        let since = |place: usize| place.checked_sub(1).map_or(0, |before| kills[before]);
        let met = |(place, at): (usize, &u64)| cut.iter().any(|cut| (since(place)..*at).contains(cut));
        let mut told: HashSet<&str> = HashSet::new();
        let good = answers.iter().filter(|answer| answer.http_status == 200);
        Self {
            kills: kills.len(),
            kills_mid_attempt: kills.iter().enumerate().filter(|kill| met(*kill)).count(),
            unanswered: answers.iter().filter(|answer| answer.http_status == 0).count(),
            repeated: good.filter_map(|answer| answer.key.as_deref()).filter(|key| !told.insert(key)).count(),
            cancelled: answers.iter().filter(|answer| answer.cancelled == Some(true)).count(),
            too_late: answers.iter().filter(|answer| answer.cancelled == Some(false)).count(),
        }
    }

    fn check(&self) {
        assert!(self.kills >= 10, "{self:?}");
        assert!(self.kills_mid_attempt * 3 >= self.kills * 2, "few kills met an open attempt: {self:?}");
        assert!(self.unanswered > 0, "no kill met a request: {self:?}");
        assert!(self.repeated > 0 && self.cancelled > 0 && self.too_late > 0, "{self:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_keeps_every_promise() {
    prove(setup()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_keeps_every_promise_on_redis() {
    let Some(redis) = Redis::start(&[]).await else { return };
    let mut setup = setup();
    setup.store = Some(redis.url());
    // Each start waits for the lease of the process that was killed.
    setup.engine.push(("lease", r#""500ms""#));
    prove(setup).await;
}

async fn prove(setup: Setup) {
    let seed = std::env::var(SEED_VARIABLE).map_or(SEED, |text| text.parse().expect("a number"));
    println!("seed {seed}: set {SEED_VARIABLE} for another");
    let mut yard = Yard::start(&setup).await;
    let rule = json!({
        "latency_ms": LATENCY_MS,
        "latency_jitter_ms": LATENCY_JITTER_MS,
        "throttle": { "share": THROTTLED },
    });
    yard.twin.set_faults(&json!({ "seed": seed, "rules": [rule] })).await;

    let plan = Plan::from_seed(seed, &setup.numbers);
    let clients = Clients::start(&Doors::of(vec![yard.api.clone()]), plan.clients);
    let mut kills = Vec::new();
    for handed_over in plan.kills {
        eventually("enough is handed over for the next kill", RUN_LIMIT, async || {
            (yard.twin.count().await >= handed_over).then_some(())
        })
        .await;
        yard.kill();
        kills.push(now_us());
        yard.start_engine().await;
    }
    let answers = clients.finished().await;
    let files = Files::collect(&yard, &yard.api, &setup, &answers, RUN_LIMIT).await;

    let options = Options { jitter: Duration::from_millis(300), ..Options::default() };
    let report = verify(&Inputs::read(&files.paths(), options).unwrap());
    let ledger = yard.twin.ledger().await;
    let hardness = Hardness::of(&kills, &ledger, &answers);
    println!("{report}\n{hardness:#?}");
    assert_eq!(report.violations(), 0, "seed {seed}:\n{report}");
    assert!(report.findings.iter().all(|finding| finding.checked > 0), "something was not judged:\n{report}");
    let possible = 2 * PLACES * kills.len();
    assert!(report.counts.unknown <= possible as u64, "more unknowns than places at the kills: {hardness:?}");
    assert_eq!(report.counts.undecided, 0, "{report}");
    assert!(report.counts.refused > 0, "nothing had to be retried:\n{report}");
    files.check_that_cut_attempts_are_listed(&ledger, &answers);
    hardness.check();

    let output = yard.run(&Files::arguments(JITTER));
    assert!(output.status.success(), "{output:?}");
}
