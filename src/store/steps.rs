//! The steps that write, each run alone and whole (PROTOCOL.md §3).
//!
//! Every step takes the rows and the store's now, and gives its answer. A refusal changes no row; an
//! error leaves it to the runner to undo what the step wrote before it.

mod attempts;
mod charges;
mod idempotency;
mod leases;
mod messages;
mod offers;
mod prune;
mod timing;
mod tunings;

pub(super) use attempts::{
    claim, claim_all, evidence, mark_unknown, retry, settle, settle_by_hand, settle_unknown,
};
pub(super) use idempotency::{lookup_key, release_key, reserve_key, reserve_keys};
pub(super) use leases::{LeaseAsked, acquire_lease, release_lease, renew_lease};
pub(super) use messages::{append, append_all, append_sending, cancel};
pub(super) use offers::{forward_again, forward_immediate, take_immediate, withdraw};
pub(super) use prune::prune;
use sendyard_actors::domain::message::ClaimTimes;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::Claim;
pub(super) use timing::{postpone, time_up};
pub(super) use tunings::{tune, tuning_of, tunings};

/// The instants of an attempt that is claimed now.
fn times_of(claim: &Claim, now: Time) -> ClaimTimes {
    ClaimTimes { now, begin_by: now + claim.begin_within, deadline: now + claim.answer_within }
}
