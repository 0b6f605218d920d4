//! Several real Redis servers for a test: a Cluster, or a master with its replica and a Sentinel.
//!
//! The tests of the processes have this file too, and each of the two uses its part of it. Each server
//! listens on ports of its own, which are kept while it is down, has a directory of its own with an
//! append-only file, and syncs it before each answer. A shell holds it and waits for the end of its input,
//! which is ours: however the test ends, the pipe closes, and the shell kills the server.

#![allow(dead_code, reason = "of what is for the other tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::FromRedisValue;
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

/// For what takes some seconds, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Of our own questions to a server.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// All slots of a Cluster.
const SLOTS: u16 = 16384;

/// What the Sentinels call the master.
pub(crate) const SERVICE: &str = "orders";

/// Options of a server that keeps what it answers.
pub(crate) const KEEPS_ALL: [&str; 6] = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];

const HOLD: &str = r#"
home="$1"; shift
"$@" >"$home/log" 2>&1 &
server=$!
trap 'kill -9 $server; wait $server' EXIT
echo "$server"
cat >/dev/null
"#;

/// The program that is the server.
pub(crate) fn program() -> String {
    std::env::var("SENDYARD_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// Is there a server to be had? Says it where there is none.
pub(crate) fn is_installed(what: &str) -> bool {
    let program = program();
    let found = Command::new(&program).arg("--version").output();
    if found.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let line = format!("\nSKIPPED: {what}: no {program} (apt-get install redis-server)\n\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    false
}

/// Looks until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !is_so().await {
            sleep(LOOK_EVERY).await;
        }
    };
    assert!(timeout(PATIENCE, looking).await.is_ok(), "not within {PATIENCE:?}: {what}");
}

/// A port that nobody else is given for as long as the socket is there: bound and never listening.
pub(crate) fn kept_port() -> (u16, TcpSocket) {
    let port = TcpSocket::new_v4().unwrap();
    port.set_reuseaddr(true).unwrap();
    port.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    (port.local_addr().unwrap().port(), port)
}

/// One server, running or not.
pub(crate) struct Server {
    pub(crate) port: u16,
    bus: u16,
    arguments: Vec<String>,
    holder: Option<(Child, String)>,
    home: TempDir,
    _kept: [TcpSocket; 2],
}

impl Server {
    /// One that keeps what it answers, with these options.
    async fn start(options: &[String]) -> Self {
        Self::started(|_, _, _| [KEEPS_ALL.map(str::to_owned).as_slice(), options].concat()).await
    }

    /// With the arguments that are made of its home, its port and the port of its bus.
    pub(crate) async fn started(arguments: impl FnOnce(&TempDir, u16, u16) -> Vec<String>) -> Self {
        let ((port, kept), (bus, kept_too)) = (kept_port(), kept_port());
        let home = TempDir::new().unwrap();
        let arguments = arguments(&home, port, bus);
        let mut server = Self { port, bus, arguments, holder: None, home, _kept: [kept, kept_too] };
        server.start_again().await;
        server
    }

