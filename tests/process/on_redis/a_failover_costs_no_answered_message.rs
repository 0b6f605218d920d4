//! A master that dies under traffic, and whose replica takes its place, costs refusals and nothing else:
//! what was answered 200 is there, nothing goes twice, and the process works on without a restart.
//!
//! What the replica had not got when the master died would be lost; that is Redis' own limit, so here it
//! has all of it.

use serde_json::json;

use super::Fleet;
use super::clients::{Clients, all_sent_or_unknown, check_once_and_in_order};
use super::several_servers::{Cluster, Watched};
use crate::process::yard::{PATIENCE, Setup, eventually};

/// What the clients are to have sent before the master dies, and after.
const SOME: usize = 150;

/// Lets clients send before, during and after what `fails` does to the servers.
async fn costs_nothing<R>(fleet: &mut Fleet<R>, url: &str, setup: &Setup, fails: impl AsyncFnOnce(&mut R)) {
    fleet.yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 100 }] })).await;
    fleet.add(url);
    fleet.members[0].is_ready_within_patience().await;
    let numbers: Vec<String> = setup.numbers.iter().map(|number| number.number.clone()).collect();
    let clients = Clients::start(fleet, &numbers);
    let sent = async |count| (clients.accepted() >= count).then_some(());
    eventually("some are sent", PATIENCE, async || sent(SOME).await).await;

    fails(&mut fleet.redis).await;
    let before = clients.accepted();
    eventually("some more are sent", PATIENCE, async || sent(before + SOME).await).await;
    let refused = clients.refused();
    let ids = clients.finished().await;
    fleet.members[0].is_ready_within_patience().await;
    let unknown = all_sent_or_unknown(&fleet.members[0].api, &ids).await;
    check_once_and_in_order(&fleet.yard.twin.ledger().await);
    println!("{} answered 200, {refused} refused, {} unknown", ids.len(), unknown.len());
    assert!(unknown.is_empty(), "no attempt was lost: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_of_a_master_of_a_cluster_costs_no_answered_message() {
    let Some(cluster) = Cluster::start(1, &[]).await else { return };
    let url = cluster.url();
    let setup = Setup::of_numbers(8, &[]);
    let mut fleet = Fleet::over(cluster, &setup).await;
    costs_nothing(&mut fleet, &url, &setup, async |cluster| {
        cluster.servers[0].kill_when_its_replica_has_all().await;
        cluster.has_failed_over(0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_behind_sentinel_costs_no_answered_message() {
    let Some(servers) = Watched::start().await else { return };
    let url = servers.url(0);
    let setup = Setup::of_numbers(8, &[]);
    let mut fleet = Fleet::over(servers, &setup).await;
    costs_nothing(&mut fleet, &url, &setup, async |servers| {
        servers.master.kill_when_its_replica_has_all().await;
        servers.has_failed_over().await;
    })
    .await;
}
