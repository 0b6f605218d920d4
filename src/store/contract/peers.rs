//! What every way between processes does: who is there, and who hears what.

use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::domain::ids::{Incarnation, Shard};
use sendyard_actors::domain::shard_set::ShardSet;
use sendyard_actors::ports::{Heard, Member, Note, Peers, To};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::redis_server::Server;
use super::world::{LEASE, ME, OTHER, SECOND, TestClock, draft, number, sender};
use crate::store::memory::MemoryPeers;
use crate::store::redis::RedisStore;

/// Whoever is told at all is told by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two processes of one store, each with a way of its own.
pub(super) struct Pair {
    me: Arc<dyn Peers>,
    other: Arc<dyn Peers>,
    clock: Arc<TestClock>,
    /// Of the Redis server's database, where there is one.
    pub(super) url: Option<String>,
}

impl Pair {
    pub(super) fn in_memory() -> Self {
        let clock = TestClock::start();
        let peers = Arc::new(MemoryPeers::new(Arc::clone(&clock) as _));
        Self { me: Arc::clone(&peers) as _, other: peers, clock, url: None }
    }

    pub(super) fn on_redis(server: &Server) -> Self {
        Self::at(server.fresh_url())
    }

    pub(super) fn at(url: String) -> Self {
        let clock = TestClock::start();
        let open = || Arc::new(RedisStore::on_clock(&url, Arc::clone(&clock) as _).unwrap().peers());
        Self { me: open(), other: open(), clock, url: Some(url) }
    }
}

async fn heard(ear: &mut mpsc::Receiver<Heard>) -> Heard {
    timeout(PATIENCE, ear.recv()).await.expect("nothing was heard").expect("the ear is closed")
}

async fn there(peers: &Arc<dyn Peers>, me: Incarnation, holds: ShardSet) -> Vec<Member> {
    let mut members = peers.announce(me, holds, LEASE).await.unwrap();
    members.sort_by_key(|member| member.incarnation.0);
    members
}

fn some(from: u16) -> ShardSet {
    Shard::all().filter(|shard| shard.as_u16() % 5 == from).collect()
}

pub(super) async fn who_says_so_is_there_with_what_it_has_until_its_time_is_over(pair: Pair) {
    let mine = Member { incarnation: ME, holds: some(1) };
    assert_eq!(there(&pair.me, ME, some(1)).await, [mine]);
    pair.clock.pass(SECOND);
    let theirs = Member { incarnation: OTHER, holds: some(2) };
    assert_eq!(there(&pair.other, OTHER, some(2)).await, [mine, theirs]);
    let mine = Member { incarnation: ME, holds: ShardSet::NONE };
    assert_eq!(there(&pair.me, ME, ShardSet::NONE).await, [mine, theirs], "the last word counts");

    pair.clock.pass(LEASE.checked_sub(Duration::from_micros(1)).unwrap());
    assert_eq!(there(&pair.me, ME, ShardSet::NONE).await, [mine, theirs], "one moment more");
    pair.clock.pass(Duration::from_micros(1));
    assert_eq!(there(&pair.me, ME, ShardSet::NONE).await, [mine]);
}

pub(super) async fn who_departs_is_not_there_any_more(pair: Pair) {
    there(&pair.me, ME, some(1)).await;
    pair.me.depart(ME).await.unwrap();
    pair.me.depart(ME).await.unwrap();
    assert_eq!(there(&pair.other, OTHER, some(2)).await, [Member { incarnation: OTHER, holds: some(2) }]);
}

pub(super) async fn a_note_is_heard_by_who_attends_its_shard_or_is_meant_and_by_nobody_else(pair: Pair) {
    let (mut mine, mut theirs) = (pair.me.listen(ME), pair.other.listen(OTHER));
    let shard = Shard::of(sender());
    let elsewhere = Shard::all().find(|other| *other != shard).unwrap();
    let only = |shard: Shard| -> ShardSet { std::iter::once(shard).collect() };
    pair.me.attend(ME, only(shard)).await.unwrap();
    pair.other.attend(OTHER, only(elsewhere)).await.unwrap();

    let waits = Note::Waiting(sender());
    pair.other.tell(To::Shard(shard), waits.clone());
    assert_eq!(heard(&mut mine).await, Heard::Note(waits.clone()));
    pair.me.tell(To::Shard(shard), waits.clone());
    assert_eq!(heard(&mut mine).await, Heard::Note(waits.clone()), "by the one who tells it, too");
    // They come in order, so what was not for it would have come first.
    let last = Note::Waiting(number("+19995550000"));
    pair.me.tell(To::Process(OTHER), last.clone());
    assert_eq!(heard(&mut theirs).await, Heard::Note(last.clone()));

    // It moves.
    pair.me.attend(ME, ShardSet::NONE).await.unwrap();
    pair.other.attend(OTHER, only(shard)).await.unwrap();
    pair.me.tell(To::Shard(shard), waits.clone());
    pair.me.tell(To::Shard(elsewhere), waits.clone());
    pair.me.tell(To::Process(OTHER), last.clone());
    pair.me.tell(To::Process(ME), last.clone());
    assert_eq!(heard(&mut theirs).await, Heard::Note(waits.clone()));
    assert_eq!(heard(&mut theirs).await, Heard::Note(last.clone()));
    assert_eq!(heard(&mut mine).await, Heard::Note(last.clone()));
}

