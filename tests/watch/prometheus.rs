//! A real Prometheus that scrapes a service under test, twice a second, with our rules made quick.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use super::files;
use crate::process::yard::{Child, PATIENCE, eventually, kept_port};

/// What every `for` and every range of the rules becomes, so that a test need not wait for minutes.
const QUICK: &[(&str, &str)] = &[
    ("for: 30s", "for: 1s"),
    ("for: 1m", "for: 1s"),
    ("for: 2m", "for: 1s"),
    ("for: 5m", "for: 1s"),
    ("[5m]", "[10s]"),
    ("[15m]", "[10s]"),
    ("[1h]", "[10s]"),
    // A message of a test is not a quarter of an hour old.
    ("(sendyard_oldest_waiting_seconds) > 900", "(sendyard_oldest_waiting_seconds) > 8"),
];

/// The running server.
pub(super) struct Prometheus {
    addr: SocketAddr,
    base: String,
    http: reqwest::Client,
    _process: Child,
    _port: TcpSocket,
    _home: TempDir,
}

impl Prometheus {
    /// One that scrapes these; `None` where there is none to be had, which is said.
    pub(super) async fn start(targets: &[SocketAddr]) -> Option<Self> {
        if !files::is_here("prometheus", "a real Prometheus on a real engine", "prometheus") {
            return None;
        }
        let home = TempDir::new().unwrap();
        let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
        let config = format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs:\n  - job_name: sendyard\n    static_configs:\n      - targets: [{}]\n",
            targets.join(", ")
        );
        fs::write(home.path().join("prometheus.yml"), config).unwrap();
        let mut rules = files::read("grafana/prometheus/rules.yml");
        for (slow, quick) in QUICK {
            assert!(rules.contains(slow), "no rule says {slow} any more");
            rules = rules.replace(slow, quick);
        }
        fs::write(home.path().join("rules.yml"), rules).unwrap();

        // An error says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (addr, port) = kept_port();
        let mut command = Command::new("prometheus");
        command
            .current_dir(home.path())
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={addr}"));
        let process = Child::start("prometheus", &mut command, home.path().join("prometheus.log"));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let server =
            Self { addr, base: format!("http://{addr}"), http, _process: process, _port: port, _home: home };
        eventually("Prometheus is ready", PATIENCE, async || {
            let answer = server.http.get(format!("{}/-/ready", server.base)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        // Before the first scrape it believes that nobody is there.
        eventually("the service is scraped", PATIENCE, async || {
            let up = server.query("up == 1").await;
            (!up.is_empty() && server.active().await.is_empty()).then_some(())
        })
        .await;
        Some(server)
    }

    /// Where it listens.
    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let url = format!("{}/api/v1/{path}", self.base);
        let answer = self.http.get(url).query(query).send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{query:?}: {answer}");
        answer["data"].clone()
    }

    /// The series that an expression gives now.
    pub(super) async fn query(&self, expression: &str) -> Vec<Value> {
        self.ask("query", &[("query", expression)]).await["result"].as_array().unwrap().clone()
    }

    /// The alerts that fire now.
    pub(super) async fn firing(&self) -> BTreeSet<String> {
        self.alerts(|state| state == "firing").await
    }

    /// The alerts that fire, or would if it went on.
    pub(super) async fn active(&self) -> BTreeSet<String> {
        self.alerts(|_| true).await
    }

    async fn alerts(&self, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let alerts = self.ask("alerts", &[]).await;
        let alerts = alerts["alerts"].as_array().unwrap();
        let wanted = alerts.iter().filter(|alert| wanted(alert["state"].as_str().unwrap()));
        wanted.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until all of these fire.
    pub(super) async fn until_firing(&self, names: &[&str], limit: Duration) {
        let mut missing: Vec<&str> = names.to_vec();
        let told = format!("{names:?} fire");
        eventually(&told, limit, async || {
            let firing = self.firing().await;
            missing.retain(|name| !firing.contains(*name));
            missing.is_empty().then_some(())
        })
        .await;
    }
}
