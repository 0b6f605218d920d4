//! For each check: the least bad case is found, and its good neighbour passes.

use std::fs;
use std::time::Duration;

use super::*;

const SECOND: u64 = 1_000_000;
/// Longer than the jitter.
const LATER: u64 = SECOND / 10;
const FROM: &str = "+15550001111";
const TO: &str = "+15552223333";

/// A run in the making. Instants are microseconds; the ledger's `seq` is the order of the calls.
#[derive(Default)]
struct Case {
    inputs: Inputs,
}

impl Case {
    fn answer(&mut self, id: &str, asked_at_us: u64) -> &mut Answer {
        self.inputs.answers.push(Answer {
            message_id: Some(id.to_owned()),
            from: FROM.to_owned(),
            to: TO.to_owned(),
            kind: Kind::Queued,
            key: None,
            asked_at_us,
            answered_at_us: asked_at_us + 1000,
            http_status: 200,
            cancelled: None,
            cancel_answered_at_us: None,
        });
        self.inputs.answers.last_mut().unwrap()
    }

    fn read(&mut self, id: &str, attempt: u16, at_us: u64, accepted: bool) -> &mut LedgerLine {
        let seq = self.inputs.ledger.len() as u64 + 1;
        let token = Some(format!("{id}.{attempt}"));
        let (from, to) = (Some(FROM.to_owned()), TO.to_owned());
        self.inputs.ledger.push(LedgerLine {
            seq,
            at_us,
            accepted,
            from,
            to,
            segments: 1,
            media: Vec::new(),
            token,
            replay_of: None,
        });
        self.inputs.ledger.last_mut().unwrap()
    }

    fn status(&mut self, id: &str, status: Shown) -> &mut Status {
        self.inputs.statuses.push(Status {
            message_id: Some(id.to_owned()),
            status: Some(status),
            provider_status: None,
            segments: 1,
            sent_at_us: None,
        });
        self.inputs.statuses.last_mut().unwrap()
    }

    fn ended(&mut self, id: &str, status: Shown) {
        self.status(id, status);
    }

    fn unknown(&mut self, id: &str) {
        self.status(id, Shown::Sending).provider_status = Some("unknown".to_owned());
    }

    /// A message that went the usual way: asked, and handed over at this instant.
    fn sent(&mut self, id: &str, asked_at_us: u64, at_us: u64) {
        self.answer(id, asked_at_us);
        self.hand_over(id, at_us, 1);
    }

    fn hand_over(&mut self, id: &str, at_us: u64, segments: u32) {
        self.read(id, 1, at_us, true).segments = segments;
        let status = self.status(id, Shown::Sent);
        status.segments = segments;
        status.sent_at_us = Some(at_us);
    }

    fn limits(&mut self, history: &[(u64, &str)]) {
        let epoch = |(from_us, limit): &(u64, &str)| Epoch {
            from_us: *from_us,
            limits: vec![limit.parse().unwrap()],
        };
        self.inputs.limits.insert(FROM.to_owned(), history.iter().map(epoch).collect());
    }

    /// The promises that are violated.
    fn violated(&self) -> Vec<Promise> {
        let report = verify(&self.inputs);
        report
            .findings
            .iter()
            .filter(|finding| finding.violations > 0)
            .map(|finding| finding.promise)
            .collect()
    }
}

#[test]
fn an_ordinary_run_is_clean_and_counted() {
    let mut case = Case::default();
    case.sent("a", 0, SECOND);
    case.sent("b", SECOND, 2 * SECOND);
    case.answer("c", 0).kind = Kind::Immediate;
    case.status("c", Shown::Failed);
    case.answer("d", 0);
    case.unknown("d");
    case.answer("e", 0).cancelled = Some(true);
    case.status("e", Shown::Cancelled);
    case.answer("lost", 0).http_status = 503;
    case.read("lost", 1, 9 * SECOND, true);
    case.limits(&[(0, "1/s")]);

    let report = verify(&case.inputs);
    assert_eq!(report.violations(), 0, "{report}");
    let expected = Counts {
        requests: 6,
        answered: 5,
        immediate: 1,
        sent: 2,
        failed: 1,
        cancelled: 1,
        unknown: 1,
        undecided: 0,
        accepted: 3,
        refused: 0,
        replayed: 0,
        unasked: 1,
        without_limits: 0,
    };
    assert_eq!(report.counts, expected);
}

