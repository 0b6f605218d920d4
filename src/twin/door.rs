//! The port that the faces answer on, which can be closed and opened again while the twin runs.
//!
//! The task of [`keep`] owns the listener; everyone else asks it through [`Door`].

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Connection, CuttableListener};

/// More askers than this wait for their turn.
const COMMANDS_WAITING: usize = 16;

/// Asks the task that keeps the port.
#[derive(Debug)]
pub(super) struct Door {
    commands: mpsc::Sender<Command>,
}

/// Do it, then say so.
#[derive(Debug)]
pub(super) struct Command {
    wish: Wish,
    done: oneshot::Sender<io::Result<()>>,
}

#[derive(Debug, Clone, Copy)]
enum Wish {
    Open,
    Close,
    /// Close for good.
    End,
}

impl Door {
    /// The asking end, and the end for [`keep`].
    pub(super) fn new() -> (Self, mpsc::Receiver<Command>) {
        let (commands, waiting) = mpsc::channel(COMMANDS_WAITING);
        (Self { commands }, waiting)
    }

    /// Returns when it is so. Closed means: the socket that listens is gone, connections that wait
    /// for a request are closed, requests being answered end first. Opening fails where somebody
    /// else took the port meanwhile.
    pub(super) async fn set_open(&self, open: bool) -> io::Result<()> {
        self.ask(if open { Wish::Open } else { Wish::Close }).await
    }

    /// Returns when it is closed for good, and what was served is let go.
    pub(super) async fn end(&self) {
        // An error says that it has ended already.
        let _ = self.ask(Wish::End).await;
    }

    async fn ask(&self, wish: Wish) -> io::Result<()> {
        let (done, answer) = oneshot::channel();
        let gone = || io::Error::other("the twin has stopped");
        self.commands.send(Command { wish, done }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Serves `router` on `listener`, and does what is asked through the door, until it is to end.
pub(super) fn keep(
    listener: TcpListener,
    addr: SocketAddr,
    router: Router,
    mut commands: mpsc::Receiver<Command>,
) {
    tokio::spawn(async move {
        let mut front = Some(Front::open(listener, router.clone()));
        while let Some(Command { wish, done }) = commands.recv().await {
            let result = match wish {
                Wish::Open if front.is_none() => TcpListener::bind(addr)
                    .await
                    .map(|fresh| front = Some(Front::open(fresh, router.clone()))),
                Wish::Open => Ok(()),
                Wish::Close | Wish::End => {
                    if let Some(open) = front.take() {
                        open.close().await;
                    }
                    Ok(())
                }
            };
            // Whoever asked may have gone; the door stands as told all the same.
            let _ = done.send(result);
            if matches!(wish, Wish::End) {
                return;
            }
        }
    });
}

/// A router being served on one listener.
#[derive(Debug)]
pub(super) struct Front {
    close: oneshot::Sender<()>,
    closed: oneshot::Receiver<Infallible>,
}

impl Front {
    /// Starts serving.
    pub(super) fn open(listener: TcpListener, router: Router) -> Self {
        let (close, close_asked) = oneshot::channel();
        let (on_closed, closed) = oneshot::channel();
        let service = router.into_make_service_with_connect_info::<Connection>();
        let server = axum::serve(CuttableListener::new(listener, on_closed), service);
        tokio::spawn(async move {
            // Either way, asked or dropped, it is to close.
            let asked = async move { close_asked.await.unwrap_or(()) };
            if let Err(error) = server.with_graceful_shutdown(asked).await {
                tracing::error!(%error, "the twin stopped serving");
            }
        });
        Self { close, closed }
    }

    /// Returns when the socket that listened is closed.
    pub(super) async fn close(self) {
        // An end that is gone already is what both lines wait for.
        let _ = self.close.send(());
        let _ = self.closed.await;
    }
}
