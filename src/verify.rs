//! Re-derives the engine's promises (DESIGN.md §1) from plain files, after a run.
//!
//! Purpose: an independent judge. It shares no code with the engine, its stores, its adapters or the
//! twin: what those get wrong together, this must not get wrong with them. Its inputs are what the
//! outside saw: the provider's ledger, the clients' answers, the final statuses, and the limits.
//!
//! Rule: a violation is reported only if no correct engine could have produced the files. Where the
//! files leave it open (an outcome listed as unknown, clocks that differ, a message whose answer was
//! lost), nothing is reported. docs/VERIFY.md is its manual.

mod checks;
mod inputs;
mod limits;
mod report;
mod run;
#[cfg(test)]
mod tests;

pub use inputs::{Answer, Inputs, Kind, LedgerLine, Options, Paths, ReadError, Shown, Status};
pub use limits::{BadLimit, Epoch, Limit};
pub use report::{Counts, Finding, Promise, Report};

use run::Run;

/// Judges one run. Takes time about linear in the number of lines.
pub fn verify(inputs: &Inputs) -> Report {
    let run = Run::of(inputs);
    let findings = vec![
        checks::durable::check(&run),
        checks::once::check(&run),
        checks::truth::check(&run),
        checks::cancel::check(&run),
        checks::order::check(&run),
        checks::pace::check(&run),
    ];
    Report { findings, counts: run.counts() }
}