#[test]
fn durable_finds_what_is_lost_or_still_under_way() {
    type Break = fn(&mut Case);
    let table: [(&str, Break); 5] = [
        ("has no status", |_| {}),
        ("is still queued", |case| case.ended("a", Shown::Queued)),
        ("is still sending", |case| case.ended("a", Shown::Sending)),
        ("no provider accepted it", |case| case.ended("a", Shown::Sent)),
        ("names no message", |case| {
            case.unknown("a");
            case.answer("a", 0).message_id = None;
        }),
    ];
    for (what, spoil) in table {
        let mut case = Case::default();
        case.answer("a", 0);
        spoil(&mut case);
        let report = verify(&case.inputs);
        assert_eq!(case.violated(), [Promise::Durable], "{what}");
        assert!(report.to_string().contains(what), "{report}");
    }
}

#[test]
fn once_finds_a_second_acceptance_unless_resend_is_the_policy() {
    let mut case = Case::default();
    case.answer("a", 0);
    case.read("a", 1, SECOND, false);
    case.hand_over("a", 2 * SECOND, 1);
    assert_eq!(case.violated(), [], "a retry after a refusal");
    case.read("a", 3, 3 * SECOND, true);
    assert_eq!(case.violated(), [Promise::Once]);
    case.inputs.options.resend = true;
    assert_eq!(case.violated(), []);
}

#[test]
fn once_finds_two_messages_for_one_key() {
    let mut case = Case::default();
    case.sent("a", 0, SECOND);
    case.sent("b", SECOND, 2 * SECOND);
    case.inputs.answers[0].key = Some("k".to_owned());
    case.answer("a", 5 * SECOND).key = Some("k".to_owned());
    assert_eq!(case.violated(), [], "a replay");
    case.inputs.answers[1].key = Some("k".to_owned());
    assert_eq!(case.violated(), [Promise::Once]);
}

#[test]
fn once_finds_an_acceptance_that_names_no_message() {
    for token in [None, Some("nonsense"), Some("a."), Some(".1"), Some("a.x")] {
        let mut case = Case::default();
        case.read("a", 1, 0, true).token = token.map(str::to_owned);
        assert_eq!(case.violated(), [Promise::Once], "{token:?}");
        case.inputs.ledger[0].accepted = false;
        assert_eq!(case.violated(), [], "{token:?}");
    }
}

#[test]
fn truth_finds_failed_and_cancelled_messages_that_were_accepted() {
    for status in [Shown::Failed, Shown::Cancelled] {
        let mut case = Case::default();
        case.answer("a", 0);
        case.status("a", status);
        case.read("a", 1, SECOND, false);
        assert_eq!(case.violated(), [], "{status:?} after a refusal");
        case.read("a", 2, 2 * SECOND, true);
        assert_eq!(case.violated(), [Promise::Truth], "{status:?}");
    }
}

#[test]
fn truth_leaves_out_what_the_carrier_refused_later() {
    let mut case = Case::default();
    case.sent("a", 0, SECOND);
    case.inputs.statuses[0].status = Some(Shown::Failed);
    assert_eq!(case.violated(), []);
}

#[test]
fn truth_believes_the_500_of_an_immediate_message() {
    let mut case = Case::default();
    case.answer("a", 0).http_status = 500;
    case.inputs.answers[0].kind = Kind::Immediate;
    case.read("a", 1, SECOND, true);
    assert_eq!(case.violated(), [Promise::Truth]);
    case.answer("a", 2 * SECOND).kind = Kind::Immediate;
    case.status("a", Shown::Sent);
    assert_eq!(case.violated(), [], "the same key sent it later");
}

#[test]
fn truthful_cancel_finds_what_a_provider_saw_all_the_same() {
    let cancelled = || {
        let mut case = Case::default();
        let answer = case.answer("a", 0);
        answer.cancelled = Some(true);
        answer.cancel_answered_at_us = Some(SECOND);
        case
    };
    let mut case = cancelled();
    case.status("a", Shown::Cancelled);
    case.read("a", 1, SECOND / 2, false);
    assert_eq!(case.violated(), [], "refused before, while it waited for its turn");
    case.read("a", 2, SECOND + LATER, false);
    assert_eq!(case.violated(), [Promise::TruthfulCancel], "tried afterwards");

    let mut case = cancelled();
    case.read("a", 1, SECOND, true);
    case.unknown("a");
    assert_eq!(case.violated(), [Promise::TruthfulCancel], "accepted");

    let mut case = cancelled();
    case.status("a", Shown::Failed);
    assert_eq!(case.violated(), [Promise::TruthfulCancel], "not cancelled");

    let mut case = cancelled();
    case.inputs.answers[0].cancelled = Some(false);
    case.hand_over("a", SECOND, 1);
    assert_eq!(case.violated(), [], "too late is no promise");
}

