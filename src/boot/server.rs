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
    pub(super) async fn bind(key: &'static str, address: SocketAddr) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { key, address, source };
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    /// Longer than any test runs: what waits for it hangs.
    const NEVER: Duration = Duration::from_hours(1);
    const PATIENCE: Duration = Duration::from_secs(10);

    async fn serve(router: Router) -> Server {
        let listener = Listener::bind("test", SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Server::start(listener, router)
    }

    async fn ask(server: &Server, path: &str) -> TcpStream {
        let mut connection = TcpStream::connect(server.addr()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        connection
    }

    async fn read_to_end(mut connection: TcpStream) -> String {
        let mut answer = String::new();
        timeout(PATIENCE, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
        answer
    }

    #[tokio::test]
    async fn a_closed_server_takes_nothing_new_and_finishes_what_it_has() {
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (entered, release) = (entered.clone(), release.clone());
            move || async move {
                entered.notify_one();
                release.notified().await;
                "finished"
            }
        };
        let server = serve(Router::new().route("/slow", get(handler))).await;
        let in_flight = ask(&server, "/slow").await;
        entered.notified().await;

        server.close(NEVER);
        let refused = async { while TcpStream::connect(server.addr()).await.is_ok() {} };
        timeout(PATIENCE, refused).await.expect("new connections are refused");
        release.notify_one();
        let answer = read_to_end(in_flight).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");
        timeout(PATIENCE, server.ended()).await.expect("nothing is left to wait for");
    }

    #[tokio::test]
    async fn a_closed_server_does_not_wait_for_idle_connections() {
        let server = serve(Router::new().route("/quick", get(|| async { "quick" }))).await;
        let mut idle = ask(&server, "/quick").await;
        let mut first = [0; 12];
        timeout(PATIENCE, idle.read_exact(&mut first)).await.unwrap().unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");

        server.close(NEVER);
        timeout(PATIENCE, server.ended()).await.expect("an idle connection is closed");
        assert!(read_to_end(idle).await.ends_with("quick"));
    }

    #[tokio::test]
    async fn a_server_waits_for_requests_no_longer_than_its_grace() {
        let entered = Arc::new(Notify::new());
        let handler = {
            let entered = entered.clone();
            move || async move {
                entered.notify_one();
                std::future::pending::<()>().await;
            }
        };
        let server = serve(Router::new().route("/stuck", get(handler))).await;
        let _in_flight = ask(&server, "/stuck").await;
        entered.notified().await;
        server.close(Duration::ZERO);
        timeout(PATIENCE, server.ended()).await.expect("the grace is over");
    }
}
