//! The binary: runtime, logs, and exit codes. What it does is in `sendyard::cli`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use sendyard::cli::{self, Cli};
use tracing_subscriber::EnvFilter;

/// Cheaper than the system's for many small things made on one thread and dropped on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("sendyard").enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return say(&format!("cannot start the runtime: {error}"), 1),
    };
    let ended = runtime.block_on(cli::run(cli));
    // Whoever was to finish has finished.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(failure) => say(&failure.to_string(), failure.exit_code()),
    }
}

/// `RUST_LOG` chooses what is logged, `SENDYARD_LOG_FORMAT=json` how.
fn log_to_stderr() {
    // What the client of Redis meets is said by the store, once for each change.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,redis=off"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var("SENDYARD_LOG_FORMAT").is_ok_and(|format| format == "json") {
        logs.json().init();
    } else {
        logs.with_ansi(std::io::stderr().is_terminal()).init();
    }
}

#[expect(clippy::print_stderr, reason = "the one sentence that tells why the process ends")]
fn say(sentence: &str, code: u8) -> ExitCode {
    eprintln!("sendyard: {sentence}");
    ExitCode::from(code)
}