    /// Starts it on the data that are there; returns when it answers.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.holder.is_none(), "it runs already");
        let home = self.home.path();
        let mut command = Command::new("bash");
        command.args(["-c", HOLD, "holder"]).arg(home).arg(program()).args(&self.arguments);
        if !self.arguments.contains(&"--sentinel".to_owned()) {
            let own = ["--daemonize", "no", "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"];
            command.args(own).arg("--dir").arg(home).arg("--port").arg(self.port.to_string());
        }
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut id = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut id).unwrap();
        self.holder = Some((holder, id.trim().to_owned()));
        until("the server answers", async || self.try_ask::<String>(&["PING"]).is_ok()).await;
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        let (mut holder, _) = self.holder.take().expect("it runs");
        drop(holder.stdin.take());
        holder.wait().unwrap();
    }

    /// The signal of this name, `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let (_, id) = self.holder.as_ref().expect("it runs");
        let sent = Command::new("/bin/sh").arg("-c").arg(format!("kill -{name} {id}")).status().unwrap();
        assert!(sent.success(), "the server got no signal");
    }

    /// Its Sentinel can tell it nothing more. Whoever else is connected stays so.
    pub(crate) fn lock_sentinel_out(&self) {
        self.ask::<()>(&["CONFIG", "SET", "requirepass", "secret"]);
        let clients: String = self.ask_secretly(&["CLIENT", "LIST"]);
        for client in clients.lines().filter(|client| client.contains("name=sentinel-")) {
            let id = client.strip_prefix("id=").and_then(|rest| rest.split(' ').next()).unwrap();
            self.ask_secretly::<()>(&["CLIENT", "KILL", "ID", id]);
        }
    }

    /// As [`Server::ask`], when its Sentinel is locked out.
    pub(crate) fn ask_secretly<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask_as(":secret@", words).unwrap()
    }

    /// Its answer to a command, or why there is none.
    pub(crate) fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> Result<T, redis::RedisError> {
        self.try_ask_as("", words)
    }

    fn try_ask_as<T: FromRedisValue>(&self, user: &str, words: &[&str]) -> Result<T, redis::RedisError> {
        ask_at(user, self.port, words)
    }

    /// Its answer to a command.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// A line of what `INFO` says.
    fn info(&self, section: &[&str], name: &str) -> String {
        let info: String = self.ask(section);
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    }

    /// Lets nothing more be written, waits until its replica has what was, and kills it: whatever it has
    /// answered is there.
    pub(crate) async fn kill_when_its_replica_has_all(&mut self) {
        self.ask::<()>(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        until("its replica has all of it", async || {
            let written = self.info(&["INFO", "replication"], "master_repl_offset");
            self.info(&["INFO", "replication"], "slave0").contains(&format!(",offset={written},"))
        })
        .await;
        self.kill();
    }

    /// Waits until a replica has all that this master has written.
    pub(crate) fn wait_for_its_replica(&self) {
        // `WAIT` asks for what its own connection has seen written.
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_connection().unwrap();
        redis::cmd("PUBLISH").arg("a").arg("b").exec(&mut connection).unwrap();
        let has: u32 = redis::cmd("WAIT").arg(1).arg(10_000).query(&mut connection).unwrap();
        assert_eq!(has, 1, "its replica has not all of it");
    }
}

fn ask_at<T: FromRedisValue>(user: &str, port: u16, words: &[&str]) -> Result<T, redis::RedisError> {
    let client = redis::Client::open(format!("redis://{user}127.0.0.1:{port}"))?;
    let mut connection = client.get_connection_with_timeout(ANSWER_WITHIN)?;
    connection.set_read_timeout(Some(ANSWER_WITHIN))?;
    redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.holder.is_some() {
            self.kill();
        }
        if std::thread::panicking() {
            let said = std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(20).collect();
            eprintln!("--- the server on port {} said last, from its end:\n{}", self.port, last.join("\n"));
        }
    }
}

/// A Cluster: its masters have a third of the slots each, and maybe a replica.
pub(crate) struct Cluster {
    /// The first three are its masters, the others replicas of the first ones, in their order.
    pub(crate) servers: Vec<Server>,
}

impl Cluster {
    /// Three masters, of which the first `replicas` have one; `None` where there is no server to be had.
    pub(crate) async fn start(replicas: usize, options: &[&str]) -> Option<Self> {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        Self::start_each(replicas, |_| options.clone()).await
    }

    /// As [`Cluster::start`], each with the options for its place.
    pub(crate) async fn start_each(
        replicas: usize,
        options_of: impl Fn(usize) -> Vec<String>,
    ) -> Option<Self> {
        if !is_installed("Redis Cluster") {
            return None;
        }
        let mut servers = Vec::new();
        for place in 0..3 + replicas {
            let options = options_of(place);
            let one = Server::started(|_, _, bus| {
                let bus = bus.to_string();
                let own =
                    ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
                [own.map(str::to_owned).as_slice(), &KEEPS_ALL.map(str::to_owned), &options].concat()
            });
            servers.push(one.await);
        }
        let cluster = Self { servers };
        cluster.meet().await;
        Some(cluster)
    }

