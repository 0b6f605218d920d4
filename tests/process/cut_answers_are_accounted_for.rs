//! The providers cut every fifth connection after they have read the request. What became of each
//! message is what its provider and its account's policy allow to know, and the service's own counts
//! are the ledger's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::yard::{KEY, Line, Setup, Yard, eventually};

const MESSAGES: usize = 60;
const ALL_SETTLED: Duration = Duration::from_mins(2);

/// An account, its only number, and what is to be expected of it.
struct Case {
    account: &'static str,
    number: &'static str,
    expected: Expected,
}

enum Expected {
    /// Nothing lost, nothing doubled: the provider knows a repeat.
    Exactly,
    /// Nothing doubled; what is unknown is listed.
    AtMostOnce,
    /// Nothing lost.
    AtLeastOnce,
}

const CASES: [Case; 4] = [
    Case { account: "telnyx", number: "+15550100001", expected: Expected::Exactly },
    Case { account: "twilio", number: "+15550100002", expected: Expected::AtMostOnce },
    Case { account: "vonage", number: "+15550100003", expected: Expected::AtMostOnce },
    Case { account: "twilio-resend", number: "+15550100004", expected: Expected::AtLeastOnce },
];

fn directory(twin: SocketAddr) -> String {
    let account = |id: usize, name: &str, provider: &str, more: &str, credentials: &str| {
        let number = CASES.iter().find(|case| case.account == name).unwrap().number;
        format!(
            "[[accounts]]\nname = \"{name}\"\norganization = 1\nprovider = \"{provider}\"\n\
             base_url = \"http://{twin}\"\n{more}\ncredentials = {{ {credentials} }}\n\
             [[assistants]]\nid = {id}\norganization = 1\nname = \"{name}\"\naccount = \"{name}\"\n\
             [[numbers]]\nnumber = \"{number}\"\nassistant = {id}\nlimits = []\n"
        )
    };
    let twilio = |last: u8| {
        format!("account_sid = \"AC0000000000000000000000000000000{last}\", auth_token = \"secret\"")
    };
    [
        format!(
            "[[organizations]]\nid = 1\nname = \"Test\"\napi_keys = [{{ name = \"test\", key = \"{KEY}\", \
             scopes = [\"sms:send\", \"sms:read\"] }}]\n"
        ),
        account(1, "telnyx", "telnyx", "", "api_key = \"KEYsecret\""),
        account(2, "twilio", "twilio", "unknown_outcome = \"hold\"", &twilio(1)),
        account(
            3,
            "vonage",
            "vonage",
            "limits = [\"25/s\"]",
            "api_key = \"abcd1234\", api_secret = \"secret\"",
        ),
        account(4, "twilio-resend", "twilio", "unknown_outcome = \"resend\"", &twilio(2)),
    ]
    .concat()
}

/// Everything that is not `sent`, by account; `None` while something still moves.
async fn unsettled(yard: &Yard, ids: &HashMap<String, &'static str>) -> Option<Vec<Value>> {
    let listed = yard.api.get("/v1/messages?status=unknown&limit=1000").await.unwrap().body;
    let listed = listed["messages"].as_array().unwrap().clone();
    if listed.iter().any(|message| message["listed"] == false) {
        return None;
    }
    let stats = yard.api.get("/sms/queue/stats").await.unwrap().body;
    let sent = stats["completed_last_hour"].as_u64().unwrap();
    (sent + listed.len() as u64 == ids.len() as u64).then_some(listed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_answers_are_accounted_for() {
    let engine = vec![
        ("begin_by", "\"500ms\""),
        ("attempt_deadline", "\"1s\""),
        ("margin", "\"500ms\""),
        ("evidence_deadline", "\"1s\""),
    ];
    let yard = Yard::start(&Setup { engine, directory: Some(directory), ..Setup::default() }).await;
    let cutting = json!({"seed": 7, "rules": [{"cut_after_body": {"share": 0.2}}]});
    yard.twin.set_faults(&cutting).await;

    let mut ids = HashMap::new();
    for index in 0..MESSAGES {
        for (place, Case { account, number, .. }) in CASES.iter().enumerate() {
            let to = format!("+1556{place:03}{index:04}");
            let reply = yard.api.send(number, &to, "hello", true, None).await.unwrap();
            assert_eq!(reply.status, 200, "{reply:?}");
            ids.insert(reply.message_id().unwrap(), *account);
        }
    }
    let listed =
        eventually("everything is sent or listed", ALL_SETTLED, async || unsettled(&yard, &ids).await).await;

    let ledger = yard.twin.ledger().await;
    for Case { account, expected, .. } in &CASES {
        let ours: Vec<&Line> = ledger
            .iter()
            .filter(|line| line.message_id().and_then(|id| ids.get(id)) == Some(account))
            .collect();
        let cut = ours.iter().filter(|line| !line.answered).count();
        assert!(cut > MESSAGES / 20, "{account}: {cut} of {} were cut", ours.len());
        let mut accepted: HashMap<&str, usize> = HashMap::new();
        for line in ours.iter().filter(|line| line.accepted) {
            *accepted.entry(line.message_id().unwrap()).or_default() += 1;
        }
        let unknown = listed.iter().filter(|message| message["account"] == *account).count();
        let doubled = accepted.values().filter(|times| **times > 1).count();
        match expected {
            Expected::Exactly => {
                assert_eq!((accepted.len(), doubled, unknown), (MESSAGES, 0, 0), "{account}");
            }
            Expected::AtMostOnce => {
                assert_eq!((doubled, unknown), (0, cut), "{account}: listed is what was cut");
                assert_eq!(accepted.len(), MESSAGES, "{account}: all were taken, whatever was answered");
            }
            Expected::AtLeastOnce => {
                assert_eq!((accepted.len(), unknown), (MESSAGES, 0), "{account}");
                assert!(doubled > 0, "{account}: what was cut was taken all the same");
            }
        }
    }
    let metrics = yard.api.text("/metrics").await;
    for provider in ["telnyx", "twilio", "vonage"] {
        let cut = ledger.iter().filter(|line| line.provider == provider && !line.answered).count();
        let counted: usize = metrics
            .lines()
            .filter(|line| line.starts_with("sendyard_unknown_outcomes_total{"))
            .filter(|line| line.contains(&format!("provider=\"{provider}\"")))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(counted, cut, "{provider}: unknown outcomes counted, and connections cut");
    }
}
