//! What is stored together: the messages of a batch, and their idempotency keys.
//!
//! Each is one step of the store, and keeps what each of them is promised alone: where the step as a whole is not
//! known to be done or refused, every one of them is asked for by its name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::future::join_all;

use super::{Journal, in_doubt_of};
use crate::domain::ids::Shard;
use crate::domain::phone::E164;
use crate::domain::time::Time;
use crate::ports::{Append, Appended, Note, Reserve, Reserved, StoreError, Waiting};
use crate::sender::{SenderMessage, Stored};

/// Of so many messages the process that sends them is told one by one; of more, that there are some.
const TOLD_ONE_BY_ONE: usize = 32;

impl Journal {
    /// See [`Store::reserve_keys`](crate::ports::Store::reserve_keys); repeated until `until`. The answers in their
    /// order.
    pub async fn reserve_keys(&self, keys: Arc<[Reserve]>, until: Time) -> Vec<Result<Reserved, StoreError>> {
        if keys.is_empty() {
            return Vec::new();
        }
        let keep_for = self.settings().idempotency_retention;
        let step = || self.store().reserve_keys(Arc::clone(&keys), keep_for);
        let answered = self.ask("reserve_key", until, step).await;
        match answered.answer {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if !answered.in_doubt && !matches!(error, StoreError::Corrupt(_)) => {
                vec![Err(error); keys.len()]
            }
            Err(_) => {
                let each = keys.iter().cloned().map(|one| {
                    let Reserve { key, id, fingerprint, token } = one;
                    self.reserve_key(key, id, fingerprint, token, until)
                });
                join_all(each).await
            }
        }
    }

    /// See [`Store::append_all`](crate::ports::Store::append_all), of messages with one `request_until`: repeated
    /// until then. The answers in their order, each as that of [`Journal::append`].
    pub async fn append_all(&self, appends: Arc<[Append]>) -> Vec<Result<Appended, StoreError>> {
        let Some(first) = appends.first() else { return Vec::new() };
        let until = first.request_until;
        let answered = self.ask("append", until, || self.store().append_all(Arc::clone(&appends))).await;
        let answers = match answered.answer {
            Ok(answers) if answered.in_doubt => answers.into_iter().map(|one| in_doubt_of(Ok(one))).collect(),
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if !answered.in_doubt && !matches!(error, StoreError::Corrupt(_)) => {
                vec![Err(error); appends.len()]
            }
            Err(_) => self.append_one_by_one(&appends).await,
        };
        self.tell_owners(&appends, &answers);
        answers
    }

    /// Each under its own id, as some of them may be there; those of a shard one after the other, as those of a
    /// conversation must stay in their order. Once their time is over the rest is not asked for.
    async fn append_one_by_one(&self, appends: &[Append]) -> Vec<Result<Appended, StoreError>> {
        let mut shards: BTreeMap<Shard, Vec<(usize, &Append)>> = BTreeMap::new();
        for (place, append) in appends.iter().enumerate() {
            shards.entry(append.draft.id.shard()).or_default().push((place, append));
        }
        let mut answers = vec![Err(StoreError::Unanswered); appends.len()];
        let of_shards = join_all(shards.into_values().map(|shard| self.append_shard_one_by_one(shard))).await;
        for (place, answer) in of_shards.into_iter().flatten() {
            if let Some(at) = answers.get_mut(place) {
                *at = answer;
            }
        }
        answers
    }

    async fn append_shard_one_by_one(
        &self,
        of_shard: Vec<(usize, &Append)>,
    ) -> Vec<(usize, Result<Appended, StoreError>)> {
        let mut answers = Vec::with_capacity(of_shard.len());
        for (place, append) in of_shard {
            answers.push((place, self.append_named(append, true).await));
            if self.now() >= append.request_until {
                break;
            }
        }
        answers
    }

    /// Tells the sender what became of messages that it was asked about, each with its number there.
    pub(crate) fn tell_submits_ended(&self, sender: E164, ended: Vec<(Stored, Option<u64>)>) {
        self.inner.with.roster.hint(sender, SenderMessage::SubmitsEnded(ended));
    }

    fn tell_owners(&self, appends: &[Append], answers: &[Result<Appended, StoreError>]) {
        if !self.is_shared() {
            return;
        }
        let mut notes: HashMap<E164, (Vec<Waiting>, bool)> = HashMap::new();
        for (append, answer) in appends.iter().zip(answers) {
            let (stored, is_unknown) = notes.entry(append.draft.sender).or_default();
            match answer {
                Ok(Appended::Stored(message)) if message.is_waiting() => stored.push(Waiting::of(message)),
                Err(StoreError::Unanswered) => *is_unknown = true,
                Ok(_) | Err(_) => {}
            }
        }
        for (sender, (stored, is_unknown)) in notes {
            if is_unknown || stored.len() > TOLD_ONE_BY_ONE {
                self.tell_owner(sender, Note::Waiting(sender));
                continue;
            }
            for waiting in stored {
                self.tell_owner(sender, Note::Stored(sender, waiting));
            }
        }
    }
}
