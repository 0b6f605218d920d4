//! Hears notes: a connection of its own that is subscribed to the process' channel and to those of the shards
//! it attends, and is made again when it breaks. After a break it says that notes may have been lost.

use std::time::Duration;

use futures::StreamExt;
use redis::aio::{PubSub, PubSubSink, PubSubStream};
use redis::{Msg, RedisError};
use sendyard_actors::domain::ids::Incarnation;
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::ports::{Heard, StoreError, Stored};
use sendyard_actors::telemetry;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::link::Link;
use super::notes;

/// Notes that were heard and not taken yet. What finds no room is lost, and that is said.
const ROOM: usize = 4096;

/// Wishes to attend other shards: the engine has one at a time.
const WISHES: usize = 16;

/// The server is to answer within this, or the connection is made again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Before a connection that could not be made is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How often a silent connection is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// To attend these shards and no others.
struct Wish {
    shards: ShardSet,
    done: oneshot::Sender<()>,
}

/// Dropped, it hears nothing more.
pub(super) struct Ear {
    wishes: mpsc::Sender<Wish>,
    task: JoinHandle<()>,
}

impl Ear {
    pub(super) fn open(link: Link, me: Incarnation) -> (Self, mpsc::Receiver<Heard>) {
        let (wishes, wished) = mpsc::channel(WISHES);
        let (hears, heard) = mpsc::channel(ROOM);
        let hearing = Hearing {
            database: link.database(),
            link,
            me,
            attends: ShardSet::NONE,
            wished,
            hears,
            gap: false,
        };
        (Self { wishes, task: tokio::spawn(hearing.keep()) }, heard)
    }

    pub(super) fn attend(&self, shards: ShardSet) -> Stored<()> {
        let wishes = self.wishes.clone();
        Box::pin(async move {
            let (done, is_done) = oneshot::channel();
            wishes.send(Wish { shards, done }).await.map_err(|_| away())?;
            is_done.await.map_err(|_| away())
        })
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("the connection for notes is not there".to_owned())
}

/// A connection to a server that passes on what is published on any of the store's.
async fn connection(link: &Link) -> Option<PubSub> {
    for server in link.listen_at().await.ok()? {
        if let Ok(connection) = server.get_async_pubsub().await {
            return Some(connection);
        }
    }
    None
}

struct Hearing {
    link: Link,
    database: i64,
    me: Incarnation,
    attends: ShardSet,
    wished: mpsc::Receiver<Wish>,
    hears: mpsc::Sender<Heard>,
    /// Notes were lost since the last that was passed on.
    gap: bool,
}

impl Hearing {
    async fn keep(mut self) {
        let mut fails = false;
        while !self.hears.is_closed() {
            let failed = match timeout(ANSWER_WITHIN, self.connect()).await {
                Ok(Some((sink, stream))) => {
                    self.listen(sink, stream).await;
                    false
                }
                Ok(None) | Err(_) => true,
            };
            self.gap = true;
            if failed && !std::mem::replace(&mut fails, failed) {
                tracing::warn!(
                    "notes of other processes cannot be heard; what they are about is found later"
                );
            }
            fails = failed;
            self.wait_deaf().await;
        }
    }

    /// Wishes are noted; whoever wishes is told by the drop that it is not heard.
    async fn wait_deaf(&mut self) {
        let waits = sleep(AGAIN_AFTER);
        tokio::pin!(waits);
        loop {
            tokio::select! {
                () = &mut waits => return,
                Some(wish) = self.wished.recv() => self.attends = wish.shards,
            }
        }
    }

    async fn connect(&mut self) -> Option<(PubSubSink, PubSubStream)> {
        let (mut sink, stream) = connection(&self.link).await?.split();
        sink.subscribe(notes::of_process(self.database, self.me)).await.ok()?;
        self.subscribe(&mut sink, self.attends).await.ok()?;
        Some((sink, stream))
    }

    async fn subscribe(&self, sink: &mut PubSubSink, shards: ShardSet) -> Result<(), RedisError> {
        let channels: Vec<String> =
            shards.iter().map(|shard| notes::of_shard(self.database, shard)).collect();
        if channels.is_empty() { Ok(()) } else { sink.subscribe(channels).await }
    }

    async fn unsubscribe(&self, sink: &mut PubSubSink, shards: ShardSet) -> Result<(), RedisError> {
        let channels: Vec<String> =
            shards.iter().map(|shard| notes::of_shard(self.database, shard)).collect();
        if channels.is_empty() { Ok(()) } else { sink.unsubscribe(channels).await }
    }

    /// Until the connection breaks, or nobody listens.
    async fn listen(&mut self, mut sink: PubSubSink, mut stream: PubSubStream) {
        self.say_gap();
        loop {
            tokio::select! {
                heard = stream.next() => match heard {
                    Some(message) => self.hear(&message),
                    None => return,
                },
                wish = self.wished.recv() => {
                    let Some(wish) = wish else { return };
                    if !self.fulfil(&mut sink, wish).await {
                        return;
                    }
                }
                () = sleep(ASK_EVERY) => {
                    let there = timeout(ANSWER_WITHIN, sink.ping::<redis::Value>()).await;
                    if !matches!(there, Ok(Ok(_))) || self.hears.is_closed() {
                        return;
                    }
                    self.say_gap();
                }
            }
        }
    }

    /// False: the connection is broken.
    async fn fulfil(&mut self, sink: &mut PubSubSink, Wish { shards, done }: Wish) -> bool {
        let (more, fewer) = (shards.without(self.attends), self.attends.without(shards));
        self.attends = shards;
        let changed = async {
            self.subscribe(sink, more).await?;
            self.unsubscribe(sink, fewer).await
        };
        let is_done = matches!(timeout(ANSWER_WITHIN, changed).await, Ok(Ok(())));
        if is_done {
            // Who wished may have gone on without it.
            let _ = done.send(());
        }
        is_done
    }

    fn hear(&mut self, message: &Msg) {
        let Some(note) = notes::decode(message.get_payload_bytes()) else {
            telemetry::note_lost("unreadable");
            return;
        };
        self.say_gap();
        if self.gap || self.hears.try_send(Heard::Note(note)).is_err() {
            telemetry::note_lost("no_room");
            self.gap = true;
        }
    }

    fn say_gap(&mut self) {
        self.gap = self.gap && self.hears.try_send(Heard::Gap).is_err();
    }
}
