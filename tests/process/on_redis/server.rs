//! A Redis server of a test's own, whose data outlive a kill.
//!
//! It listens on a socket in a directory of its own, keeps an append-only file and syncs it before each
//! answer. A shell holds it and waits for the end of its input, which is ours: however the test ends,
//! the pipe closes, and the shell kills the server.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::several_servers::{is_installed, program};
use crate::process::yard::{PATIENCE, eventually};

const HOLD: &str = r#"
"$2" --port 0 --unixsocket "$1/redis.sock" --dir "$1" --appendonly yes --appendfsync always \
    --save "" --logfile "" --daemonize no "${@:3}" >"$1/redis.log" &
server=$!
trap 'kill -9 $server; wait $server' EXIT
cat >/dev/null
"#;

/// The server, running or not.
pub(crate) struct Redis {
    options: Vec<String>,
    holder: Option<Child>,
    home: TempDir,
}

impl Redis {
    /// One that runs, with these options beside the usual ones. `None` where there is no `redis-server`,
    /// which is said.
    pub(crate) async fn start(options: &[&str]) -> Option<Self> {
        let mut server = Self::away(options)?;
        server.start_again().await;
        Some(server)
    }

    /// As [`Redis::start`], not running yet.
    pub(crate) fn away(options: &[&str]) -> Option<Self> {
        if !is_installed("a process test on Redis") {
            return None;
        }
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Some(Self { options, holder: None, home: TempDir::new().unwrap() })
    }

    /// Starts it on the data that are there; returns when it answers.
    pub(crate) async fn start_again(&mut self) {
        self.start_again_with(&[]).await;
    }

    /// The same, this time with these options as well.
    pub(crate) async fn start_again_with(&mut self, more: &[&str]) {
        assert!(self.holder.is_none(), "it runs already");
        let mut command = Command::new("bash");
        command.args(["-c", HOLD, "holder"]).arg(self.home.path()).arg(program());
        command.args(&self.options).args(more);
        self.holder =
            Some(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        eventually("the Redis server answers", PATIENCE, async || self.answers().then_some(())).await;
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        let mut holder = self.holder.take().expect("it runs");
        drop(holder.stdin.take());
        holder.wait().unwrap();
    }

    /// Where its data are.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path().join("redis.sock")
    }

    /// The URL of its first database.
    pub(crate) fn url(&self) -> String {
        self.url_with("")
    }

    /// As [`Redis::url`], with a query.
    pub(crate) fn url_with(&self, query: &str) -> String {
        format!("redis+unix://{}{query}", self.socket().display())
    }

    /// Gives it a command, over a connection to the database of this URL.
    pub(crate) fn tell(url: &str, words: &[&str]) {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut connection).unwrap();
    }

    /// Does it answer, be it that it wants a password first?
    fn answers(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.socket()) else { return false };
        let mut answer = [0; 7];
        stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut answer)).is_ok()
            && matches!(&answer, b"+PONG\r\n" | b"-NOAUTH")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if self.holder.is_some() {
            self.kill();
        }
    }
}
