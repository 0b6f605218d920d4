//! What the scheduling of ten thousand senders costs, and how punctual it is.
//!
//! `cargo bench --bench pace` measures all; `-- scheduling`, `-- lateness` or `-- memory` one part of it. Each figure
//! is printed beside its bound, and beside what something bare takes in the same run: the machine is shared.
//! What each of them contains, and what was measured when, is in benches/README.md.
#![allow(missing_docs, reason = "a program of its own, read from its head")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a measuring program")]
#![allow(clippy::cast_precision_loss, reason = "a measuring program")]

#[path = "pace/bare.rs"]
mod bare;
#[path = "pace/lateness.rs"]
mod lateness;
#[path = "pace/memory.rs"]
mod memory;
#[path = "processor.rs"]
mod processor;
#[path = "pace/scheduling.rs"]
mod scheduling;
#[path = "pace/steps.rs"]
mod steps;
#[path = "pace/yard.rs"]
mod yard;

/// The program's own allocator, for what is bare too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo bench` adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if let [part, of] = wanted.as_slice()
            && part == memory::CHILD
        {
            return memory::run_child(of).await;
        }
        let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
        if wants("scheduling") {
            scheduling::run().await;
        }
        if wants("lateness") {
            lateness::run().await;
        }
        if wants("memory") {
            memory::run();
        }
    });
}
