//! A listening address and what serves it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::StartError;

/// How long the head of a request may take. It is also how long a connection may be idle, and so
/// above the 60 s for which load balancers reuse one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// An address that is ours and not served yet: who connects waits.
pub(super) struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
}

impl Listener {
    pub(super) async fn bind(address: SocketAddr) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let addr = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, addr })
    }
}

/// Serves a router until it is closed.
pub(super) struct Server {
    addr: SocketAddr,
    handle: Handle<SocketAddr>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(listener: Listener, router: Router) -> Self {
        let Listener { socket, addr } = listener;
        let handle = Handle::new();
        let mut server = axum_server::Server::<SocketAddr>::from_listener(socket)
            .acceptor(NoDelayAcceptor::new())
            .handle(handle.clone())
            .http1_only();
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let task = tokio::spawn(async move {
            if let Err(error) = server.serve(router.into_make_service()).await {
                tracing::error!(%addr, %error, "stopped serving");
            }
        });
        Self { addr, handle, task }
    }

    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Refuses new connections and closes idle ones at once; requests may finish within `grace`.
    pub(super) fn close(&self, grace: Duration) {
        self.handle.graceful_shutdown(Some(grace));
    }

    /// Waits until the last connection is closed, or the grace is over.
    pub(super) async fn ended(self) {
        // Its only error is a panic of the accept loop, after which there is nothing to wait for.
        let _ = self.task.await;
    }
}
