//! What processes tell each other, where all of them are in this one: for tests with several engines.

use std::collections::HashMap;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sendyard_actors::domain::ids::Incarnation;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Clock, Heard, Member, Note, Peers, Stored, To};
use tokio::sync::mpsc;

/// Notes that one listener has not taken yet.
const ROOM: usize = 1024;

/// The processes of one [`super::MemoryStore::shared`].
pub struct MemoryPeers {
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
    deaf: AtomicBool,
}

#[derive(Default)]
struct Table {
    members: HashMap<Incarnation, (Member, Time)>,
    ears: HashMap<Incarnation, Ear>,
}

struct Ear {
    attends: ShardSet,
    heard: mpsc::Sender<Heard>,
    lost: bool,
}

impl MemoryPeers {
    /// Nobody yet. Rows end by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Mutex::default(), deaf: AtomicBool::new(false) }
    }

    /// From now on every note is lost, and nobody says so; or none.
    pub fn lose_notes(&self, lose: bool) {
        self.deaf.store(lose, Ordering::Release);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        change(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ear {
    fn hear(&mut self, note: Note) {
        if self.lost && self.heard.try_send(Heard::Gap).is_err() {
            return;
        }
        self.lost = self.heard.try_send(Heard::Note(note)).is_err();
    }
}

impl Peers for MemoryPeers {
    fn announce(&self, me: Incarnation, holds: ShardSet, lasts: Duration) -> Stored<Vec<Member>> {
        let now = self.clock.now();
        let members = self.with(|table| {
            table.members.insert(me, (Member { incarnation: me, holds }, now + lasts));
            table.members.retain(|_, (_, until)| *until > now);
            table.members.values().map(|(member, _)| *member).collect()
        });
        Box::pin(ready(Ok(members)))
    }

    fn depart(&self, me: Incarnation) -> Stored<()> {
        self.with(|table| table.members.remove(&me));
        Box::pin(ready(Ok(())))
    }

    fn listen(&self, me: Incarnation) -> mpsc::Receiver<Heard> {
        let (heard, receiver) = mpsc::channel(ROOM);
        let ear = Ear { attends: ShardSet::NONE, heard, lost: false };
        self.with(|table| table.ears.insert(me, ear));
        receiver
    }

    fn attend(&self, me: Incarnation, shards: ShardSet) -> Stored<()> {
        self.with(|table| {
            if let Some(ear) = table.ears.get_mut(&me) {
                ear.attends = shards;
            }
        });
        Box::pin(ready(Ok(())))
    }

    fn tell(&self, to: To, note: Note) {
        if self.deaf.load(Ordering::Acquire) {
            return;
        }
        self.with(|table| {
            table.ears.retain(|_, ear| !ear.heard.is_closed());
            for (who, ear) in &mut table.ears {
                let is_for_them = match to {
                    To::Shard(shard) => ear.attends.contains(shard),
                    To::Process(one) => one == *who,
                };
                if is_for_them {
                    ear.hear(note.clone());
                }
            }
        });
    }
}
