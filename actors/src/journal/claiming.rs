//! Claims: the right to hand a message over once, each under a name of its own, within the lease of its shard.

use std::sync::atomic::Ordering;

use futures::future::join_all;

use super::{Journal, LONGEST_REPEAT_WAIT};
use crate::domain::ids::{ClaimId, MessageId};
use crate::domain::phone::E164;
use crate::domain::time::Time;
#[cfg(doc)]
use crate::ports::Store;
use crate::ports::{Claim, Claimed, StoreError};

impl Journal {
    /// See [`Store::claim`]. A claim that was not answered is repeated for as long as the process
    /// lives, whatever the store says meanwhile: if it landed it is ours, and only we can give it back.
    pub async fn claim(&self, id: MessageId, sender: E164, expected: u16) -> Result<Claimed, StoreError> {
        let claim = self.new_claim(id, sender, expected)?;
        self.claim_named(claim, false).await
    }

    /// [`Journal::claim`] of several messages of one sender, by their last attempts; the answers in their
    /// order.
    pub async fn claim_all(
        &self,
        sender: E164,
        messages: &[(MessageId, u16)],
    ) -> Vec<Result<Claimed, StoreError>> {
        let _under_way = self.under_way(sender);
        let named = messages.iter().map(|(id, expected)| self.new_claim(*id, sender, *expected));
        let claims: Vec<Claim> = match named.collect() {
            Ok(claims) => claims,
            Err(error) => return vec![Err(error); messages.len()],
        };
        if let [claim] = *claims.as_slice() {
            return vec![self.claim_named(claim, false).await];
        }
        let answered = self.ask("claim", Time::MAX, || self.store().claim_all(claims.clone())).await;
        match answered.answer {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if !answered.in_doubt && !matches!(error, StoreError::Corrupt(_)) => {
                vec![Err(error); claims.len()]
            }
            // One record in trouble keeps nobody from the others. What was claimed answers to its name.
            Err(_) => {
                let in_doubt = answered.in_doubt;
                join_all(claims.into_iter().map(|claim| self.claim_named(claim, in_doubt))).await
            }
        }
    }

    /// `in_doubt`: an earlier call of it was not answered.
    async fn claim_named(&self, claim: Claim, mut in_doubt: bool) -> Result<Claimed, StoreError> {
        loop {
            let answered = self.ask("claim", Time::MAX, || self.store().claim(claim)).await;
            in_doubt |= answered.in_doubt;
            if answered.answer.is_ok() || !in_doubt {
                return answered.answer;
            }
            tokio::time::sleep(LONGEST_REPEAT_WAIT).await;
        }
    }

    /// See [`Store::retry`]; repeated until `until`.
    pub async fn retry(
        &self,
        id: MessageId,
        sender: E164,
        expected: u16,
        until: Time,
    ) -> Result<Claimed, StoreError> {
        let _under_way = self.under_way(sender);
        let claim = self.new_claim(id, sender, expected)?;
        self.repeat("retry", until, || self.store().retry(claim)).await
    }

    /// See [`Store::take_immediate`]; repeated until `until`.
    pub async fn take_immediate(
        &self,
        id: MessageId,
        sender: E164,
        expected: u16,
        until: Time,
    ) -> Result<Claimed, StoreError> {
        let _under_way = self.under_way(sender);
        let claim = self.new_claim(id, sender, expected)?;
        self.repeat("take_immediate", until, || self.store().take_immediate(claim)).await
    }

    /// The name and times of a new claim. Fails only if the shard is not ours.
    pub(super) fn new_claim(&self, id: MessageId, sender: E164, expected: u16) -> Result<Claim, StoreError> {
        let not_ours = || StoreError::Unavailable("the senders may be another process' now".to_owned());
        let lease = self.lease(sender).ok_or_else(not_ours)?;
        let counter = self.inner.claims.fetch_add(1, Ordering::Relaxed);
        Ok(Claim {
            id,
            lease,
            expected,
            claim_id: ClaimId { incarnation: self.inner.with.incarnation, counter },
            begin_within: self.inner.with.settings.begin_by,
            answer_within: self.inner.with.settings.attempt_deadline,
        })
    }
}
