//! The stand-in for the provider, as a process, and what it wrote down.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use super::{Child, PATIENCE, eventually};

/// The twin under test.
pub(crate) struct Twin {
    addr: SocketAddr,
    http: reqwest::Client,
    _process: Child,
}

/// A request that the provider read whole.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    pub(crate) at_us: u64,
    pub(crate) provider: String,
    pub(crate) account: String,
    pub(crate) accepted: bool,
    pub(crate) answered: bool,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) token: Option<String>,
}

impl Line {
    /// The message that it names.
    pub(crate) fn message_id(&self) -> Option<&str> {
        self.token.as_deref()?.split('.').next()
    }
}

impl Twin {
    pub(super) async fn start(binary: &str, home: &Path) -> Self {
        let mut command = Command::new(binary);
        command.args(["twin", "--listen", "127.0.0.1:0"]).env_clear().current_dir(home);
        let mut process = Child::start("the twin", &mut command, home.join("twin.log"));
        let addr = eventually("the twin listens", PATIENCE, async || {
            assert!(process.is_running(), "the twin ended");
            let said = process.said();
            let (_, rest) = said.split_once("listens on http://")?;
            rest.split_once(';')?.0.parse().ok()
        })
        .await;
        Self { addr, http: reqwest::Client::builder().no_proxy().build().unwrap(), _process: process }
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sets all dials, which `docs/TWIN.md` describes.
    pub(crate) async fn set_faults(&self, faults: &Value) {
        let url = format!("http://{}/_twin/faults", self.addr);
        let answer = self.http.put(url).body(faults.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// How many requests it has read.
    pub(crate) async fn count(&self) -> u64 {
        let url = format!("http://{}/_twin/health", self.addr);
        let health = self.http.get(url).send().await.unwrap().bytes().await.unwrap();
        let health: Value = serde_json::from_slice(&health).unwrap();
        health["ledger_lines"].as_u64().unwrap()
    }

    /// The whole ledger, as it is written.
    pub(crate) async fn ledger_text(&self) -> String {
        let url = format!("http://{}/_twin/ledger?limit=100000", self.addr);
        self.http.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// The whole ledger.
    pub(crate) async fn ledger(&self) -> Vec<Line> {
        self.ledger_text().await.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