#[test]
fn order_finds_a_later_message_before_an_earlier_one() {
    let reversed = |asked_b: u64| {
        let mut case = Case::default();
        case.answer("a", 0);
        case.answer("b", asked_b);
        case.hand_over("b", SECOND, 1);
        case.hand_over("a", 2 * SECOND, 1);
        case
    };
    assert_eq!(reversed(2000).violated(), [Promise::Order]);
    assert_eq!(reversed(500).violated(), [], "asked at the same time: any order is right");

    let mut case = reversed(2000);
    case.inputs.answers[1].to = "+15550009999".to_owned();
    assert_eq!(case.violated(), [], "another conversation");

    let mut case = reversed(2000);
    case.inputs.answers[0].kind = Kind::Immediate;
    assert_eq!(case.violated(), [], "an immediate message has no order");

    let mut case = reversed(2000);
    case.inputs.statuses.retain(|status| status.message_id.as_deref() != Some("a"));
    case.unknown("a");
    assert_eq!(case.violated(), [], "listed as unknown");

    let mut case = reversed(2000);
    for (place, key) in [(0, "ka"), (1, "kb")] {
        case.inputs.answers[place].key = Some(key.to_owned());
    }
    let lost = case.answer("b", 0);
    (lost.message_id, lost.http_status, lost.key) = (None, 503, Some("kb".to_owned()));
    assert_eq!(case.violated(), [], "b may have been stored by its first request");
}

#[test]
fn order_finds_a_message_that_overtakes_a_retry() {
    let overtaken = |last_of_a: bool| {
        let mut case = Case::default();
        case.answer("a", 0);
        case.answer("b", 0);
        case.read("a", 1, SECOND, false);
        case.hand_over("b", 2 * SECOND, 1);
        if last_of_a {
            case.hand_over("a", 3 * SECOND, 1);
        } else {
            case.status("a", Shown::Failed);
        }
        case
    };
    assert_eq!(overtaken(true).violated(), [Promise::Order]);
    assert_eq!(overtaken(false).violated(), [], "a had been given up");
}

#[test]
fn pace_finds_a_window_that_is_too_full() {
    let spaced = |by: u64| {
        let mut case = Case::default();
        case.limits(&[(0, "2/s")]);
        for (id, at_us) in [("a", SECOND), ("b", SECOND + 1), ("c", SECOND + by)] {
            case.sent(id, 0, at_us);
        }
        case
    };
    assert_eq!(spaced(SECOND).violated(), [], "windows are half-open");
    let report = verify(&spaced(SECOND - 1).inputs);
    let pace = report.findings.last().unwrap();
    assert_eq!((pace.violations, pace.checked), (1, 6), "by sent_at only: the ledger's windows are shorter");
    assert!(pace.examples[0].contains("sent_at: 3 units"), "{report}");
    let report = verify(&spaced(SECOND - LATER).inputs);
    assert_eq!(report.findings.last().unwrap().violations, 2, "by both clocks");

    let mut other = spaced(2);
    other.inputs.limits.clear();
    assert_eq!(other.violated(), []);
    assert_eq!(verify(&other.inputs).counts.without_limits, 3, "not judged, and said so");
}

#[test]
fn pace_counts_refused_requests_too() {
    let mut case = Case::default();
    case.limits(&[(0, "1/s")]);
    case.answer("a", 0);
    case.read("a", 1, SECOND, false);
    case.hand_over("a", SECOND + LATER, 1);
    assert_eq!(case.violated(), [Promise::Pace]);
}

