//! Once: no message is accepted twice, no key stands for two messages, and nothing is handed over
//! that cannot be told apart.
//!
//! A refused request beside an accepted one is a retry and no violation. Where the policy for
//! unknown outcomes is `resend`, a second acceptance is what the operator asked for.

use std::collections::HashMap;

use crate::verify::report::{Finding, Promise};
use crate::verify::run::Run;

/// Judges every message that the provider accepted, and every key.
pub(in crate::verify) fn check(run: &Run) -> Finding {
    let mut finding = Finding::new(Promise::Once);
    accepted_once(run, &mut finding);
    one_message_a_key(run, &mut finding);
    for line in &run.untraced {
        finding.checked += 1;
        finding.violated(format!("ledger line {} at {}: accepted without our token", line.seq, line.at_us));
    }
    finding
}

fn accepted_once(run: &Run, finding: &mut Finding) {
    for message in &run.messages {
        let mut accepted = message.accepted();
        let Some(first) = accepted.next() else { continue };
        finding.checked += 1;
        if run.inputs.options.resend {
            continue;
        }
        for again in accepted {
            finding.violated(format!(
                "{}: accepted at {} (line {}) and again at {} (line {})",
                message.id, first.at_us, first.seq, again.at_us, again.seq
            ));
        }
    }
}

fn one_message_a_key(run: &Run, finding: &mut Finding) {
    let mut told: HashMap<&str, &str> = HashMap::new();
    for answer in &run.inputs.answers {
        let (Some(key), Some(id)) = (answer.key.as_deref(), answer.message_id.as_deref()) else { continue };
        finding.checked += 1;
        let first = *told.entry(key).or_insert(id);
        if first != id {
            let at = answer.answered_at_us;
            finding.violated(format!("key {key:?}: told {first} and at {at} also {id}"));
        }
    }
}
