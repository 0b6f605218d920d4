//! What a server's configuration promises of an answered message, and what speaks against it.

/// What the store promises, and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// What an answer `queued` means, in one line.
    pub queued_means: String,
    /// What an operator should change, a sentence each.
    pub warnings: Vec<String>,
}

/// What one server keeps of what it has answered; the better, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keeps {
    EveryAnswer,
    AllButASecond,
    WhatTheSystemWrote,
    WhatItSaved,
}

/// Of the server, or of all masters of a Cluster, each with its address and what `CONFIG GET` said there.
/// The weakest of them decides.
pub(super) fn promise(
    servers: &[(String, Vec<(String, String)>)],
    may_fail_over: bool,
    replicas: u8,
) -> Promise {
    let mut keeps = Keeps::EveryAnswer;
    let mut warnings = Vec::new();
    for (address, config) in servers {
        let (here, speaks_against) = of_server(config);
        keeps = keeps.max(here);
        let at = if address.is_empty() { "Redis".to_owned() } else { format!("the Redis server {address}") };
        warnings.extend(speaks_against.iter().map(|what| format!("{at} {what}")));
    }
    let meaning = match keeps {
        Keeps::EveryAnswer => "queued means in its append-only file, fsync before the answer",
        Keeps::AllButASecond => {
            "queued means in its append-only file; a crash of its machine may lose the last second"
        }
        Keeps::WhatTheSystemWrote => "queued means in its memory, and in its file when the system gets to it",
        Keeps::WhatItSaved => "queued means in its memory; nothing that it has not saved outlives it",
    };
    let failover = match replicas {
        0 if may_fail_over => "; a failover to a replica that lags loses what had not reached it".to_owned(),
        0 => String::new(),
        1 => ", and in the memory of a replica".to_owned(),
        more => format!(", and in the memory of {more} replicas"),
    };
    Promise { queued_means: format!("Redis: {meaning}{failover}"), warnings }
}

/// Of a server that keeps its configuration to itself, as hosted ones often do.
pub(super) fn unknown() -> Promise {
    Promise {
        queued_means: "Redis: queued means in Redis; what its own configuration keeps is not known"
            .to_owned(),
        warnings: vec!["Redis does not tell its configuration (CONFIG GET), so nobody checked it".to_owned()],
    }
}

fn of_server(config: &[(String, String)]) -> (Keeps, Vec<String>) {
    let value = |name: &str| {
        let found = config.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let mut warnings = Vec::new();
    let policy = value("maxmemory-policy");
    if !matches!(policy, "noeviction" | "") {
        warnings.push(format!(
            "may drop queued messages when its memory is full: maxmemory-policy is {policy}, expected noeviction"
        ));
    }
    let keeps = match (value("appendonly"), value("appendfsync")) {
        ("yes", "always") => Keeps::EveryAnswer,
        ("yes", "everysec") => Keeps::AllButASecond,
        ("yes", _) => {
            warnings.push(
                "may lose answered messages when its machine crashes: appendfsync is no, expected always or \
                 everysec"
                    .to_owned(),
            );
            Keeps::WhatTheSystemWrote
        }
        (_, _) => {
            warnings.push("loses answered messages when it ends: appendonly is no, expected yes".to_owned());
            Keeps::WhatItSaved
        }
    };
    (keeps, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(appendonly: &str, appendfsync: &str, policy: &str) -> Vec<(String, String)> {
        let pairs = [("appendonly", appendonly), ("appendfsync", appendfsync), ("maxmemory-policy", policy)];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
    }

    fn promised(appendonly: &str, appendfsync: &str, policy: &str) -> Promise {
        promise(&[(String::new(), config(appendonly, appendfsync, policy))], false, 0)
    }

    #[test]
    fn what_keeps_everything_is_promised_without_a_warning() {
        for fsync in ["always", "everysec"] {
            assert_eq!(promised("yes", fsync, "noeviction").warnings, Vec::<String>::new());
        }
    }

    #[test]
    fn each_thing_that_may_lose_a_message_is_one_sentence() {
        for (promise, says) in [
            (promised("no", "everysec", "noeviction"), "appendonly is no"),
            (promised("yes", "no", "noeviction"), "appendfsync is no"),
            (promised("yes", "always", "allkeys-lru"), "maxmemory-policy is allkeys-lru"),
        ] {
            assert_eq!(promise.warnings.len(), 1);
            assert!(promise.warnings[0].contains(says), "{promise:?}");
        }
    }

    #[test]
    fn the_weakest_master_of_a_cluster_decides_and_is_named() {
        let good = config("yes", "always", "noeviction");
        let weak = config("no", "always", "noeviction");
        let servers = [("a:1".to_owned(), good.clone()), ("b:2".to_owned(), weak), ("c:3".to_owned(), good)];
        let promise = promise(&servers, true, 0);
        assert_eq!(
            promise.warnings,
            ["the Redis server b:2 loses answered messages when it ends: appendonly is no, expected yes"]
        );
        assert!(promise.queued_means.contains("in its memory; nothing that it has not saved outlives it"));
        assert!(promise.queued_means.contains("a replica that lags loses what had not reached it"));
    }
}