#[test]
fn pace_does_not_count_a_request_that_was_answered_as_a_repetition() {
    let repeated = |replay_of: Option<u64>| {
        let mut case = Case::default();
        case.limits(&[(0, "1/s")]);
        case.sent("a", 0, SECOND);
        case.sent("b", SECOND, 3 * SECOND);
        case.read("a", 2, 3 * SECOND + LATER, false).replay_of = replay_of;
        case
    };
    assert_eq!(repeated(None).violated(), [Promise::Pace], "it was refused, and read");
    let replay = repeated(Some(1));
    assert_eq!(replay.violated(), []);
    let counts = verify(&replay.inputs).counts;
    assert_eq!((counts.accepted, counts.refused, counts.replayed), (2, 0, 1));
    assert_eq!(repeated(Some(2)).violated(), [Promise::Pace], "of another message");
    assert_eq!(repeated(Some(9)).violated(), [Promise::Pace], "of nothing");

    let mut twice = repeated(Some(1));
    twice.inputs.ledger[2].accepted = true;
    assert_eq!(
        twice.violated(),
        [Promise::Once, Promise::Pace],
        "accepted is accepted, whatever else is said"
    );
}

#[test]
fn pace_lets_a_message_larger_than_the_limit_go_alone() {
    let with_large = |before: u64, after: u64| {
        let mut case = Case::default();
        case.limits(&[(0, "2/s")]);
        case.sent("a", 0, 10 * SECOND - before);
        case.answer("large", 0);
        case.hand_over("large", 10 * SECOND, 5);
        case.sent("b", 0, 10 * SECOND + after);
        case
    };
    // Five units at 2/s fill this window, the next, and half of the third.
    assert_eq!(with_large(SECOND, 2 * SECOND).violated(), []);
    assert_eq!(with_large(SECOND - LATER, 2 * SECOND).violated(), [Promise::Pace], "not an empty window");
    assert_eq!(with_large(SECOND, 2 * SECOND - 2 * LATER).violated(), [Promise::Pace], "not paid for");
}

#[test]
fn pace_judges_only_windows_that_a_queued_message_ends() {
    let with_immediate = |at_us: u64| {
        let mut case = Case::default();
        case.limits(&[(0, "1/s")]);
        case.sent("a", 0, 2 * SECOND);
        case.sent("i", 0, at_us);
        case.inputs.answers[1].kind = Kind::Immediate;
        case
    };
    assert_eq!(with_immediate(2 * SECOND + LATER).violated(), [], "it waits for nothing");
    assert_eq!(with_immediate(2 * SECOND - LATER).violated(), [Promise::Pace], "the queue yields");
    assert_eq!(with_immediate(2 * SECOND - 1).violated(), [], "too close to tell which was decided last");

    let mut case = with_immediate(2 * SECOND + 2 * LATER);
    case.sent("j", 0, 2 * SECOND + 4 * LATER);
    case.inputs.answers[2].kind = Kind::Immediate;
    assert_eq!(case.violated(), [], "one immediate message after another");
}

#[test]
fn pace_follows_the_history_of_limits() {
    let burst = |history: &[(u64, &str)], at_us: u64| {
        let mut case = Case::default();
        case.limits(history);
        case.sent("a", 0, at_us);
        case.sent("b", 0, at_us + LATER);
        case.violated()
    };
    let lowered = [(0, "10/s"), (5 * SECOND, "1/s")];
    assert_eq!(burst(&lowered, SECOND), [], "the higher limit is in force");
    assert_eq!(burst(&lowered, 5 * SECOND), [], "the window straddles the change");
    assert_eq!(burst(&lowered, 7 * SECOND), [Promise::Pace], "the lower one is");
    let raised = [(3 * SECOND, "1/s"), (5 * SECOND, "10/s")];
    assert_eq!(burst(&raised, SECOND), [Promise::Pace], "the first limit holds from the beginning");
    assert_eq!(burst(&raised, 5 * SECOND), []);
}

#[test]
fn pace_counts_what_the_limit_counts() {
    let burst = |limit: &str, segments: u32, with_media: bool| {
        let mut case = Case::default();
        case.limits(&[(0, limit)]);
        for (id, at_us) in [("a", SECOND), ("b", SECOND + LATER)] {
            case.answer(id, 0);
            case.hand_over(id, at_us, segments);
            if with_media {
                case.inputs.ledger.last_mut().unwrap().media = vec!["https://a/b".to_owned()];
            }
        }
        case.violated()
    };
    assert_eq!(burst("4/s", 2, false), []);
    assert_eq!(burst("3/s", 2, false), [Promise::Pace]);
    assert_eq!(burst("2 messages/s", 9, false), []);
    assert_eq!(burst("1 requests/s", 1, false), [Promise::Pace]);
    assert_eq!(burst("1 mms/s", 1, false), [], "they carry none");
    assert_eq!(burst("1 mms/s", 1, true), [Promise::Pace]);
    assert_eq!(burst("1 sms/s", 1, true), []);
}

