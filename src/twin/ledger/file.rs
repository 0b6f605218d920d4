//! The task that carries ledger lines to their file, off the way of the requests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Ledger;

/// Half of what is promised (200 ms), so that a slow write keeps the promise too.
const EVERY: Duration = Duration::from_millis(100);

/// A file being appended to.
#[derive(Debug)]
pub(in crate::twin) struct LedgerFile {
    finish: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl LedgerFile {
    /// Opens the file, creating it where it is missing, and starts carrying.
    pub(in crate::twin) async fn open(path: PathBuf, ledger: Arc<Ledger>) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(&path).await.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open the ledger file {}: {error}", path.display()))
        })?;
        let (finish, finish_asked) = oneshot::channel();
        let task = tokio::spawn(carry(file, path, ledger, finish_asked));
        Ok(Self { finish, task })
    }

    /// Carries what is left, then closes the file.
    pub(in crate::twin) async fn finish(self) {
        // A task that has ended already said why when it did.
        let _ = self.finish.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the ledger file was not written to its end");
        }
    }
}

async fn carry(mut file: File, path: PathBuf, ledger: Arc<Ledger>, mut finish: oneshot::Receiver<()>) {
    loop {
        let last = tokio::select! {
            () = tokio::time::sleep(EVERY) => false,
            _ = &mut finish => true,
        };
        let lines = ledger.take_for_file();
        if let Err(error) = append(&mut file, &lines).await {
            broke(&ledger, &path, &error);
            return;
        }
        if last {
            return;
        }
    }
}

async fn append(file: &mut File, lines: &[u8]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    file.write_all(lines).await?;
    file.flush().await
}

fn broke(ledger: &Ledger, path: &Path, error: &io::Error) {
    let reason = format!("{}: {error}", path.display());
    tracing::error!(reason, "the twin's ledger file can no longer be written");
    ledger.file_broke(reason);
}
