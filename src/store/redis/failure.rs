//! What a failed call says about its step: was it refused before it did anything, or may it be done?

use redis::{ErrorKind, RedisError, ServerErrorKind};
use sendyard_actors::ports::StoreError;

/// Errors of the server before a script runs, or before it writes: once it has written, the server refuses
/// it nothing of this kind. `CORRUPT` is our own: scripts read all that they need before they write.
const REFUSED: [&str; 11] = [
    "OOM",
    "CORRUPT",
    "NOSCRIPT",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "TRYAGAIN",
];

/// As [`REFUSED`], where they cannot be of another call: the client of a Cluster answers what is under way
/// with what it met when it asked the nodes who has which slot.
const REFUSED_BY_ONE: [&str; 4] = ["LOADING", "BUSY", "NOAUTH", "WRONGPASS"];

/// A call that failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing was sent; why, as a sentence.
    NotConnected(String),
    /// By one server, or on the way to it and back.
    OnServer(RedisError),
    /// By a node of a Cluster, or on the way to it and back.
    OnCluster(RedisError),
}

impl Failed {
    /// What a failed step says. A script that ends in the middle has done what stands before; so whatever
    /// is not known to have been refused before it wrote may have been done.
    pub(super) fn of_step(&self) -> StoreError {
        let (error, refused_alone) = match self {
            Self::NotConnected(why) => return StoreError::Unavailable(why.clone()),
            Self::OnServer(error) => (error, REFUSED_BY_ONE.as_slice()),
            Self::OnCluster(error) => (error, [].as_slice()),
        };
        let is_refusal = |code| REFUSED.contains(&code) || refused_alone.contains(&code);
        if error.code().is_some_and(is_refusal) {
            return self.of_read();
        }
        if error.code().is_some() || is_unreadable(error) {
            tracing::error!(code = error.code(), category = error.category(), "a step on Redis failed");
        }
        StoreError::Unanswered
    }

    /// What a failed read says, and a step that wrote nothing.
    pub(super) fn of_read(&self) -> StoreError {
        let (error, is_cluster) = match self {
            Self::NotConnected(why) => return StoreError::Unavailable(why.clone()),
            Self::OnServer(error) => (error, false),
            Self::OnCluster(error) => (error, true),
        };
        match (error.code(), error.kind()) {
            (Some("OOM"), _) => StoreError::Full("Redis has no memory left (maxmemory)".to_owned()),
            (Some("CORRUPT"), _) => StoreError::Corrupt(error.detail().unwrap_or_default().to_owned()),
            // Without a code: of a pipeline, with a word that the client does not know, NOPERM say.
            (Some(_), _) | (None, ErrorKind::Extension) => {
                StoreError::Unavailable(refusal(error, is_cluster))
            }
            (None, ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig) => {
                StoreError::Unavailable(format!("cannot connect to Redis: {error}"))
            }
            (None, ErrorKind::ClusterConnectionNotFound) => {
                StoreError::Unavailable("no node of the Redis Cluster can be reached".to_owned())
            }
            (None, _) if is_unreadable(error) => unexpected(&error.to_string()),
            (None, _) => StoreError::Unanswered,
        }
    }

    /// Was it refused by a server that is a master no more?
    pub(super) fn is_of_replica(&self) -> bool {
        matches!(self, Self::OnServer(error) if is_replica(error))
    }
}

/// Is the server a replica now, whose master is another?
pub(super) fn is_replica(error: &RedisError) -> bool {
    let kinds = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown];
    kinds.iter().any(|kind| error.kind() == ErrorKind::Server(*kind))
}

/// A read was answered with what this version does not know.
pub(super) fn unexpected(what: &str) -> StoreError {
    StoreError::Corrupt(format!("Redis gave an unexpected answer: {what}"))
}

fn is_unreadable(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType)
}

/// A server's refusal as a sentence.
fn refusal(error: &RedisError, is_cluster: bool) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.code() {
        Some("CLUSTERDOWN") if detail.contains("not served") => {
            "a slot of the Redis Cluster has no node that serves it".to_owned()
        }
        Some("CLUSTERDOWN") => format!("the Redis Cluster is down: {detail}"),
        Some("MOVED") if is_cluster => {
            format!("the nodes of the Redis Cluster do not agree yet who has a slot: {detail}")
        }
        Some("MOVED") => "the Redis server is a node of a Cluster, expected \"redis+cluster://…\"".to_owned(),
        Some("ASK" | "TRYAGAIN") => "a slot of the Redis Cluster is being moved to another node".to_owned(),
        Some("READONLY") => "the Redis server is a replica, which takes no writes".to_owned(),
        _ => format!("Redis refused: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: ServerErrorKind) -> RedisError {
        (ErrorKind::Server(kind), "said by a server").into()
    }

    #[test]
    fn on_a_cluster_a_word_that_may_be_about_another_call_refuses_no_step() {
        let loading = || refused(ServerErrorKind::BusyLoading);
        assert_eq!(Failed::OnCluster(loading()).of_step(), StoreError::Unanswered);
        assert!(matches!(Failed::OnServer(loading()).of_step(), StoreError::Unavailable(_)));
        let unsent = RedisError::from((ErrorKind::ClusterConnectionNotFound, "no connection"));
        assert_eq!(Failed::OnCluster(unsent).of_step(), StoreError::Unanswered);
    }

    #[test]
    fn what_a_server_refuses_before_it_does_anything_is_refused() {
        for kind in [
            ServerErrorKind::Moved,
            ServerErrorKind::Ask,
            ServerErrorKind::TryAgain,
            ServerErrorKind::ClusterDown,
            ServerErrorKind::ReadOnly,
            ServerErrorKind::MasterDown,
        ] {
            let step = Failed::OnCluster(refused(kind)).of_step();
            assert!(matches!(step, StoreError::Unavailable(_)), "{kind:?}: {step:?}");
        }
        let middle = Failed::OnServer(refused(ServerErrorKind::ResponseError)).of_step();
        assert_eq!(middle, StoreError::Unanswered, "a script that ended in its middle");
    }
}
