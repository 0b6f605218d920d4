//! The limits of an account and of an organization hold over all processes together, whichever of them is
//! killed, stopped and continued; judged by `verify`.

use std::time::Duration;

use sendyard::verify::{Answer, Epoch, Inputs, Kind, Options, Promise, verify};
use serde_json::json;
use tokio::time::sleep;

use super::Fleet;
use super::clients::all_sent_or_unknown;
use crate::process::yard::{PATIENCE, Setup, eventually, now_us};

/// Of each of the two accounts.
const LIMIT: &str = "30/s";

/// Of their organization: less than both may.
const OF_BOTH: &str = "45/s";

/// All wait at once, so that the limits are what holds them back.
const MESSAGES: usize = 700;

const NUMBERS: usize = 16;

/// The two clocks of a window's ends are the provider's and the engine's, on a busy machine.
const JITTER: Duration = Duration::from_millis(300);

/// Longer than a lease: the other process takes over.
const AWAY: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account_limits_hold_over_all_processes() {
    let mut setup = Setup::of_numbers(NUMBERS, &[]);
    (setup.account_limits, setup.organization_limits) = (vec![LIMIT], vec![OF_BOTH]);
    setup.engine = vec![
        ("begin_by", r#""1s""#),
        ("attempt_deadline", r#""3s""#),
        ("margin", r#""200ms""#),
        ("evidence_deadline", r#""1s""#),
        ("lease", r#""1s""#),
    ];
    let Some(mut fleet) = Fleet::start(2, &setup).await else { return };
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 50, "latency_jitter_ms": 50 }] })).await;
    let mut answers = Vec::new();
    for index in 0..MESSAGES {
        let api = &fleet.members[index % 2].api;
        let from = &setup.numbers[index % NUMBERS].number;
        answers.push(queue(api, from, &format!("+1556{index:07}")).await);
    }

    // Each process is killed once and stopped once: whichever passes on what an account may do, it is met.
    for (turn, process) in [0, 1, 1, 0].into_iter().enumerate() {
        let handed_over = (turn as u64 + 1) * MESSAGES as u64 / 6;
        eventually("enough is handed over for the next fault", PATIENCE, async || {
            (fleet.yard.twin.count().await >= handed_over).then_some(())
        })
        .await;
        if turn < 2 {
            fleet.members[process].kill();
            sleep(AWAY).await;
            fleet.start_again(process);
        } else {
            fleet.members[process].child().signal("STOP");
            sleep(AWAY).await;
            fleet.members[process].child().signal("CONT");
        }
    }
    fleet.shared_out().await;
    let ids: Vec<String> = answers.iter().filter_map(|answer| answer.message_id.clone()).collect();
    let unknown = all_sent_or_unknown(&fleet.members[0].api, &ids).await;

    let inputs = inputs(&fleet, &setup, answers, &ids).await;
    let report = verify(&inputs);
    println!("{report}\n{} are unknown", unknown.len());
    assert_eq!(report.violations(), 0, "{report}");
    let pace = report.findings.iter().find(|finding| finding.promise == Promise::Pace).unwrap();
    assert!(pace.checked >= 2 * MESSAGES as u64, "not all was judged: {report}");
}

/// A message that is accepted.
async fn queue(api: &crate::process::yard::Api, from: &str, to: &str) -> Answer {
    let asked_at_us = now_us();
    let reply = api.send(from, to, "hello", true, None).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    Answer {
        message_id: reply.message_id(),
        from: from.to_owned(),
        to: to.to_owned(),
        kind: Kind::Queued,
        key: None,
        asked_at_us,
        answered_at_us: now_us(),
        http_status: 200,
        cancelled: None,
        cancel_answered_at_us: None,
    }
}

async fn inputs(fleet: &Fleet, setup: &Setup, answers: Vec<Answer>, ids: &[String]) -> Inputs {
    let ledger = fleet.yard.twin.ledger_text().await;
    let ledger = ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut statuses = Vec::new();
    for id in ids {
        statuses.push(serde_json::from_value(fleet.members[0].api.status(id).await.body).unwrap());
    }
    let numbers_of = |account: usize| {
        let numbers = setup.numbers.iter().filter(|number| number.account == account);
        numbers.map(|number| number.number.as_str()).collect::<Vec<_>>().join(" ")
    };
    let history = |limit: &str| vec![Epoch { from_us: 0, limits: vec![limit.parse().unwrap()] }];
    let both = format!("{} {}", numbers_of(0), numbers_of(1));
    let limits = [(numbers_of(0), history(LIMIT)), (numbers_of(1), history(LIMIT)), (both, history(OF_BOTH))];
    let options = Options { jitter: JITTER, ..Options::default() };
    Inputs { ledger, answers, statuses, limits: limits.into(), options }
}
