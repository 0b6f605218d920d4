//! A Redis server of the bench's own: on a socket in a directory of its own, with an append-only file.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::processor;

/// A shell holds the server and waits for the end of its input, which is ours: however we end, the pipe
/// closes, and the shell kills the server and removes the directory.
const HOLD: &str = r#"
dir=$(mktemp -d) || exit
redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" --appendonly yes --appendfsync "$1" \
    --save "" --auto-aof-rewrite-percentage 0 --logfile "" --daemonize no &
server=$!
trap 'kill -9 $server; rm -rf "$dir"' EXIT
echo "$dir/redis.sock"
echo $server
cat >/dev/null
"#;

/// The running server. Ends with its value.
pub(crate) struct Redis {
    socket: String,
    /// Its process.
    server: u32,
    holder: Child,
}

impl Redis {
    /// `fsync`: its `appendfsync`.
    pub(crate) fn start(fsync: &str) -> Self {
        let mut holder = Command::new("bash")
            .args(["-c", HOLD, "holder", fsync])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
        let socket = lines.next().expect("no directory for the server");
        let server = lines.next().and_then(|number| number.parse().ok()).expect("no process of the server");
        let ready = lines.any(|line| line.contains("eady to accept connections"));
        assert!(ready, "redis-server ended before it was ready: is it installed?");
        std::thread::spawn(move || lines.count());
        Self { socket, server, holder }
    }

    /// The processor time that the server took so far.
    pub(crate) fn time(&self) -> Duration {
        processor::time_of(self.server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket)
    }

    /// The bytes that its data take, its own tables included.
    pub(crate) async fn memory(&self) -> u64 {
        let client = ::redis::Client::open(self.url()).unwrap();
        let mut link = client.get_multiplexed_async_connection().await.unwrap();
        let info: String = ::redis::cmd("INFO").arg("memory").query_async(&mut link).await.unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        line.trim().parse().unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