pub(super) async fn what_does_not_fit_is_lost_and_that_is_said(pair: Pair) {
    let mut ear = pair.me.listen(ME);
    pair.me.attend(ME, ShardSet::ALL).await.unwrap();
    let note = Note::Waiting(sender());
    let mut told = 0;
    // Slowly enough for the way there, so that it is the ear that is full.
    for _ in 0..60 {
        for _ in 0..100 {
            pair.other.tell(To::Process(ME), note.clone());
            told += 1;
        }
        there(&pair.other, OTHER, ShardSet::NONE).await;
    }
    let last = Note::Waiting(number("+19995550000"));
    let (mut notes, mut gaps) = (0, 0);
    while gaps == 0 {
        match timeout(Duration::from_millis(200), ear.recv()).await {
            Ok(Some(Heard::Note(one))) => notes += usize::from(one == note),
            Ok(Some(Heard::Gap)) => gaps += 1,
            Ok(None) => panic!("the ear is closed"),
            // There is room again: what comes next says so.
            Err(_) => pair.other.tell(To::Process(ME), last.clone()),
        }
    }
    assert!(notes > 100 && notes < told, "{notes} of {told}");
}

/// A Redis server that drops the connection: what is told from then on is heard again, after a gap.
pub(super) async fn after_a_break_notes_are_heard_again_and_the_gap_is_said(pair: Pair) {
    let mut ear = pair.me.listen(ME);
    pair.me.attend(ME, some(1)).await.unwrap();
    let client = redis::Client::open(pair.url.as_deref().unwrap()).unwrap();
    let mut own = client.get_multiplexed_async_connection().await.unwrap();
    // Of this server's databases only one pair listens to this channel.
    let database = pair.url.as_deref().unwrap().rsplit('=').next().unwrap().to_owned();
    let channel = format!("sendyard:{database}:s1");
    let unreadable: () =
        redis::cmd("PUBLISH").arg(&channel).arg("nonsense").query_async(&mut own).await.unwrap();
    let () = unreadable;
    let clients: String =
        redis::cmd("CLIENT").arg("LIST").arg("TYPE").arg("pubsub").query_async(&mut own).await.unwrap();
    let of_ours = |line: &&str| line.contains(&format!(" db={database} "));
    let ids = clients.lines().filter(of_ours).filter_map(|line| line.strip_prefix("id=")?.split(' ').next());
    for id in ids {
        let killed: i64 =
            redis::cmd("CLIENT").arg("KILL").arg("ID").arg(id).query_async(&mut own).await.unwrap();
        assert_eq!(killed, 1);
    }
    assert_eq!(heard(&mut ear).await, Heard::Gap);
    let note = Note::Waiting(sender());
    pair.other.tell(To::Shard(some(1).iter().next().unwrap()), note.clone());
    assert_eq!(heard(&mut ear).await, Heard::Note(note.clone()));
    let stored = Note::Stored(sender(), waiting());
    pair.other.tell(To::Process(ME), stored.clone());
    assert_eq!(heard(&mut ear).await, Heard::Note(stored.clone()));
}

/// Notes are heard again when other servers do the work. What is told while nobody is there for it is lost.
pub(super) async fn notes_are_heard_before_and_after(pair: Pair, change: impl AsyncFnOnce()) {
    let (mut mine, mut theirs) = (pair.me.listen(ME), pair.other.listen(OTHER));
    pair.me.attend(ME, some(1)).await.unwrap();
    pair.other.attend(OTHER, ShardSet::NONE).await.unwrap();
    let (of_mine, note) = (some(1).iter().next().unwrap(), Note::Waiting(sender()));
    pair.other.tell(To::Shard(of_mine), note.clone());
    assert_eq!(heard(&mut mine).await, Heard::Note(note.clone()));
    pair.me.tell(To::Process(OTHER), note.clone());
    assert_eq!(heard(&mut theirs).await, Heard::Note(note.clone()));

    change().await;
    let last = Note::Waiting(number("+19995550000"));
    for (from, to, ear) in
        [(&pair.other, To::Shard(of_mine), &mut mine), (&pair.me, To::Process(OTHER), &mut theirs)]
    {
        let is_heard = async {
            loop {
                from.tell(to, last.clone());
                if let Ok(Some(Heard::Note(note))) = timeout(Duration::from_millis(50), ear.recv()).await {
                    assert_eq!(note, last);
                    return;
                }
            }
        };
        timeout(PATIENCE, is_heard).await.expect("nothing was heard");
    }
}

fn waiting() -> sendyard_actors::ports::Waiting {
    let draft = draft(1);
    sendyard_actors::ports::Waiting {
        id: draft.id,
        seq: 3,
        recipient: draft.recipient,
        lane: draft.lane,
        cost: draft.cost(),
        due: super::world::START,
        attempt: 0,
        elsewhere: false,
    }
}
