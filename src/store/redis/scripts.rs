//! The scripts, put together from their files: a script's first line with its flags, what is shared,
//! then its own lines.
//!
//! The flags of the first line need Redis 7 or Valkey. What records a result, frees something or lets
//! the queue drain has `allow-oom`; what stores something new has not, so a full Redis refuses it.

use std::sync::LazyLock;

macro_rules! scripts {
    ($($name:ident = $file:literal $(+ $shared:literal)*;)*) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            whole(
                include_str!(concat!("scripts/", $file)),
                &[$(include_str!(concat!("scripts/", $shared))),*],
            )
        });)*
    };
}

scripts! {
    APPEND = "append.lua" + "clock.lua";
    APPEND_TIMED = "append_timed.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    APPEND_SENDING = "append_sending.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    FORWARD_IMMEDIATE = "forward_immediate.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    FORWARD_AGAIN = "forward_again.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    TAKE_IMMEDIATE = "take_immediate.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    WITHDRAW = "withdraw.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    CLAIM = "claim.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    RETRY = "retry.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    SETTLE = "settle.lua" + "clock.lua" + "prelude.lua" + "message.lua" + "charges.lua";
    SETTLE_BY_HAND = "settle_by_hand.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    MARK_UNKNOWN = "mark_unknown.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    SETTLE_UNKNOWN = "settle_unknown.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    TIME_UP = "time_up.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    POSTPONE = "postpone.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    CANCEL = "cancel.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    CONVERSATION_PAGE = "conversation_page.lua";
    ENDED_PAGE = "ended_page.lua";
    PRUNE_MESSAGES = "prune_messages.lua" + "clock.lua" + "prelude.lua" + "message.lua";
    RESERVE_KEY = "reserve_key.lua" + "clock.lua" + "prelude.lua" + "key.lua";
    LOOKUP_KEY = "lookup_key.lua" + "clock.lua" + "prelude.lua" + "key.lua";
    RELEASE_KEY = "release_key.lua" + "clock.lua" + "prelude.lua" + "key.lua";
    PRUNE_KEYS = "prune_keys.lua" + "clock.lua" + "prelude.lua" + "key.lua";
    ACQUIRE_LEASE = "acquire_lease.lua" + "clock.lua" + "prelude.lua";
    RENEW_LEASE = "renew_lease.lua" + "clock.lua" + "prelude.lua";
    RELEASE_LEASE = "release_lease.lua" + "clock.lua" + "prelude.lua";
    APPLY_DIRECTORY = "apply_directory.lua" + "clock.lua" + "prelude.lua";
    TUNE = "tune.lua" + "clock.lua" + "prelude.lua";
    MARK_STORE = "mark_store.lua";
    ANNOUNCE = "announce.lua" + "clock.lua";
    DEPART = "depart.lua";
}

/// A script and the name by which a server knows it.
pub(super) struct Script {
    lines: String,
    hash: String,
}

impl Script {
    /// The whole of it.
    pub(super) fn lines(&self) -> &str {
        &self.lines
    }

    /// Its name: the SHA-1 of its lines.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

fn whole(own: &str, shared: &[&str]) -> Script {
    let (flags, rest) = own.split_once('\n').unwrap_or((own, ""));
    let lines = [[flags].as_slice(), shared, &[rest]].concat().join("\n");
    let hash = redis::Script::new(&lines).get_hash().to_owned();
    Script { lines, hash }
}
