//! The scripts, put together from their files: a script's first line with its flags, what is shared,
//! then its own lines.
//!
//! The flags of the first line need Redis 7 or Valkey. What records a result, frees something or lets
//! the queue drain has `allow-oom`; what stores something new has not, so a full Redis refuses it.

use std::sync::LazyLock;

use redis::Script;

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
    APPEND = "append.lua" + "prelude.lua" + "message.lua";
    APPEND_SENDING = "append_sending.lua" + "prelude.lua" + "message.lua";
    CLAIM = "claim.lua" + "prelude.lua" + "message.lua";
    RETRY = "retry.lua" + "prelude.lua" + "message.lua";
    SETTLE = "settle.lua" + "prelude.lua" + "message.lua" + "charges.lua";
    SETTLE_BY_HAND = "settle_by_hand.lua" + "prelude.lua" + "message.lua";
    MARK_UNKNOWN = "mark_unknown.lua" + "prelude.lua" + "message.lua";
    SETTLE_UNKNOWN = "settle_unknown.lua" + "prelude.lua" + "message.lua";
    CANCEL = "cancel.lua" + "prelude.lua" + "message.lua";
    CONVERSATION_PAGE = "conversation_page.lua";
    PRUNE_MESSAGES = "prune_messages.lua" + "prelude.lua" + "message.lua";
    RESERVE_KEY = "reserve_key.lua" + "prelude.lua" + "key.lua";
    LOOKUP_KEY = "lookup_key.lua" + "prelude.lua" + "key.lua";
    RELEASE_KEY = "release_key.lua" + "prelude.lua" + "key.lua";
    PRUNE_KEYS = "prune_keys.lua" + "prelude.lua" + "key.lua";
    ACQUIRE_LEASE = "acquire_lease.lua" + "prelude.lua";
    RENEW_LEASE = "renew_lease.lua" + "prelude.lua";
    RELEASE_LEASE = "release_lease.lua" + "prelude.lua";
    TUNE = "tune.lua" + "prelude.lua";
    MARK_STORE = "mark_store.lua";
}

fn whole(own: &str, shared: &[&str]) -> Script {
    let (flags, lines) = own.split_once('\n').unwrap_or((own, ""));
    Script::new(&[[flags].as_slice(), shared, &[lines]].concat().join("\n"))
}
