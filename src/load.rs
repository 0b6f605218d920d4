//! The load generator: messages at a running server over HTTP, and how it answered.
//!
//! * A **closed loop** has so many connections, each of which sends its next message when its last
//!   one is answered. An **open loop** sends at scheduled instants, whether or not earlier messages
//!   are answered, and measures from the scheduled instant: a server that stalls cannot hide it.
//! * What is sent when is pure (`mix`, `schedule`, `letters`); what came back is counted in one place
//!   (`tally`). Memory depends on what is outstanding, not on how much is sent.
//! * A **yardstick** (`yardstick`) is the least that a program could do in the server's place, measured
//!   in turn with it. The benchmark `benches/speed.rs` uses the same ones.
//!
//! It shares no code with the engine but the form of a phone number. For users: `docs/LOAD.md`.

mod advice;
mod client;
mod closed;
mod kind;
mod latency;
mod letters;
mod mix;
mod numbers;
mod open;
mod plan;
mod report;
mod run;
mod schedule;
mod stop;
mod tally;
mod text;
mod twin;
pub mod yardstick;

pub use advice::advice;
pub use client::{Failure, Target};
pub use mix::{Mix, Nothing};
pub use numbers::{BadNumbers, Numbers};
pub use plan::{Arrivals, Plan};
pub use report::{Agreement, AnswerRow, Latency, Losses, Report, Requests};
pub use run::Load;
pub use schedule::{BadRate, Length, Rate};
pub use stop::Stop;
pub use text::{LONGEST, SENTENCE, of_length};
pub use twin::{Twin, TwinFailure};
