//! A real process with few files and a small disk: quiet with room, and both alerts without it.

use std::fs;
use std::process::Command;

use tokio::net::TcpStream;

use super::load::{FIRES_WITHIN, keep_sending, quiet_for_long};
use super::prometheus::Prometheus;
use crate::clients::demo::skip;
use crate::process::yard::{Setup, Yard};

/// The disk of the store: some above the gigabyte under which the alert comes.
const DISK: &str = "1100m";
const BALLAST: &str = "170M";

/// Files that the process may have open, and connections that make most of them.
const FILES: usize = 250;
const CONNECTIONS: usize = 190;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_out_fires_its_own() {
    let mount = format!("mount -t tmpfs -o size={DISK} tmpfs");
    let tried = Command::new("unshare").args(["-m", "/bin/sh", "-c", &format!("{mount} /mnt")]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        skip("alerts of what runs out: no disk of its own can be mounted here");
        return;
    }
    let setup = Setup::of_numbers(1, &[]);
    let mut yard = Yard::build(&setup).await;
    fs::create_dir(yard.home().join("data")).unwrap();
    let plain = yard.serve_after(&format!("{mount} data && ulimit -n {FILES}"));
    let mut command = Command::new("unshare");
    command.arg("-m").arg(plain.get_program()).args(plain.get_args());
    command.env_clear().env("RUST_LOG", "info").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.current_dir(yard.home());
    yard.start_engine_as(command).await;
    let Some(prometheus) = Prometheus::start(&[yard.addr()]).await else { return };
    let load = keep_sending(&yard.api, &setup.numbers[0].number);
    quiet_for_long(&prometheus).await;

    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(TcpStream::connect(yard.addr()).await.unwrap());
    }
    // The disk is mounted for that process alone.
    let ballast = format!("/proc/{}/root{}/data/ballast", yard.process_id(), yard.home().display());
    let filled = Command::new("fallocate").args(["-l", BALLAST, &ballast]).output().unwrap();
    assert!(filled.status.success(), "{filled:?}");
    prometheus.until_firing(&["SendyardFilesRunOut", "SendyardDiskFills"], FIRES_WITHIN).await;
    load.abort();
}
