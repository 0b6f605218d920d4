//! From a signal to the end of the process.
//!
//! The first SIGTERM or SIGINT, or `POST /v1/admin/drain`, stops in order: nothing new comes in, what is in
//! flight finishes, and the process ends with 0. The next signal ends it at once, with the code that the
//! signal has in shells; what was in flight then is settled as unknown by the next start.

use std::future::Future;
use std::io;
use std::process::ExitCode;

use tokio::signal::unix::{self, SignalKind};

use crate::boot::Running;

/// A request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: somebody at the keyboard.
    Interrupt,
    /// SIGTERM: whoever runs the service.
    Terminate,
}

impl Signal {
    /// As people call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// As shells report a process that the signal ended.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Listens for both signals; from then on they no longer end the process by themselves.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// Runs until a signal comes, or an admin path asks for it, then stops.
pub async fn until_stopped(running: Running, mut signals: Signals) -> ExitCode {
    let why = tokio::select! {
        signal = signals.next() => signal.name(),
        () = running.drain_asked() => "POST /v1/admin/drain",
    };
    tracing::info!(why, "stopping: what is in flight finishes; a signal ends at once");
    stop_or_leave(running.stop(), &mut signals).await
}

/// Waits for the stop, or for the signal that cuts it short.
pub async fn stop_or_leave(stop: impl Future<Output = ()>, signals: &mut Signals) -> ExitCode {
    tokio::select! {
        () = stop => ExitCode::SUCCESS,
        second = signals.next() => {
            tracing::warn!(signal = ?second, "ended at once: what was in flight is settled by the next start");
            ExitCode::from(second.exit_code())
        }
    }
}
