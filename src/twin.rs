//! A stand-in for the providers: it answers their send APIs as their documents say, misbehaves on
//! demand, and writes down what it really did.
//!
//! * It shares no code with the engine or with the adapters that talk to providers, so that an
//!   error in them cannot hide here too.
//! * The **ledger** is the truth: one line for each send request that was read whole, whatever was
//!   answered. The **faults** are dials, read again for each request.
//! * `Twin` owns all state; a **face** (`twilio`, `telnyx`, `vonage`) knows one provider's paths, limits,
//!   bodies and callbacks, and leaves everything else to the modules beside it. A new provider is one
//!   more face.
//!
//! For users: `docs/TWIN.md`.

mod allowance;
mod backlogs;
mod callback_url;
mod callbacks;
mod clock;
mod connection;
mod control;
mod dice;
mod door;
mod exchange;
mod faults;
mod ids;
mod ledger;
mod segments;
mod sender_limits;
mod senders;
mod telnyx;
#[cfg(test)]
mod tests;
mod twilio;
mod verdict;
mod vonage;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::callbacks::CallbackKeys;
use self::callbacks::Callbacks;
use self::clock::TwinClock;
use self::door::{Door, Front};
use self::faults::{Fate, FaultBoard};
use self::ledger::{Ledger, LedgerFile};
use self::sender_limits::SenderLimits;
use self::telnyx::TelnyxFace;
pub use self::telnyx::{TelnyxAccount, TelnyxLimits};
use self::twilio::TwilioFace;
pub use self::twilio::{TwilioAccount, TwilioLimits};
use self::verdict::Asked;
use self::vonage::VonageFace;
pub use self::vonage::{VonageApplication, VonageKey, VonageLimits};

/// Lines kept in memory unless told otherwise.
const DEFAULT_LEDGER_LIMIT: usize = 1_000_000;

/// What a twin is started with.
#[derive(Debug)]
pub struct TwinOptions {
    /// Where the control endpoints answer also while connections are refused. None: the address
    /// listened on, one port higher, or any free port if that one was left open too.
    pub control: Option<SocketAddr>,
    /// Each ledger line is appended to this file too.
    pub ledger_file: Option<PathBuf>,
    /// Lines kept in memory, at half a kilobyte or so each; past it send requests get 503.
    pub ledger_limit: usize,
    /// What the Twilio face allows.
    pub twilio: TwilioLimits,
    /// What the Telnyx face allows.
    pub telnyx: TelnyxLimits,
    /// What the Vonage face allows.
    pub vonage: VonageLimits,
    /// What status callbacks are signed with.
    pub callback_keys: CallbackKeys,
    /// How long after it failed a callback is first repeated, by the providers that repeat.
    pub callback_wait: Duration,
}

impl Default for TwinOptions {
    fn default() -> Self {
        Self {
            control: None,
            ledger_file: None,
            ledger_limit: DEFAULT_LEDGER_LIMIT,
            twilio: TwilioLimits::default(),
            telnyx: TelnyxLimits::default(),
            vonage: VonageLimits::default(),
            callback_keys: CallbackKeys::default(),
            callback_wait: callbacks::DEFAULT_FIRST_WAIT,
        }
    }
}

/// A twin at work. Dropping it stops nothing: call [`RunningTwin::stop`], or end the runtime.
#[derive(Debug)]
pub struct RunningTwin {
    twin: Arc<Twin>,
    control: Front,
    ledger_file: Option<LedgerFile>,
}

impl RunningTwin {
    /// Where the providers' faces answer, and the control endpoints beside them.
    pub fn addr(&self) -> SocketAddr {
        self.twin.addr
    }

    /// Where the control endpoints answer whatever the faults are.
    pub fn control_addr(&self) -> SocketAddr {
        self.twin.control_addr
    }

    /// Stops listening, cuts the requests being held and the callbacks, and writes the ledger file to its end.
    pub async fn stop(self) {
        self.twin.stopping.send_replace(true);
        self.twin.door.end().await;
        self.control.close().await;
        self.twin.ledger.close();
        if let Some(file) = self.ledger_file {
            file.finish().await;
        }
    }
}

/// What all faces and the control endpoints share.
#[derive(Debug)]
struct Twin {
    addr: SocketAddr,
    control_addr: SocketAddr,
    clock: TwinClock,
    door: Door,
    faults: FaultBoard,
    ledger: Arc<Ledger>,
    /// True once the twin is to stop: requests being held go without an answer.
    stopping: watch::Sender<bool>,
    twilio: TwilioFace,
    telnyx: TelnyxFace,
    vonage: VonageFace,
    callbacks: Arc<Callbacks>,
    sender_limits: SenderLimits,
}

impl Twin {
    /// Is a message that nothing else is wrong with within its sender's limit, if a fault sets one? Then it counts.
    fn is_within_limit(&self, fate: Fate, seed: u64, account: &str, asked: &Asked, now_us: u64) -> bool {
        let (Some(limit), Some(from)) = (&fate.sender_limit, &asked.from) else { return true };
        self.sender_limits.takes(limit, seed, (account, from), asked.segments, now_us)
    }
}

/// Starts a twin on `listen` (port 0: any free one).
///
/// Fails where an address cannot be listened on, the ledger file cannot be opened, or an option makes no
/// sense.
pub async fn start(listen: SocketAddr, options: TwinOptions) -> io::Result<RunningTwin> {
    let listener = TcpListener::bind(listen).await?;
    let control_wish = options.control.unwrap_or_else(|| control_beside(listen));
    let control_listener = TcpListener::bind(control_wish).await?;

    let clock = TwinClock::start();
    let mut ledger = Ledger::new(clock, options.ledger_limit);
    if options.ledger_file.is_some() {
        ledger.keep_for_file();
    }
    let shared_ledger = Arc::new(ledger);
    let ledger_file = match options.ledger_file {
        Some(path) => Some(LedgerFile::open(path, Arc::clone(&shared_ledger)).await?),
        None => None,
    };

    let (door, commands) = Door::new();
    let twin = Arc::new(Twin {
        addr: listener.local_addr()?,
        control_addr: control_listener.local_addr()?,
        clock,
        door,
        faults: FaultBoard::default(),
        ledger: shared_ledger,
        stopping: watch::Sender::new(false),
        twilio: TwilioFace::new(options.twilio),
        telnyx: TelnyxFace::new(options.telnyx),
        vonage: VonageFace::new(options.vonage)?,
        callbacks: Arc::new(Callbacks::new(clock, options.callback_keys, options.callback_wait)),
        sender_limits: SenderLimits::default(),
    });

    let everything = Router::new()
        .merge(twilio::routes())
        .merge(telnyx::routes())
        .merge(vonage::routes())
        .merge(control::routes())
        .fallback(control::nothing_here)
        .with_state(Arc::clone(&twin));
    let control_only =
        Router::new().merge(control::routes()).fallback(control::nothing_here).with_state(Arc::clone(&twin));
    tokio::spawn(callbacks::carry(Arc::clone(&twin.callbacks), twin.stopping.subscribe()));
    door::keep(listener, twin.addr, everything, commands);
    let control = Front::open(control_listener, control_only);
    Ok(RunningTwin { twin, control, ledger_file })
}

/// The next port, so that whoever publishes ports knows it beforehand.
fn control_beside(listen: SocketAddr) -> SocketAddr {
    let port = if listen.port() == 0 { 0 } else { listen.port().checked_add(1).unwrap_or(0) };
    SocketAddr::new(listen.ip(), port)
}
