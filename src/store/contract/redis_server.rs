//! A real Redis server for the suite: one for the process, a database for each case.
//!
//! It listens on a socket in a directory of its own, keeps an append-only file and syncs it before each
//! answer. A shell holds it and waits for the end of its input, which is ours: however this process
//! ends, the pipe closes, and the shell kills the server and removes the directory.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use sendyard_actors::ports::Clock;

use super::several_servers::{is_installed, program};
use crate::store::redis::RedisStore;

/// More than there are cases and walks.
const DATABASES: u32 = 4096;

const HOLD: &str = r#"
dir=$(mktemp -d) || exit
"$1" --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" --databases "$2" \
    --appendonly yes --appendfsync always --save "" --logfile "" --daemonize no "${@:3}" &
server=$!
trap 'kill -9 $server; rm -rf "$dir"' EXIT
echo "$dir/redis.sock"
cat >/dev/null
"#;

/// A running server. Ends with its value, or with the process.
pub(crate) struct Server {
    socket: String,
    databases: AtomicU32,
    holder: Child,
}

impl Server {
    /// With these options beside those of every server here; `None` where there is no server to be had,
    /// which is said.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        if !is_installed("the Redis store") {
            return None;
        }
        let mut holder = Command::new("bash")
            .args(["-c", HOLD, "holder", &program(), &DATABASES.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
        let path = lines.next().expect("no directory for the server");
        let ready = lines.any(|line| line.contains("eady to accept connections"));
        assert!(ready, "redis-server ended before it was ready");
        // The rest is read too, so that the server never waits for its log.
        std::thread::spawn(move || lines.count());
        Some(Self { socket: path, databases: AtomicU32::new(0), holder })
    }

    /// The URL of a database that nobody used before.
    pub(crate) fn fresh_url(&self) -> String {
        let database = self.databases.fetch_add(1, Ordering::SeqCst);
        assert!(database < DATABASES, "no databases left");
        format!("redis+unix://{}?db={database}", self.socket)
    }

    /// A store on a fresh database, whose time is the clock's.
    pub(crate) fn store(&self, clock: Arc<dyn Clock>) -> RedisStore {
        RedisStore::on_clock(&self.fresh_url(), clock).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        self.holder.wait().unwrap();
    }
}

/// The server of the process.
pub(crate) fn shared() -> Option<&'static Server> {
    static SHARED: LazyLock<Option<Server>> = LazyLock::new(|| Server::start(&[]));
    SHARED.as_ref()
}
