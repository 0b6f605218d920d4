//! The proof with two processes on one Redis server and all three providers: at random the processes are
//! killed, or stopped and continued, and the server is killed, and the promises hold.
//!
//! The seed and the schedule are printed, and the same seed is the same schedule. The run counts how hard it
//! was, and fails if it was not.

mod schedule;

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sendyard::verify::{Inputs, Options, verify};
use serde_json::json;
use tokio::time::sleep;

use self::schedule::{Fault, Planned};
use super::client::{Clients, Doors};
use super::evidence::{Answer, Files};
use super::{PLACES, RUN_LIMIT, SEED, SEED_VARIABLE, plan};
use crate::process::on_redis::Fleet;
use crate::process::yard::{KEY, Line, SendingNumber, Setup, eventually, now_us};

/// Another number of seeds, one after the other, may be given in this variable of the environment.
const SEEDS_VARIABLE: &str = "SENDYARD_PROOF_SEEDS";

const MESSAGES: usize = 2_400;
const PROCESSES: usize = 2;

/// As [`super::JITTER`], where four processes share the machine and are stopped and continued: what was about to
/// be written when its process was stopped is written when it goes on. The engine's own instants are judged
/// without it.
pub(super) const JITTER_ALLOWED: Duration = Duration::from_millis(500);
const JITTER: &str = "500ms";

/// A cancellation and the hand-over of its message were so close to each other.
const A_RACE: u64 = 250_000;

