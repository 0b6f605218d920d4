//! With the feature `otel`: what a receiver of OTLP gets from two real processes on one Redis server. A message
//! is one trace, whichever process took it in, handed it over, or found it in the queue after a restart; and no
//! trace holds a number or a text.

#[cfg(test)]
#[path = "otlp/of_a_message.rs"]
mod of_a_message;
#[cfg(test)]
#[path = "otlp/protobuf.rs"]
mod protobuf;
#[cfg(test)]
#[path = "otlp/receiver.rs"]
mod receiver;

/// What the tests of processes have, as far as it is needed here.
#[cfg(test)]
#[allow(dead_code, unused_imports, reason = "the other test binary uses the rest")]
mod process {
    pub(crate) mod yard;

    pub(crate) mod on_redis {
        pub(crate) mod server;
        #[path = "../../../src/store/contract/several_servers.rs"]
        pub(crate) mod several_servers;
    }
}
