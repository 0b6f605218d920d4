//! The word that each process with a store of its own leaves of its time: `sendyard.clock`, beside the store's files.
//!
//! Written anew once a second, whole, under another name first; read once, at a start. It is for the next start to
//! see whether the wall clock jumped forward while nothing ran (`clock/jumps.rs`). It is not synced: what a killed
//! process has written is there, and after a power cut the machine boots, which is known by itself. Where there is
//! none, or where the machine does not count its time, the wall clock is believed. The store is locked before the
//! first one is written, so there is one writer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::Clock;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::{Beat, Jumps};

const FILE_NAME: &str = "sendyard.clock";

/// The file is renamed from this.
const FRESH_NAME: &str = "sendyard.clock.new";

/// What is handed over behind the last word is known to be from before the next start all the same.
const EVERY: Duration = Duration::from_secs(1);

/// Of the file's form.
const VERSION: u8 = 1;

/// The file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Word {
    version: u8,
    last: Beat,
    jumps: Jumps,
}

/// The jumps that are known at this start, in the directory of the store.
pub(super) fn read(directory: &Path, now: Time) -> Jumps {
    let Some(start) = beat(now) else { return Jumps::default() };
    let path = directory.join(FILE_NAME);
    let word = match fs::read(&path) {
        Ok(bytes) => understood(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Jumps::default(),
        Err(error) => Err(error.to_string()),
    };
    match word {
        Ok(word) => noted(word, &start),
        Err(why) => {
            tracing::warn!(path = %path.display(), why, "cannot read when the last process ended; the wall clock is believed");
            Jumps::default()
        }
    }
}

fn understood(bytes: &[u8]) -> Result<Word, String> {
    let word: Word = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if word.version == VERSION { Ok(word) } else { Err(format!("its version is {}", word.version)) }
}

fn noted(word: Word, start: &Beat) -> Jumps {
    let Word { last, mut jumps, .. } = word;
    if let Some(by) = jumps.note(&last, start).filter(|by| *by >= EVERY) {
        let is_same_boot = last.boot == start.boot;
        tracing::info!(
            ?by,
            is_same_boot,
            "the clock may have jumped forward while nothing ran: what was handed over before counts as younger"
        );
    }
    jumps
}

/// Leaves word until it is dropped.
pub(super) struct Keeper(JoinHandle<()>);

impl Keeper {
    /// From now on.
    pub(super) fn start(directory: PathBuf, clock: Arc<dyn Clock>, jumps: Jumps) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut failed = false;
            loop {
                ticks.tick().await;
                let Some(last) = beat(clock.now()) else { return };
                let word = Word { version: VERSION, last, jumps: jumps.clone() };
                let into = directory.clone();
                // A file system may take its time.
                let written = tokio::task::spawn_blocking(move || write(&into, &word)).await;
                let Ok(Err(error)) = written else {
                    failed = false;
                    continue;
                };
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(%error, "cannot leave word of the time; a jump of the clock may go unnoticed");
                }
            }
        }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn write(directory: &Path, word: &Word) -> io::Result<()> {
    let fresh = directory.join(FRESH_NAME);
    fs::write(&fresh, serde_json::to_vec(word)?)?;
    fs::rename(fresh, directory.join(FILE_NAME))
}

/// What shows now; `None` where the machine does not say.
#[cfg(target_os = "linux")]
fn beat(at: Time) -> Option<Beat> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let up = Duration::new(u64::try_from(up.tv_sec).ok()?, u32::try_from(up.tv_nsec).ok()?);
    Some(Beat { boot: boot.trim().to_owned(), up, at })
}

#[cfg(not(target_os = "linux"))]
const fn beat(_at: Time) -> Option<Beat> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Time = Time::from_millis(1_800_000_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    fn word(boot: &str) -> Word {
        let last = Beat { boot: boot.to_owned(), up: Duration::from_millis(90_500), at: AT };
        Word { version: VERSION, last, jumps: Jumps::default() }
    }

    #[test]
    fn its_form_stays_readable() {
        let golden = r#"{"version":1,"last":{"boot":"a","up":{"secs":90,"nanos":500000000},"at":1800000000000000000},"jumps":[{"from":0,"to":1800000003600000000,"by":{"secs":3600,"nanos":0}}]}"#;
        let read = understood(golden.as_bytes()).unwrap();
        assert_eq!((read.version, &read.last), (1, &word("a").last));
        assert_eq!(read.jumps.of_before(AT - HOUR), AT);
        assert_eq!(serde_json::to_string(&read).unwrap(), golden);
        let newer = golden.replace("\"version\":1", "\"version\":2");
        assert_eq!(understood(newer.as_bytes()).unwrap_err(), "its version is 2");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_next_start_notices_a_jump_and_remembers_it() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path(), AT), Jumps::default(), "nobody left word");
        let last = beat(AT).unwrap();
        write(directory.path(), &Word { version: VERSION, last, jumps: Jumps::default() }).unwrap();
        // Next to nothing has passed, and the clock shows an hour more.
        let jumps = read(directory.path(), AT + HOUR);
        assert!(jumps.of_before(AT) > AT + HOUR - Duration::from_mins(10), "{jumps:?}");
        let last = beat(AT + HOUR).unwrap();
        write(directory.path(), &Word { version: VERSION, last, jumps: jumps.clone() }).unwrap();
        let again = read(directory.path(), AT + HOUR);
        assert_eq!(again.of_before(AT), jumps.of_before(AT), "also at the start after that");
    }

    #[test]
    fn what_cannot_be_read_stops_no_start() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE_NAME), "{").unwrap();
        assert_eq!(read(directory.path(), AT), Jumps::default());
    }

    #[tokio::test]
    async fn word_is_left_as_soon_as_it_runs() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(crate::clock::SystemClock::start());
        let _keeper = Keeper::start(directory.path().to_owned(), clock, Jumps::default());
        while beat(AT).is_some() && !directory.path().join(FILE_NAME).exists() {
            tokio::task::yield_now().await;
        }
    }
}
