//! Refusals for pace, on their way to those whose pace they speak of.
//!
//! The attempt tells: the sender of its own pace, the provider actor of the account's and of the
//! campaigns'. Hints, as all messages: one that is lost costs another refusal.

use std::time::Duration;

use crate::domain::ids::AccountName;
use crate::domain::outcome::{Refusal, Slows};
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::provider::ProviderMessage;
use crate::roster::Roster;
use crate::sender::SenderMessage;

/// A message was refused for pace.
#[derive(Debug, Clone)]
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
    tracing::info!(
        account = %too_fast.account, ?slows, code = refusal.code.as_deref(), named = ?too_fast.named,
        "refused for pace"
    );
    match slows {
        Slows::Sender => roster.hint(too_fast.sender, SenderMessage::TooFast(too_fast)),
        Slows::Campaign | Slows::Account => {
            let account = too_fast.account.clone();
            // One that is just failing has forgotten what it knew of the pace anyway.
            let _ = roster.pass(&account, ProviderMessage::TooFast(slows, too_fast));
        }
    }
}
