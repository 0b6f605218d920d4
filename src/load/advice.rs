//! What to do about requests that did not go as expected.

use super::report::Report;

/// A sentence for each thing that went wrong, most telling first; none if all is well.
pub fn advice(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    if report.requests.not_sent > 0 {
        sentences.push(
            "requests were due while as many as --outstanding allows had no answer: lower --rate, or raise the bound"
                .to_owned(),
        );
    }
    let codes = report.answers.iter().filter(|row| row.status != 200);
    sentences.extend(codes.map(|row| about(row.status, row.code.as_deref())));
    if report.requests.wrong > 0 {
        sentences.push(
            "answers with 200 were not what the API promises: this is a fault of the server".to_owned(),
        );
    }
    let errors = report.errors;
    let losses = [
        (
            errors.connect,
            "connections were refused or took too long: does the server run, with file handles enough?",
        ),
        (errors.timeout, "answers took longer than --timeout: lower the load, or wait longer"),
        (errors.cut, "connections broke before the answer: look at the server's log"),
        (errors.too_long, "answers were longer than the API's are: is this a Sendyard server?"),
    ];
    sentences
        .extend(losses.iter().filter(|(count, _)| *count > 0).map(|(_, sentence)| (*sentence).to_owned()));
    if let Some(twin) = report.twin.filter(|twin| !twin.agree) {
        let sentence = if twin.hand_overs < twin.accepted {
            "messages have not been handed over yet: wait longer with --settle, or raise the senders' limits"
        } else {
            "the twin saw more than this run sent: let nothing else send through it, and look for \
             duplicates with `sendyard verify`"
        };
        sentences.push(sentence.to_owned());
    }
    sentences
}

/// About one answer; docs/ERRORS.md has them all.
fn about(status: u16, code: Option<&str>) -> String {
    let code = code.unwrap_or("no code");
    let what = match code {
        "no_assistant" => "name numbers of the directory with --senders, or add these to its file",
        "other_organization" => "use the key of the organization that owns the senders",
        "missing_scope" => "use a key with the scope sms:send",
        "queue_full" => {
            "spread the load over more --senders, send less, or raise engine.queue_limit or engine.organization_queue_limit"
        }
        "busy" => "send less at a time, or raise engine.requests_in_flight",
        "send_failed" | "outcome_unknown" => {
            "look at the provider's answers; with the twin, at its ledger and faults"
        }
        _ => "docs/ERRORS.md says what it means",
    };
    format!("{status} {code}: {what}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::plan::Arrivals;
    use crate::load::report::{Agreement, AnswerRow};
    use crate::load::tally::Tally;

    fn report() -> Report {
        Report::of(Arrivals::Closed { connections: 1 }, Duration::from_secs(1), &Tally::new().unwrap())
    }

    #[test]
    fn a_good_run_needs_no_advice() {
        assert_eq!(advice(&report()), Vec::<String>::new());
    }

    #[test]
    fn each_trouble_has_its_sentence() {
        let mut report = report();
        report.requests.not_sent = 1;
        report.requests.wrong = 1;
        report.errors.connect = 1;
        let row = |status, code: Option<&str>| AnswerRow {
            status,
            code: code.map(str::to_owned),
            count: 1,
            detail: None,
        };
        report.answers = vec![row(200, None), row(404, Some("no_assistant")), row(502, None)];
        let twin =
            Agreement { accepted: 2, doubtful: 0, hand_overs: 1, refused: 0, agree: false, waited_us: 0 };
        report.compare(twin);
        let sentences = advice(&report);
        let wanted = ["--outstanding", "--senders", "502 no code", "promises", "file handles", "--settle"];
        assert_eq!(sentences.len(), wanted.len(), "{sentences:#?}");
        for (sentence, word) in sentences.iter().zip(wanted) {
            assert!(sentence.contains(word), "{sentence}");
        }
    }
}
