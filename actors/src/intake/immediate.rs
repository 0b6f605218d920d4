//! An immediate message: it is stored as sending and handed over, and the request waits for its outcome.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{ASK_AGAIN, Bound, COME_AGAIN_AFTER, Intake, LOOK_EVERY, Told, sent};
use crate::admission::Ticket;
use crate::domain::ids::AccountName;
use crate::domain::message::{Draft, Message, State};
use crate::domain::time::Time;
use crate::engine::{NotSent, Sent};
use crate::outcomes::Verdict;
use crate::ports::StoreError;
use crate::provider::NoPlace;
use crate::sender::{Immediate, NowAnswer, SenderMessage, SubmitNow};

impl Intake {
    pub(super) async fn send_now(
        &self,
        draft: Draft,
        bound: &Bound,
        ticket: &Arc<Ticket>,
        until: Time,
        asked_at: Time,
    ) -> Result<Sent, NotSent> {
        let id = draft.id;
        // From before the attempt, so that its outcome cannot be missed.
        let mut waiter = self.outcomes.wait_for(id, 1);
        let mut what = Immediate::New(Box::new(draft.clone()));
        let mut all_answered = true;
        for _ in 0..ASK_AGAIN {
            if !self.journal.owns(draft.sender) {
                return self.send_now_elsewhere(&draft, bound, ticket, all_answered, asked_at).await;
            }
            let (reply, answer) = oneshot::channel();
            let submit = SubmitNow { what, until, ticket: Arc::clone(ticket), reply };
            if self.tell_sender(draft.sender, SenderMessage::SubmitNow(Box::new(submit))).await?
                == Told::NotOurs
            {
                what = Immediate::New(Box::new(draft.clone()));
                continue;
            }
            let Ok(answer) = answer.await else {
                all_answered = false;
                what = Immediate::New(Box::new(draft.clone()));
                continue;
            };
            match answer {
                NowAnswer::Started => {
                    return self.await_outcome(&draft, &mut waiter.verdict, asked_at).await;
                }
                NowAnswer::Exists(message) if message.state == State::Failed => {
                    // A definite failure: the same key tries again, under the same id.
                    let account: AccountName = message.draft.account.clone();
                    waiter = self.outcomes.wait_for(id, message.attempt + 1);
                    what = Immediate::Again { id, account, attempt: message.attempt };
                }
                NowAnswer::Exists(message) => return self.report(&message, asked_at).await,
                NowAnswer::Changed => what = Immediate::New(Box::new(draft.clone())),
                NowAnswer::NoPlace(why) if all_answered => {
                    self.give_key_back(bound, id).await;
                    return Err(match why {
                        NoPlace::Taken | NoPlace::NotBefore(_) => NotSent::Busy(COME_AGAIN_AFTER),
                        NoPlace::Out => NotSent::ProviderOut(draft.provider),
                    });
                }
                NowAnswer::Store(StoreError::Unanswered) | NowAnswer::NoPlace(_) | NowAnswer::Late => {
                    return Err(NotSent::OutcomeUnknown(id));
                }
                NowAnswer::Store(_) if all_answered => {
                    self.give_key_back(bound, id).await;
                    return Err(NotSent::StoreUnavailable);
                }
                NowAnswer::Store(_) => return Err(NotSent::OutcomeUnknown(id)),
            }
        }
        Err(NotSent::OutcomeUnknown(id))
    }

    /// Waits for the attempt of this very request.
    async fn await_outcome(
        &self,
        draft: &Draft,
        verdict: &mut oneshot::Receiver<Verdict>,
        asked_at: Time,
    ) -> Result<Sent, NotSent> {
        let (id, provider) = (draft.id, draft.provider);
        match timeout(self.patience(asked_at), verdict).await {
            Ok(Ok(Verdict::Sent)) => Ok(sent(draft, false)),
            Ok(Ok(Verdict::Refused { provider_code, retryable })) => {
                Err(NotSent::Refused { id, provider, provider_code, retryable })
            }
            Ok(Ok(Verdict::Unknown) | Err(_)) | Err(_) => Err(NotSent::Unknown { id, provider }),
        }
    }

    /// Answers for an immediate message that an earlier request has sent, or is sending.
    pub(super) async fn report(&self, message: &Message, asked_at: Time) -> Result<Sent, NotSent> {
        let id = message.draft.id;
        let mut waiter = self.outcomes.wait_for(id, message.attempt);
        // It may have ended before we began to wait.
        let Some(mut now) = self.read(id).await? else { return Err(NotSent::OutcomeUnknown(id)) };
        let verdict = loop {
            if let Some(verdict) = Verdict::of(&now) {
                break verdict;
            }
            let patience = self.patience(asked_at);
            if patience.is_zero() {
                return Err(NotSent::InProgress(id));
            }
            match timeout(patience.min(LOOK_EVERY), &mut waiter.verdict).await {
                Ok(Ok(verdict)) => break verdict,
                Ok(Err(_)) => return Err(NotSent::InProgress(id)),
                // It may end in another process, which tells nobody here.
                Err(_) => now = self.read(id).await?.ok_or(NotSent::OutcomeUnknown(id))?,
            }
        };
        match verdict {
            Verdict::Sent => Ok(sent(&now.draft, true)),
            Verdict::Refused { provider_code, retryable } => {
                Err(NotSent::Refused { id, provider: now.draft.provider, provider_code, retryable })
            }
            Verdict::Unknown => Err(NotSent::Unknown { id, provider: now.draft.provider }),
        }
    }
}
