//! Refusals for pace, on their way to those whose pace they speak of.
//!
//! The attempt tells: the sender of its own pace, the provider actor of the account's and of the
//! campaigns'. What is only said with a delivery report is told in the same way, in the process that sends from the
//! number: working rates are kept there. Hints, as all messages: one that is lost costs another refusal.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{AccountName, Shard};
use crate::domain::outcome::{Refusal, Slows};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::journal::Journal;
use crate::ports::{Note, To};
use crate::provider::ProviderMessage;
use crate::roster::Roster;
use crate::sender::SenderMessage;

/// A message was refused for pace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TooFast {
    /// The account that it went through.
    pub account: AccountName,
    /// The number that it was sent from.
    pub sender: E164,
    /// Its segments.
    pub segments: u32,
    /// When it was written.
    pub sent: Time,
    /// How long the provider asks to wait, from the answer on.
    pub named: Option<Duration>,
}

/// Tells whom a refusal slows, if it slows anybody.
pub(crate) fn tell(roster: &Roster, refusal: &Refusal, of: impl FnOnce() -> TooFast) {
    let Some(slows) = refusal.slows else { return };
    let too_fast = of();
    let code = refusal.code.as_deref();
    tracing::info!(account = %too_fast.account, ?slows, code, named = ?too_fast.named, "refused for pace");
    pass(roster, slows, too_fast);
}

/// A delivery report says that a message was too fast for somebody.
pub(crate) fn tell_of_report(roster: &Roster, journal: &Journal, slows: Slows, too_fast: TooFast) {
    tracing::info!(account = %too_fast.account, ?slows, named = ?too_fast.named, "reported as too fast");
    let sender = too_fast.sender;
    if journal.owns(sender) {
        pass(roster, slows, too_fast);
    } else {
        journal.tell_peers(To::Shard(Shard::of(sender)), Note::TooFast(slows, too_fast));
    }
}

/// Tells whom it slows, of this process.
pub(crate) fn pass(roster: &Roster, slows: Slows, too_fast: TooFast) {
    match slows {
        Slows::Sender => roster.hint(too_fast.sender, SenderMessage::TooFast(too_fast)),
        Slows::Campaign | Slows::Account => {
            let account = too_fast.account.clone();
            // One that is just failing has forgotten what it knew of the pace anyway.
            let _ = roster.pass(&account, ProviderMessage::TooFast(slows, too_fast));
        }
    }
}