    async fn meet(&self) {
        let [first, others @ ..] = self.servers.as_slice() else { panic!("no servers") };
        for other in others {
            let (port, bus) = (other.port.to_string(), other.bus.to_string());
            first.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        for (place, master) in self.servers.iter().take(3).enumerate() {
            let place = u16::try_from(place).unwrap();
            let (from, to) = (first_slot(place), first_slot(place + 1) - 1);
            master.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &from.to_string(), &to.to_string()]);
        }
        let knows_all = |server: &Server| {
            server.info(&["CLUSTER", "INFO"], "cluster_known_nodes") == self.servers.len().to_string()
        };
        until("all know each other", async || self.servers.iter().all(knows_all)).await;
        for (place, replica) in self.servers.iter().enumerate().skip(3) {
            let id: String = self.servers[place - 3].ask(&["CLUSTER", "MYID"]);
            replica.ask::<()>(&["CLUSTER", "REPLICATE", &id]);
            until("the replica is one", async || {
                replica.info(&["INFO", "replication"], "master_link_status") == "up"
            })
            .await;
        }
        self.is_whole().await;
    }

    /// Waits until all that run say that it works, and know who has every slot.
    pub(crate) async fn is_whole(&self) {
        let says = |server: &Server, name| server.info(&["CLUSTER", "INFO"], name);
        // Where it does not ask for all slots, a node says `ok` before it knows who has the others.
        let works = |server: &Server| {
            server.holder.is_none()
                || says(server, "cluster_state") == "ok"
                    && says(server, "cluster_slots_assigned") == SLOTS.to_string()
        };
        until("the Cluster works", async || self.servers.iter().all(works)).await;
    }

    /// Its three masters.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> =
            self.servers.iter().take(3).map(|server| format!("127.0.0.1:{}", server.port)).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// The place of the master that has the slot of this key.
    pub(crate) fn place_of(&self, key: &str) -> usize {
        let slot: u16 = self.servers[0].ask(&["CLUSTER", "KEYSLOT", key]);
        usize::from((0..3_u16).rev().find(|place| first_slot(*place) <= slot).unwrap())
    }

    /// Empties it.
    pub(crate) fn flush(&self) {
        self.servers.iter().take(3).for_each(|master| master.ask::<()>(&["FLUSHALL"]));
    }

    /// Waits until the replica of the master at this place has taken over.
    pub(crate) async fn has_failed_over(&self, place: usize) {
        let replica = &self.servers[place + 3];
        until("the replica is the master", async || {
            replica.ask::<Vec<redis::Value>>(&["ROLE"])[0] == role("master")
        })
        .await;
        self.is_whole().await;
    }
}

/// Where the slots of the master at this place begin.
fn first_slot(place: u16) -> u16 {
    [0, SLOTS / 3, SLOTS / 3 * 2, SLOTS][usize::from(place)]
}

fn role(name: &str) -> redis::Value {
    redis::Value::BulkString(name.as_bytes().to_vec())
}

/// A master, a replica of it, and a Sentinel that watches them.
pub(crate) struct Watched {
    pub(crate) master: Server,
    pub(crate) replica: Server,
    pub(crate) sentinel: Server,
}

impl Watched {
    /// `None` where there is no server to be had.
    pub(crate) async fn start() -> Option<Self> {
        if !is_installed("Redis Sentinel") {
            return None;
        }
        let master = Server::start(&[]).await;
        let of = master.port.to_string();
        let replica = Server::start(&["--replicaof".to_owned(), "127.0.0.1".to_owned(), of.clone()]).await;
        until("the replica has its master", async || {
            replica.info(&["INFO", "replication"], "master_link_status") == "up"
        })
        .await;
        let sentinel = Server::started(|home, port, _| {
            let config = home.path().join("sentinel.conf");
            let lines = format!(
                "port {port}\nbind 127.0.0.1\ndir {dir}\nsentinel monitor {SERVICE} 127.0.0.1 {of} 1\n\
                 sentinel down-after-milliseconds {SERVICE} 500\nsentinel failover-timeout {SERVICE} 3000\n",
                dir = home.path().display()
            );
            std::fs::write(&config, lines).unwrap();
            vec![config.to_str().unwrap().to_owned(), "--sentinel".to_owned()]
        })
        .await;
        let watched = Self { master, replica, sentinel };
        until("the Sentinel knows the replica", async || {
            let masters: Vec<Vec<String>> = watched.sentinel.ask(&["SENTINEL", "MASTERS"]);
            let pairs = masters[0].as_chunks::<2>().0;
            pairs.iter().any(|pair| pair[0] == "num-slaves" && pair[1] == "1")
                && pairs.iter().any(|pair| pair[0] == "flags" && pair[1] == "master")
        })
        .await;
        Some(watched)
    }

    /// The service, in this database.
    pub(crate) fn url(&self, database: u32) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{SERVICE}/{database}", self.sentinel.port)
    }

    /// Waits until the Sentinel has made a master of the replica.
    pub(crate) async fn has_failed_over(&self) {
        let port = self.replica.port.to_string();
        until("the Sentinel names the replica", async || {
            let named: Vec<String> = self.sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
            named[1] == port && self.replica.ask::<Vec<redis::Value>>(&["ROLE"])[0] == role("master")
        })
        .await;
    }

    /// Empties the servers, of which one is the master now.
    pub(crate) fn emptied(&self) -> Box<dyn Fn()> {
        let ports = [self.master.port, self.replica.port];
        Box::new(move || {
            for port in ports {
                // The other one is a replica, or away.
                let _ = ask_at("", port, &["FLUSHALL"]).map(drop::<String>);
            }
        })
    }
}
