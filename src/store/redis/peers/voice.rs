//! Publishes notes: a bounded queue, and a task that takes what has gathered in it in one round trip.

use redis::Pipeline;
use sendyard_actors::ports::{Note, To};
use sendyard_actors::telemetry;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::link::Link;
use super::notes;

/// Notes that wait to be published. What finds no room is lost.
const ROOM: usize = 4096;

/// As many are published in one round trip.
const AT_ONCE: usize = 128;

/// Dropped, it says nothing more.
pub(super) struct Voice {
    queue: mpsc::Sender<(To, Note)>,
    task: JoinHandle<()>,
}

impl Voice {
    pub(super) fn start(link: Link) -> Self {
        let (queue, mut told) = mpsc::channel(ROOM);
        let task = tokio::spawn(async move {
            let database = link.database();
            let mut batch = Vec::with_capacity(AT_ONCE);
            while told.recv_many(&mut batch, AT_ONCE).await > 0 {
                publish(&link, database, &mut batch).await;
            }
        });
        Self { queue, task }
    }

    pub(super) fn tell(&self, to: To, note: Note) {
        if self.queue.try_send((to, note)).is_err() {
            telemetry::note_lost("no_room");
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn publish(link: &Link, database: i64, batch: &mut Vec<(To, Note)>) {
    let count = batch.len();
    let mut calls = Pipeline::with_capacity(count);
    for (to, note) in batch.drain(..) {
        let Some(bytes) = notes::encode(&note) else { continue };
        calls.cmd("PUBLISH").arg(notes::channel(database, to)).arg(bytes);
    }
    if link.read(&calls).await.is_err() {
        // Nobody waits for them: what they are about is found by looking.
        (0..count).for_each(|_| telemetry::note_lost("not_sent"));
    }
}
