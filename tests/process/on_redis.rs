//! One or more service processes on one Redis store, all of them real: killed, stopped and continued in
//! the middle of their work, the servers too.

mod clients;
pub(crate) mod server;
#[path = "../../src/store/contract/several_servers.rs"]
pub(crate) mod several_servers;

mod a_failover_costs_no_answered_message;
mod a_killed_process_is_replaced;
mod a_number_is_tuned_through_any_process;
mod a_process_that_leaves_is_followed_at_once;
mod a_restart_waits_for_no_more_than_the_lease;
mod a_server_that_is_away_is_waited_for;
mod a_server_that_is_killed_costs_no_answered_message;
mod a_server_that_is_now_a_replica_is_refused;
mod a_server_that_is_slow_leaves_nothing_twice;
mod a_stopped_process_begins_nothing_more;
mod a_store_is_reached_by_tls;
mod account_limits_hold_over_all_processes;
mod immediate_messages_are_sent_by_any_process;
mod processes_share_the_work;
mod what_is_wrong_with_the_server_is_said;

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpSocket;

use self::server::Redis;
use super::yard::{Api, Child, PATIENCE, Reply, Setup, Yard, eventually, kept_port};

/// Metrics of a process.
const SHARDS: &str = r#"sendyard_shards{state="owned"}"#;
const IN_FLIGHT: &str = "sendyard_attempts_in_flight{";
const ENDED: &str = "sendyard_hand_overs_total{";

/// A provider, a Redis server or several, and the service's processes on it.
///
/// Whatever still runs at its end is killed.
pub(crate) struct Fleet<R = Redis> {
    pub(crate) members: Vec<Member>,
    pub(crate) yard: Yard,
    pub(crate) redis: R,
    /// Authorities that the processes trust, where they are not the system's.
    trusted: Option<PathBuf>,
}

/// One of the processes.
pub(crate) struct Member {
    pub(crate) api: Api,
    addr: SocketAddr,
    /// Kept over restarts.
    _port: TcpSocket,
    url: String,
    child: Option<Child>,
}

impl Fleet {
    /// So many processes over one configuration, each with its share; `None` where there is no server to be
    /// had, which is said.
    pub(crate) async fn start(members: usize, setup: &Setup) -> Option<Self> {
        let redis = Redis::start(&[]).await?;
        let mut fleet = Self::over(redis, setup).await;
        for _ in 0..members {
            fleet.add(&fleet.redis.url());
        }
        fleet.shared_out().await;
        Some(fleet)
    }
}

impl<R> Fleet<R> {
    /// None yet.
    async fn over(redis: R, setup: &Setup) -> Self {
        Self { members: Vec::new(), yard: Yard::build(setup).await, redis, trusted: None }
    }

    /// Those that are started from now on trust the authorities in this file and no others.
    fn trusts(&mut self, authorities: PathBuf) {
        self.trusted = Some(authorities);
    }

    /// Starts one more, on this store.
    fn add(&mut self, url: &str) {
        let (addr, port) = kept_port();
        let member = Member { api: Api::at(addr), addr, _port: port, url: url.to_owned(), child: None };
        self.members.push(member);
        self.start_again(self.members.len() - 1);
    }

    /// Starts one that has ended.
    pub(crate) fn start_again(&mut self, place: usize) {
        let member = &mut self.members[place];
        assert!(member.child.is_none(), "it runs already");
        let mut command = self.yard.serve();
        command
            .env("SENDYARD__STORE__URL", &member.url)
            .env("SENDYARD__HTTP__LISTEN", member.addr.to_string());
        command.envs(self.trusted.iter().map(|file| ("SSL_CERT_FILE", file)));
        let log = self.yard.home().join(format!("member-{place}.log"));
        member.child = Some(Child::start("a process of the service", &mut command, log));
    }

    /// Waits until each of those that run is ready and has its even share of the shards.
    pub(crate) async fn shared_out(&self) {
        let running: Vec<&Member> = self.members.iter().filter(|member| member.child.is_some()).collect();
        let (least, most) = (256 / running.len(), 256_usize.div_ceil(running.len()));
        eventually("each process has its share", PATIENCE, async || {
            let mut sum = 0;
            for member in &running {
                let shards = member.gauge(SHARDS).await?;
                sum += shards;
                if !member.api.is_ready().await || !(least..=most).contains(&shards) {
                    return None;
                }
            }
            (sum == 256).then_some(())
        })
        .await;
    }

    /// Which process has attempts in flight.
    async fn busy(&self) -> usize {
        eventually("a process has an attempt in flight", PATIENCE, async || {
            for (place, member) in self.members.iter().enumerate() {
                if member.child.is_some() && member.gauge(IN_FLIGHT).await? > 0 {
                    return Some(place);
                }
            }
            None
        })
        .await
    }

    /// Where each listens.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|member| member.addr).collect()
    }

    pub(crate) fn apis(&self) -> Vec<Api> {
        self.members.iter().map(|member| member.api.clone()).collect()
    }
}

impl Member {
    /// The sum of its metrics whose lines begin so; `None` while it does not answer.
    async fn gauge(&self, begins: &str) -> Option<usize> {
        let metrics = self.api.metrics().await.ok()?;
        let lines = metrics.lines().filter(|line| line.starts_with(begins));
        Some(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum())
    }

    /// How many shards it has; `None` while it does not answer.
    pub(crate) async fn shards(&self) -> Option<usize> {
        self.gauge(SHARDS).await
    }

    pub(crate) fn child(&self) -> &Child {
        self.child.as_ref().expect("it runs")
    }

    /// SIGKILL; returns when the process is gone.
    pub(crate) fn kill(&mut self) {
        self.child.take().expect("it runs").kill();
    }

    /// SIGTERM; returns when the process is gone.
    pub(crate) async fn leave(&mut self) {
        self.child().terminate();
        self.ended_well().await;
    }

    /// Waits until a process that was told to end is gone.
    pub(crate) async fn ended_well(&mut self) {
        let child = self.child.take().expect("it runs");
        assert_eq!(child.ended(PATIENCE).await.code(), Some(0));
    }

    async fn is_ready_within_patience(&self) {
        let ready = async || self.api.is_ready().await.then_some(());
        eventually("the process is ready", PATIENCE, ready).await;
    }

    /// What `/readyz` says for as long as it is not ready.
    async fn not_ready_because(&self, word: &str) -> String {
        eventually(&format!("/readyz says: {word}"), PATIENCE, async || {
            let reply = self.api.get("/readyz").await.ok()?;
            let why = reply.body["detail"].as_str()?;
            why.contains(word).then(|| why.to_owned())
        })
        .await
    }
}

/// It refuses for the moment, as clients are promised.
fn is_unavailable(reply: &Reply) -> bool {
    let seconds = reply.retry_after.as_deref().and_then(|text| text.parse::<u64>().ok());
    reply.status == 503 && seconds.is_some_and(|seconds| seconds > 0)
}
