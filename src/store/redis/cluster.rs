//! Calls on a Cluster. A step goes to the master that has its slot, as all its keys share one hash tag.
//!
//! The client repeats nothing here (`retries(0)`): a step that was sent and not answered may have been
//! done, and what a repetition is told says nothing of the first. Who may repeat is decided in
//! `connection.rs`.

use futures::future::try_join_all;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Arg, Cmd, ConnectionInfo, Pipeline, RedisError, Value};

use super::connection::{ANSWER_WITHIN, CONNECT_WITHIN};
use super::keys;

/// A client that asks these nodes for the others.
pub(super) fn client(nodes: Vec<ConnectionInfo>) -> Result<ClusterClient, RedisError> {
    ClusterClientBuilder::new(nodes)
        .retries(0)
        .connection_timeout(CONNECT_WITHIN)
        .response_timeout(ANSWER_WITHIN)
        // Also while the nodes are asked anew who has which slot.
        .overall_response_timeout(Some(ANSWER_WITHIN))
        .build()
}

/// Several reads of any slots, all on their way at once; their answers in order. The first argument of each
/// is its key.
pub(super) async fn read(cluster: &ClusterConnection, reads: &Pipeline) -> Result<Vec<Value>, RedisError> {
    try_join_all(reads.cmd_iter().map(|read| one(cluster.clone(), read.clone()))).await
}

async fn one(cluster: ClusterConnection, read: Cmd) -> Result<Value, RedisError> {
    let mut cluster = cluster;
    // What has no key, the time, is asked of the one that has the store's mark.
    let key = match read.args_iter().nth(1) {
        Some(Arg::Simple(key)) => key,
        _ => keys::MARK.as_bytes(),
    };
    let route = Route::with_key(key, SlotAddr::Master);
    let node = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route));
    cluster.route_command(read, node).await?.extract_error()
}

/// The answers of all masters that are connected, each with its address.
pub(super) async fn of_masters(
    cluster: &ClusterConnection,
    command: &Cmd,
) -> Result<Vec<(String, Value)>, RedisError> {
    let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let answers = cluster.clone().route_command(command.clone(), all).await?.extract_error()?;
    redis::from_redis_value(answers).map_err(RedisError::from)
}