/// Name, provider, credentials, and how many numbers it has, each with these limits.
const ACCOUNTS: [(&str, &str, &str, usize, &[&str]); 3] = [
    (
        "twilio",
        "twilio",
        r#"account_sid = "AC00000000000000000000000000000001", auth_token = "secret""#,
        9,
        &["12/s", "40/4s"],
    ),
    ("telnyx", "telnyx", r#"api_key = "KEYsecret""#, 7, &["12/s"]),
    ("vonage", "vonage", r#"api_key = "abcd1234", api_secret = "secret""#, 4, &["6/s"]),
];

fn numbers() -> Vec<SendingNumber> {
    let each = ACCOUNTS.iter().enumerate().flat_map(|(account, (.., count, limits))| {
        (0..*count).map(move |index| SendingNumber {
            number: format!("+15550{account}{index:05}"),
            account,
            limits: limits.to_vec(),
        })
    });
    each.collect()
}

fn directory(twin: SocketAddr) -> String {
    let mut text = format!(
        "[[organizations]]\nid = 1\nname = \"Test\"\n\
         api_keys = [{{ name = \"test\", key = \"{KEY}\", scopes = [\"sms:send\", \"sms:read\"] }}]\n"
    );
    for (index, (name, provider, credentials, ..)) in ACCOUNTS.iter().enumerate() {
        write!(
            text,
            "[[accounts]]\nname = \"{name}\"\norganization = 1\nprovider = \"{provider}\"\n\
             base_url = \"http://{twin}\"\ncredentials = {{ {credentials} }}\n\
             [[assistants]]\nid = {id}\norganization = 1\nname = \"{name}\"\naccount = \"{name}\"\n",
            id = index + 1
        )
        .unwrap();
    }
    for SendingNumber { number, account, limits } in numbers() {
        let assistant = account + 1;
        writeln!(text, "[[numbers]]\nnumber = \"{number}\"\nassistant = {assistant}\nlimits = {limits:?}")
            .unwrap();
    }
    text
}

pub(super) fn setup() -> Setup {
    let engine = vec![
        ("begin_by", r#""1s""#),
        ("attempt_deadline", r#""3s""#),
        ("margin", r#""200ms""#),
        ("evidence_deadline", r#""1s""#),
        ("lease", r#""1s""#),
        ("places_in_flight", "24"),
    ];
    Setup { numbers: numbers(), engine, directory: Some(directory), ..Setup::default() }
}

/// What a run consisted of, to show that it was hard.
#[derive(Debug)]
struct Hardness {
    /// Kills of a process that met at least one attempt at a provider.
    kills_mid_attempt: usize,
    /// Kills and stops of a process after which shards were taken over.
    take_overs: usize,
    /// Cancellations so close to the hand-over of their message that either could have come first.
    cancels_that_raced: usize,
    /// Requests that came again under their key and were answered 200.
    repeated: usize,
    /// Requests to send of which no answer came.
    unanswered: usize,
}

impl Hardness {
    fn of(fleet: &Fleet, done: &[(Fault, u64)], started: u64, ledger: &[Line], answers: &[Answer]) -> Self {
        let before = std::iter::once(started).chain(done.iter().map(|(_, at)| *at));
        let kills: Vec<(u64, u64)> = before
            .zip(done)
            .filter(|(_, (fault, _))| matches!(fault, Fault::Kill { .. }))
            .map(|(before, (_, at))| (before, *at))
            .collect();
        let after = done.iter().skip(1).map(|(_, at)| *at).chain([u64::MAX]);
        let lost: Vec<(u64, u64)> = after
            .zip(done)
            .filter(|(_, (fault, _))| !matches!(fault, Fault::KillRedis { .. }))
            .map(|(after, (_, at))| (*at, after))
            .collect();
        let cut: Vec<u64> =
            ledger.iter().filter(|line| line.accepted && !line.answered).map(|line| line.at_us).collect();
        let met = |(since, at): &&(u64, u64)| cut.iter().any(|cut| (since..at).contains(&cut));
        let mut told: HashSet<&str> = HashSet::new();
        let good = answers.iter().filter(|answer| answer.http_status == 200);
        Self {
            kills_mid_attempt: kills.iter().filter(met).count(),
            take_overs: take_overs(fleet, &lost),
            cancels_that_raced: races(ledger, answers),
            repeated: good.filter_map(|answer| answer.key.as_deref()).filter(|key| !told.insert(key)).count(),
            unanswered: answers.iter().filter(|answer| answer.http_status == 0).count(),
        }
    }

    fn check(&self) {
        assert!(self.kills_mid_attempt >= 5, "{self:?}");
        assert!(self.take_overs >= 5, "{self:?}");
        assert!(self.cancels_that_raced >= 50, "{self:?}");
        assert!(self.repeated >= 20, "{self:?}");
        assert!(self.unanswered > 0, "{self:?}");
    }
}

/// Those that came too late, by little; and those that came in time, when the message was due.
fn races(ledger: &[Line], answers: &[Answer]) -> usize {
    let mut handed_over: HashMap<&str, u64> = HashMap::new();
    for line in ledger {
        if let Some(id) = line.message_id() {
            handed_over.entry(id).or_insert(line.at_us);
        }
    }
    let raced = |answer: &&Answer| {
        let Some(at) = answer.cancel_answered_at_us else { return false };
        let met = match answer.cancelled {
            Some(true) => answer.due_us,
            _ => answer.message_id.as_deref().and_then(|id| handed_over.get(id)).copied(),
        };
        answer.kind == "queued" && met.is_some_and(|met| met.abs_diff(at) <= A_RACE)
    };
    answers.iter().filter(raced).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_server_keep_every_promise_whatever_is_killed() {
    let number = |variable, usual| {
        std::env::var(variable).map_or(usual, |text| text.parse::<u64>().expect("a number"))
    };
    let first = number(SEED_VARIABLE, SEED);
    for seed in first..first + number(SEEDS_VARIABLE, 1) {
        println!("seed {seed}: set {SEED_VARIABLE} for another, {SEEDS_VARIABLE} for several");
        let Some(fleet) = Fleet::start(PROCESSES, &setup()).await else { return };
        prove(seed, fleet).await;
    }
}

async fn prove(seed: u64, mut fleet: Fleet) {
    let setup = setup();
    let rule = json!({ "latency_ms": 60, "latency_jitter_ms": 80, "throttle": { "share": 0.03 } });
    fleet.yard.twin.set_faults(&json!({ "seed": seed, "rules": [rule] })).await;
    let mut random = StdRng::seed_from_u64(seed);
    let messages = plan::clients(&mut random, &setup.numbers, MESSAGES);
    let schedule = schedule::from(&mut random);
    for planned in &schedule {
        println!("{planned:?}");
    }

    let doors = Doors::of(fleet.apis());
    let clients = Clients::start(&doors, messages);
    let mut done: Vec<(Fault, u64)> = Vec::new();
    let started = now_us();
    for Planned { handed_over, fault } in schedule {
        eventually("enough is handed over for the next fault", RUN_LIMIT, async || {
            (fleet.yard.twin.count().await >= handed_over).then_some(())
        })
        .await;
        let at = inflict(&mut fleet, fault).await;
        done.push((fault, at));
    }
    let answers = clients.finished().await;
    fleet.shared_out().await;
    let api = fleet.members[0].api.clone();
    let files = Files::collect(&fleet.yard, &api, &setup, &answers, RUN_LIMIT).await;

    let options = Options { jitter: JITTER_ALLOWED, ..Options::default() };
    let report = verify(&Inputs::read(&files.paths(), options).unwrap());
    let ledger = fleet.yard.twin.ledger().await;
    let hardness = Hardness::of(&fleet, &done, started, &ledger, &answers);
    println!("{report}\n{hardness:#?}");
    assert_eq!(report.violations(), 0, "seed {seed}:\n{report}");
    assert!(report.findings.iter().all(|finding| finding.checked > 0), "something was not judged:\n{report}");
    let possible = ACCOUNTS.len() * PLACES * done.len();
    assert!(report.counts.unknown <= possible as u64, "more unknowns than places: {hardness:?}");
    assert_eq!(report.counts.undecided, 0, "{report}");
    files.check_that_cut_attempts_are_listed(&ledger, &answers);
    hardness.check();
    let output = fleet.yard.run(&Files::arguments(JITTER));
    assert!(output.status.success(), "{output:?}");
}

/// Does it, and undoes it after its time; when it was done.
async fn inflict(fleet: &mut Fleet, fault: Fault) -> u64 {
    let at;
    match fault {
        Fault::Kill { process, away } => {
            fleet.members[process].kill();
            at = now_us();
            sleep(away).await;
            fleet.start_again(process);
        }
        Fault::Stop { process, lasting } => {
            fleet.members[process].child().signal("STOP");
            at = now_us();
            sleep(lasting).await;
            fleet.members[process].child().signal("CONT");
        }
        Fault::KillRedis { away } => {
            fleet.redis.kill();
            at = now_us();
            sleep(away).await;
            fleet.redis.start_again().await;
        }
    }
    at
}

/// After how many of these faults a process took shards over before the next, by what the processes said.
fn take_overs(fleet: &Fleet, faults: &[(u64, u64)]) -> usize {
    let mut taken = Vec::new();
    for member in &fleet.members {
        let said = member.child().said();
        let lines = said.lines().filter(|line| line.contains("taken over"));
        taken.extend(lines.filter_map(said_at_us));
    }
    let followed = |(at, next): &&(u64, u64)| taken.iter().any(|taken| (at..next).contains(&taken));
    faults.iter().filter(followed).count()
}

/// When a line was written.
fn said_at_us(line: &str) -> Option<u64> {
    let at: jiff::Timestamp = line.split_whitespace().next()?.parse().ok()?;
    u64::try_from(at.as_microsecond()).ok()
}
