//! A service and its provider, as real processes, for a test.
//!
//! The yard owns a directory of its own with everything the two write. Its service keeps its port
//! over restarts; whatever still runs is killed when the yard is dropped, and what it said is printed
//! if the test has failed.

mod api;
mod child;
mod setup;
mod twin;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

pub(crate) use self::api::{Api, KEY, Reply};
pub(crate) use self::child::Child;
pub(crate) use self::setup::{ACCOUNT_SIDS, SendingNumber, Setup};
pub(crate) use self::twin::{Line, Twin};

/// The built binary.
const BINARY: &str = env!("CARGO_BIN_EXE_sendyard");

/// Between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// For what takes a moment, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks until there is something to see, and fails if that takes longer than `limit`.
pub(crate) async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            sleep(LOOK_EVERY).await;
        }
    };
    let Ok(seen) = timeout(limit, looking).await else { panic!("not within {limit:?}: {what}") };
    seen
}

/// Microseconds since the epoch; processes of one machine share this clock.
pub(crate) fn now_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since_epoch.as_micros()).unwrap()
}

/// A port that nobody else is given for as long as the socket is there: bound and never listening.
pub(crate) fn kept_port() -> (SocketAddr, TcpSocket) {
    let port = TcpSocket::new_v4().unwrap();
    port.set_reuseaddr(true).unwrap();
    port.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    (port.local_addr().unwrap(), port)
}

/// The two processes and what they work in.
pub(crate) struct Yard {
    pub(crate) api: Api,
    pub(crate) twin: Twin,
    engine: Option<Child>,
    addr: SocketAddr,
    /// Also while the service is down.
    _port: TcpSocket,
    home: TempDir,
}

impl Yard {
    /// Starts both and waits until the service is ready.
    pub(crate) async fn start(setup: &Setup) -> Self {
        let mut yard = Self::build(setup).await;
        yard.start_engine().await;
        yard
    }

    /// Starts the provider only.
    pub(crate) async fn build(setup: &Setup) -> Self {
        // An error says that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let home = TempDir::new().unwrap();
        let (addr, port) = kept_port();
        let twin = Twin::start(BINARY, home.path()).await;
        setup.write(home.path(), addr, twin.addr());
        Self { api: Api::at(addr), twin, engine: None, addr, _port: port, home }
    }

    /// Where everything of this yard is written.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The service's data file.
    pub(crate) fn data_file(&self) -> PathBuf {
        self.home.path().join("data/sendyard.redb")
    }

    /// Where the service listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The command that starts the service.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new(BINARY);
        command.arg("serve").arg("--config").arg(self.home.path().join("sendyard.toml"));
        self.clean(&mut command);
        command
    }

    /// As [`Yard::serve`], after a few words of shell.
    pub(crate) fn serve_after(&self, shell: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        let script = format!(r#"{shell}; exec "$0" serve --config "$1""#);
        command.arg("-c").arg(script).arg(BINARY).arg(self.home.path().join("sendyard.toml"));
        self.clean(&mut command);
        command
    }

    /// Nothing of the environment of the tests reaches the service.
    fn clean(&self, command: &mut Command) {
        command.env_clear().env("RUST_LOG", "info").current_dir(self.home.path());
    }

    pub(crate) async fn start_engine(&mut self) {
        let command = self.serve();
        self.start_engine_as(command).await;
    }

    pub(crate) async fn start_engine_as(&mut self, mut command: Command) {
        assert!(self.engine.is_none(), "it runs already");
        let log = self.home.path().join("engine.log");
        let mut engine = Child::start("the service", &mut command, log);
        eventually("the service is ready", PATIENCE, async || {
            assert!(engine.is_running(), "the service ended before it was ready");
            self.api.is_ready().await.then_some(())
        })
        .await;
        self.engine = Some(engine);
    }

    /// Of the service.
    pub(crate) fn process_id(&self) -> u32 {
        self.engine.as_ref().expect("it runs").id()
    }

    /// SIGKILL; returns when the process is gone.
    pub(crate) fn kill(&mut self) {
        self.engine.take().expect("it runs").kill();
    }

    /// SIGTERM; the process goes on until it has finished.
    pub(crate) fn terminate(&self) {
        self.engine.as_ref().expect("it runs").terminate();
    }

    /// The signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        self.engine.as_ref().expect("it runs").signal(name);
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.engine.take().expect("it runs").ended(PATIENCE).await
    }

    /// Runs another subcommand to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(BINARY);
        self.clean(command.args(arguments));
        command.output().unwrap()
    }
}
