//! A start after SIGKILL with a million messages queued: how soon the first goes, in how much memory.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sendyard::twin::{self, TwinOptions};
use tokio::time::Instant;

use crate::{hand_over, yard};

const MESSAGES: usize = 1_000_000;
const SENDERS: usize = 100;

pub(crate) async fn run() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    hand_over::fill(&data, MESSAGES, SENDERS).await;
    let twin = twin::start("127.0.0.1:0".parse().unwrap(), TwinOptions::default()).await.unwrap();
    let directory = home.path().join("directory.toml");
    std::fs::write(&directory, yard::directory(twin.addr(), SENDERS, r#"["10/s"]"#)).unwrap();
    let config = home.path().join("sendyard.toml");
    let text = yard::config(&data, 64) + &format!("[directory]\nfile = \"{}\"\n", directory.display());
    std::fs::write(&config, text).unwrap();

    let control = twin.control_addr();
    let mut first = serve(&config);
    until_handed_over(control, 0).await;
    first.kill().unwrap();
    first.wait().unwrap();

    // What the killed process had in the socket arrives first.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = handed_over(control).await;
    let start = Instant::now();
    let mut second = serve(&config);
    until_handed_over(control, before).await;
    let took = start.elapsed();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let peak = peak_memory(second.id());
    second.kill().unwrap();
    second.wait().unwrap();
    println!(
        "backlog of {MESSAGES}: first hand-over {:.2} s after a start after SIGKILL, {peak} MiB at the most",
        took.as_secs_f64()
    );
    twin.stop().await;
}

fn serve(config: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sendyard"));
    command.args(["serve", "--config"]).arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

async fn handed_over(control: std::net::SocketAddr) -> usize {
    let ledger = reqwest::get(format!("http://{control}/_twin/ledger?limit=100000")).await.unwrap();
    ledger.text().await.unwrap().lines().count()
}

async fn until_handed_over(control: std::net::SocketAddr, before: usize) {
    while handed_over(control).await <= before {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}
