//! What Sendyard reaches, as ratios to a yardstick in the same interleaved run.
//!
//! `cargo bench --bench speed` runs all; `-- accept`, `-- batch`, `-- hand-over` or `-- backlog` one of them;
//! `-- hand-over-50ms` the hand-over with a provider at 50 ms alone, `-- accept-redis-always` and
//! `-- accept-redis-everysec` accepting with one of Redis' ways to sync; `-- adaptive` or `-- adaptive-short` a limit
//! that the provider does not tell, in real time: ten minutes, or two and a half.
//!
//! Generator, engine, store and twin share the machine; for accepting on Redis each is a process of its own. Absolute
//! figures mean nothing on a shared machine; the ratios do. What was measured, when and how, is in benches/README.md.
//! The yardsticks themselves are the library's, as `sendyard load --yardstick` measures with them too.
#![allow(missing_docs, reason = "a program of its own, read from its head")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measuring program"
)]
#![allow(clippy::indexing_slicing, clippy::cast_precision_loss, reason = "a measuring program")]

#[path = "speed/accept.rs"]
mod accept;
#[path = "speed/adaptive.rs"]
mod adaptive;
#[path = "speed/apart.rs"]
mod apart;
#[path = "speed/backlog.rs"]
mod backlog;
#[path = "speed/batch.rs"]
mod batch;
#[path = "speed/hand_over.rs"]
mod hand_over;
#[path = "speed/minimal.rs"]
mod minimal;
#[path = "processor.rs"]
mod processor;
#[path = "speed/redis.rs"]
mod redis;
#[path = "speed/yard.rs"]
mod yard;

use std::time::Duration;

/// The program's own allocator, for the yardsticks too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo bench` adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    // Two installs of the same provider are one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some((first, words)) = wanted.split_first()
        && first == apart::PART
    {
        return runtime.block_on(apart::play(words));
    }
    runtime.block_on(async {
        if wants("accept") {
            accept::run().await;
        }
        if wants("accept-redis") {
            apart::run(None);
        } else if wants("accept-redis-always") {
            apart::run(Some("always"));
        } else if wants("accept-redis-everysec") {
            apart::run(Some("everysec"));
        }
        if wants("batch") {
            batch::run().await;
        }
        if wants("batch-redis") {
            batch::run_on_redis().await;
        }
        if wants("hand-over") {
            hand_over::run(None).await;
        } else if wants("hand-over-50ms") {
            hand_over::run(Some(50)).await;
        }
        if wants("hand-over-redis") {
            hand_over::run_on_redis().await;
        }
        if wants("backlog") {
            backlog::run().await;
        }
        if wants("backlog-redis") {
            backlog::run_on_redis().await;
        }
        // Not with the others: it takes ten minutes of real time, or two and a half.
        if wanted.iter().any(|word| word == "adaptive") {
            Box::pin(adaptive::run(Duration::from_mins(1))).await;
        } else if wanted.iter().any(|word| word == "adaptive-short") {
            Box::pin(adaptive::run(Duration::from_secs(15))).await;
        }
        if wants("taken-over") {
            backlog::run_taken_over().await;
        }
    });
}
