//! The least that could be a durable front door on Redis: axum, and one script for each request over one
//! multiplexed connection. It knows no checks, no keys, no estimates; what it reaches is what this machine's
//! server, connection and generator leave to anyone.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use redis::Script;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

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

struct Store {
    link: MultiplexedConnection,
    append: Script,
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
    /// On the server of this URL.
    pub(crate) async fn start(url: &str) -> Self {
        let link = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        let store = Arc::new(Store { link, append: Script::new(APPEND) });
        let router = Router::new().route("/sms/send", post(accept)).with_state(store);
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

async fn accept(State(store): State<Arc<Store>>, body: bytes::Bytes) -> axum::Json<Accepted> {
    let message: Message = serde_json::from_slice(&body).unwrap();
    let id = Uuid::now_v7();
    let record = serde_json::to_vec(&message).unwrap();
    let mut link = store.link.clone();
    let key = format!("m{id}");
    let queue = format!("q{}", message.from_phone_number);
    let queue_position: u64 =
        store.append.key(key).key(queue).arg(record).invoke_async(&mut link).await.unwrap();
    axum::Json(Accepted {
        success: true,
        message_id: id,
        said: "SMS queued",
        provider: "twilio",
        status: "queued",
        queued: true,
        queue_position,
    })
}