#[test]
fn pace_judges_days_by_the_dates_of_their_zone() {
    let instant = |text: &str| {
        let at: jiff::Timestamp = text.parse().unwrap();
        u64::try_from(at.as_microsecond()).unwrap()
    };
    let pair = |limit: &str, first: &str, second: &str| {
        let mut case = Case::default();
        case.limits(&[(0, limit)]);
        case.sent("a", 0, instant(first));
        case.sent("b", 0, instant(second));
        case.violated()
    };
    let day = "1/day@America/Los_Angeles";
    // The 8th of March has 23 hours there, the 1st of November 25.
    assert_eq!(pair(day, "2026-03-08T08:00:01Z", "2026-03-09T06:59:59Z"), [Promise::Pace]);
    assert_eq!(pair(day, "2026-03-08T08:00:01Z", "2026-03-09T07:00:01Z"), []);
    assert_eq!(pair(day, "2026-11-01T07:00:01Z", "2026-11-02T07:30:00Z"), [Promise::Pace]);
    assert_eq!(pair(day, "2026-11-01T06:59:59Z", "2026-11-01T07:00:01Z"), []);
    assert_eq!(pair("1/week@UTC", "2026-11-02T00:00:01Z", "2026-11-08T23:59:59Z"), [Promise::Pace]);
    assert_eq!(pair("1/week@UTC", "2026-11-08T23:59:59Z", "2026-11-09T00:00:01Z"), []);
    assert_eq!(pair("1/month@UTC", "2026-11-01T00:00:01Z", "2026-11-30T23:59:59Z"), [Promise::Pace]);
    assert_eq!(pair("1/month@UTC", "2026-11-30T23:59:59Z", "2026-12-01T00:00:01Z"), []);

    // By the provider's clock a hair behind midnight may be before it by ours.
    let mut case = Case::default();
    case.limits(&[(0, "1/day@UTC")]);
    let midnight = instant("2026-11-03T00:00:00Z");
    case.sent("a", 0, midnight - 10);
    case.sent("b", 0, midnight + SECOND);
    case.inputs.ledger[0].at_us = midnight + 10;
    assert_eq!(case.violated(), []);
    case.inputs.ledger[0].at_us = midnight + LATER * 2;
    assert_eq!(case.violated(), [Promise::Pace]);

    // One of five segments takes up the day and the next two.
    let with_large = |after: &str| {
        let mut case = Case::default();
        case.limits(&[(0, "2/day@UTC")]);
        case.answer("large", 0);
        case.hand_over("large", instant("2026-11-03T12:00:00Z"), 5);
        case.answer("b", 0);
        case.hand_over("b", instant(after), 1);
        case.violated()
    };
    assert_eq!(with_large("2026-11-04T12:00:00Z"), [Promise::Pace]);
    assert_eq!(with_large("2026-11-05T12:00:00Z"), []);
}

#[test]
fn pace_leaves_out_instants_that_are_evidence_and_no_hand_over() {
    let mut case = Case::default();
    case.limits(&[(0, "1/s")]);
    case.sent("a", 0, SECOND);
    case.sent("b", 0, 30 * SECOND);
    case.inputs.statuses[0].sent_at_us = Some(30 * SECOND + 1);
    assert_eq!(case.violated(), []);
}

