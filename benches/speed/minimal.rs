//! The least that could be a durable front door on Redis: axum, and one step for each request over one
//! multiplexed connection. It knows no checks, no keys, no estimates; what it reaches is what this machine's
//! server, connection and generator leave to anyone.
//!
//! The step is a script of two commands, or that of PROTOCOL.md §3 as the store makes it: with the second it reaches
//! what that leaves to any engine, as fast as it may be.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use redis::Script;
use redis::aio::MultiplexedConnection;
use sendyard::store::redis::RedisStore;
use sendyard_actors::ports::{Appended, Store};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::yard;

/// Stores the message, puts it into its sender's queue, and tells its place there.
const APPEND: &str = r"
if not redis.call('SET', KEYS[1], ARGV[1], 'NX') then return 0 end
return redis.call('RPUSH', KEYS[2], ARGV[1])
";

/// The running program. Ends with its value.
pub(crate) struct Minimal {
    pub(crate) addr: SocketAddr,
    task: JoinHandle<()>,
}

/// How a message is stored.
enum Step {
    /// In two commands.
    Least { link: MultiplexedConnection, append: Script },
    /// As the store does it.
    Whole(RedisStore),
}

#[derive(Deserialize, Serialize)]
struct Message {
    from_phone_number: String,
    to_phone_number: String,
    #[serde(rename = "message")]
    text: String,
}

#[derive(Serialize)]
struct Accepted {
    success: bool,
    message_id: Uuid,
    #[serde(rename = "message")]
    said: &'static str,
    provider: &'static str,
    status: &'static str,
    queued: bool,
    queue_position: u64,
}

impl Minimal {
    /// On the server of this URL, with the least step.
    pub(crate) async fn start(url: &str) -> Self {
        let link = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        Self::with(Step::Least { link, append: Script::new(APPEND) }).await
    }

    /// The same with the whole step.
    pub(crate) async fn start_with_whole_step(url: &str) -> Self {
        Self::with(Step::Whole(RedisStore::open(url, 0).unwrap())).await
    }

    async fn with(step: Step) -> Self {
        let router = Router::new().route("/sms/send", post(accept)).with_state(Arc::new(step));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, task }
    }
}

impl Drop for Minimal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(State(step): State<Arc<Step>>, body: bytes::Bytes) -> axum::Json<Accepted> {
    let message: Message = serde_json::from_slice(&body).unwrap();
    let (message_id, queue_position) = match &*step {
        Step::Least { link, append } => store_least(link.clone(), append, &message).await,
        Step::Whole(store) => store_whole(store, &message).await,
    };
    axum::Json(Accepted {
        success: true,
        message_id,
        said: "SMS queued",
        provider: "twilio",
        status: "queued",
        queued: true,
        queue_position,
    })
}

async fn store_least(mut link: MultiplexedConnection, append: &Script, message: &Message) -> (Uuid, u64) {
    let id = Uuid::now_v7();
    let record = serde_json::to_vec(message).unwrap();
    let (key, queue) = (format!("m{id}"), format!("q{}", message.from_phone_number));
    let position = append.key(key).key(queue).arg(record).invoke_async(&mut link).await.unwrap();
    (id, position)
}

async fn store_whole(store: &RedisStore, message: &Message) -> (Uuid, u64) {
    let Message { from_phone_number, to_phone_number, text } = message;
    let draft = yard::draft(from_phone_number, to_phone_number.parse().unwrap(), text);
    let id = Uuid::from_bytes(*draft.id.as_bytes());
    match store.append(yard::at_once(draft)).await {
        Ok(Appended::Stored(message)) => (id, message.answer.position),
        other => panic!("not stored: {other:?}"),
    }
}
