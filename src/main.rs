//! The binary: runtime, logs, and exit codes. What it does is in `sendyard::cli`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use sendyard::cli::{self, Cli};
#[cfg(feature = "otel")]
use sendyard::traces::Traces;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, registry};

/// Cheaper than the system's for many small things made on one thread and dropped on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let logs = logs().with_filter(filter());
    #[cfg(feature = "otel")]
    let traces = match Traces::from_environment() {
        Ok(traces) => traces,
        Err(error) => return say(&format!("cannot send traces: {error}"), 1),
    };
    #[cfg(feature = "otel")]
    registry().with(logs).with(traces.as_ref().map(Traces::layer)).init();
    #[cfg(not(feature = "otel"))]
    registry().with(logs).init();

    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("sendyard").enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return say(&format!("cannot start the runtime: {error}"), 1),
    };
    let ended = runtime.block_on(cli::run(cli));
    // Whoever was to finish has finished.
    runtime.shutdown_background();
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        traces.end();
    }
    match ended {
        Ok(code) => code,
        Err(failure) => say(&failure.to_string(), failure.exit_code()),
    }
}

/// What is logged: what `RUST_LOG` says.
fn filter() -> EnvFilter {
    // What the client of Redis meets is said by the store, once for each change.
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,redis=off"))
}

/// To stderr, as `SENDYARD_LOG_FORMAT` says: `json`, or text.
fn logs<S>() -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if std::env::var("SENDYARD_LOG_FORMAT").is_ok_and(|format| format == "json") {
        return logs.json().boxed();
    }
    logs.with_ansi(std::io::stderr().is_terminal()).boxed()
}

#[expect(clippy::print_stderr, reason = "the one sentence that tells why the process ends")]
fn say(sentence: &str, code: u8) -> ExitCode {
    eprintln!("sendyard: {sentence}");
    ExitCode::from(code)
}
