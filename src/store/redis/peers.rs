//! What processes tell each other over Redis: who is there, in one small hash, and notes, by publishing.
//!
//! * [`ear`]: the connection that hears notes. * [`voice`]: the queue of those to be published.
//! * [`notes`]: their form.

mod ear;
mod notes;
mod voice;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sendyard_actors::domain::ids::Incarnation;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::ports::{Heard, Member, Note, Peers, StoreError, Stored, To};
use tokio::sync::mpsc;

use self::ear::Ear;
use self::voice::Voice;
use super::link::Link;
use super::{keys, scripts};

/// The processes on one Redis store.
pub struct RedisPeers {
    link: Link,
    ears: Mutex<HashMap<Incarnation, Ear>>,
    voice: Voice,
}

impl RedisPeers {
    /// To be called within a runtime.
    pub(super) fn new(link: Link) -> Self {
        let voice = Voice::start(link.clone());
        Self { link, ears: Mutex::default(), voice }
    }
}

impl Peers for RedisPeers {
    fn announce(&self, me: Incarnation, holds: ShardSet, lasts: Duration) -> Stored<Vec<Member>> {
        let call = self.link.call(&scripts::ANNOUNCE, &keys::members());
        let call = call.arg(me.0.to_be_bytes().as_slice()).arg(holds.to_bytes()).span(lasts);
        Box::pin(async move {
            let mut reply = call.write().await?;
            let mut members = Vec::new();
            while !reply.is_empty() {
                let (incarnation, holds) = (reply.bytes()?, reply.bytes()?);
                // A row of another form is another version's: it counts as nobody.
                let Ok(incarnation) = incarnation.try_into() else { continue };
                let Some(holds) = ShardSet::from_bytes(&holds) else { continue };
                members.push(Member { incarnation: Incarnation(u128::from_be_bytes(incarnation)), holds });
            }
            Ok(members)
        })
    }

    fn depart(&self, me: Incarnation) -> Stored<()> {
        let call = self.link.call(&scripts::DEPART, &keys::members());
        let call = call.arg(me.0.to_be_bytes().as_slice());
        Box::pin(async move { call.write().await.map(drop) })
    }

    fn listen(&self, me: Incarnation) -> mpsc::Receiver<Heard> {
        let (ear, heard) = Ear::open(self.link.clone(), me);
        self.ears.lock().unwrap_or_else(PoisonError::into_inner).insert(me, ear);
        heard
    }

    fn attend(&self, me: Incarnation, shards: ShardSet) -> Stored<()> {
        let ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ear) = ears.get(&me) else {
            return Box::pin(std::future::ready(Err(StoreError::Unavailable("nobody listens".to_owned()))));
        };
        Box::pin(ear.attend(shards))
    }

    fn tell(&self, to: To, note: Note) {
        self.voice.tell(to, note);
    }
}
