//! Looks now and then how much room the disk of the embedded store has.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::statvfs;
use sendyard_actors::telemetry;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::DiskRoom;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks until it is dropped.
pub(super) struct Watch(JoinHandle<()>);

impl Watch {
    pub(super) fn start(directory: PathBuf, room: Arc<DiskRoom>) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let looked_at = directory.clone();
                // A file system may take its time.
                let free = tokio::task::spawn_blocking(move || free(&looked_at)).await;
                if let Ok(Some(free)) = free {
                    room.saw(free);
                    telemetry::disk_free(free);
                }
            }
        }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Bytes that we may use. `None` where the file system does not say.
fn free(directory: &Path) -> Option<u64> {
    let disk = statvfs(directory).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_says_how_much_room_it_has() {
        assert!(free(Path::new("/")).is_some());
        assert_eq!(free(Path::new("/no/such/directory")), None);
    }
}