#[test]
fn examples_are_bounded_and_the_rest_is_counted() {
    let mut case = Case::default();
    for number in 0..25 {
        case.answer(&format!("m{number}"), 0);
    }
    let report = verify(&case.inputs);
    let durable = &report.findings[0];
    assert_eq!((durable.violations, durable.examples.len()), (25, 20));
    assert!(report.to_string().contains("and 5 more"), "{report}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["promise"], "Durable");
    assert_eq!(json["findings"][3]["promise"], "Truthful cancel");
    assert_eq!(json["counts"]["undecided"], 25);
}

#[test]
fn files_are_read_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let ledger = concat!(
        r#"{"seq":1,"at_us":1100000,"provider":"twilio","account":"AC1","accepted":true,"answered":true,"#,
        r#""status":201,"code":null,"provider_message_id":"SM1","from":"+15550001111","to":"+15552223333","#,
        r#""text":"hi","media":[],"segments":1,"token":"a.1"}"#,
        "\n\n"
    );
    let answers = concat!(
        r#"{"message_id":"a","from":"+15550001111","to":"+15552223333","kind":"queued","key":null,"#,
        r#""asked_at_us":0,"answered_at_us":1000,"http_status":200,"cancelled":null,"cancel_answered_at_us":null}"#,
        "\n",
        r#"{"message_id":null,"from":"+15550001111","to":"+15552223333","kind":"immediate","key":"k","#,
        r#""asked_at_us":0,"answered_at_us":1000,"http_status":503}"#,
    );
    let statuses = concat!(
        r#"{"success":true,"message_id":"a","status":"sent","provider":"twilio","provider_message_id":"SM1","#,
        r#""provider_status":"queued","error":null,"segments":1,"attempts":1,"queued_at":"1970-01-01T00:00:00Z","#,
        r#""sent_at":"1970-01-01T00:00:01.000001Z","delivered_at":null}"#,
        "\n",
        r#"{"detail":"Message b not found","code":"message_not_found","retryable":false}"#,
        "\n"
    );
    let limits = r#"{"+15550001111":[{"from_us":9,"limit":["2/s","6/min"]},{"from_us":0,"limit":"1/s"}]}"#;
    for (name, text) in [("ledger", ledger), ("answers", answers), ("statuses", statuses), ("limits", limits)]
    {
        fs::write(path(name), text).unwrap();
    }
    let mut paths = Paths {
        ledger: path("ledger"),
        answers: path("answers"),
        statuses: path("statuses"),
        limits: Some(path("limits")),
    };
    let options = Options { jitter: Duration::from_millis(100), resend: false };
    let inputs = Inputs::read(&paths, options).unwrap();
    assert_eq!(inputs.statuses[0].sent_at_us, Some(1_000_001));
    assert_eq!(inputs.limits[FROM].iter().map(|epoch| epoch.from_us).collect::<Vec<_>>(), [0, 9]);
    let report = verify(&inputs);
    assert_eq!((report.violations(), report.counts.sent), (0, 1), "{report}");

    fs::write(path("answers"), format!("{}\nnonsense\n", answers.lines().next().unwrap())).unwrap();
    let error = Inputs::read(&paths, options).unwrap_err().to_string();
    assert!(error.starts_with("cannot understand ") && error.ends_with("answers line 2"), "{error}");

    paths.ledger = path("nowhere");
    let error = Inputs::read(&paths, options).unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.ends_with("nowhere"), "{error}");
}

#[test]
fn a_token_is_a_message_id_alone_or_with_its_attempt() {
    const ID: &str = "0193b2c4-7d1e-7a55-8c3f-2f1d6a7b8c9d";
    let table = [
        (format!("{ID}.1"), Some(ID)),
        (format!("{ID}.12"), Some(ID)),
        (ID.to_owned(), Some(ID)),
        (format!("{ID}."), None),
        (format!("{ID}.x"), None),
        (".1".to_owned(), None),
        ("job-42".to_owned(), None),
        (ID.replace('-', ""), None),
        (String::new(), None),
    ];
    for (token, id) in table {
        let mut case = Case::default();
        case.read("a", 1, 0, true).token = Some(token.clone());
        assert_eq!(case.inputs.ledger[0].message_id(), id, "{token}");
    }
}

#[test]
fn a_message_repeated_under_one_token_is_handed_over_twice_only_if_accepted_twice() {
    const ID: &str = "0193b2c4-7d1e-7a55-8c3f-2f1d6a7b8c9d";
    let run = |second_accepted| {
        let mut case = Case::default();
        case.sent(ID, 0, SECOND);
        case.inputs.ledger[0].token = Some(ID.to_owned());
        case.read(ID, 1, 2 * SECOND, second_accepted).token = Some(ID.to_owned());
        case.violated()
    };
    assert_eq!(run(false), []);
    assert_eq!(run(true), [Promise::Once]);
}
