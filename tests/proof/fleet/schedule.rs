//! What is done to the processes and to the server, and when.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::{MESSAGES, PROCESSES};

/// Some of them meet no attempt at a provider; at least five must.
const KILLS: usize = 10;
pub(super) const STOPS: usize = 4;
const KILLS_OF_REDIS: usize = 2;

/// The providers surely see this share of the messages, whatever is cancelled or lost.
const SURELY_HANDED_OVER: f64 = 0.75;

/// One fault.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// SIGKILL, and a start after this time.
    Kill { process: usize, away: Duration },
    /// SIGSTOP, and SIGCONT after this time: within its leases, or long after them.
    Stop { process: usize, lasting: Duration },
    /// SIGKILL of the Redis server, and a start after this time.
    KillRedis { away: Duration },
}

/// When it is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// At so many requests seen by the providers.
    pub(super) handed_over: u64,
    pub(super) fault: Fault,
}

/// All of a run, in their order.
pub(super) fn from(random: &mut StdRng) -> Vec<Planned> {
    let mut faults = Vec::new();
    for _ in 0..KILLS {
        faults.push(Fault::Kill { process: process(random), away: millis(random, 0, 1500) });
    }
    for _ in 0..STOPS {
        faults.push(Fault::Stop { process: process(random), lasting: millis(random, 300, 3000) });
    }
    for _ in 0..KILLS_OF_REDIS {
        faults.push(Fault::KillRedis { away: millis(random, 100, 1000) });
    }
    faults.shuffle(random);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let share = (MESSAGES as f64 * SURELY_HANDED_OVER / faults.len() as f64) as u64;
    let at = |(place, fault)| Planned {
        handed_over: place as u64 * share + random.random_range(share / 4..share),
        fault,
    };
    faults.into_iter().enumerate().map(at).collect()
}

fn process(random: &mut StdRng) -> usize {
    random.random_range(0..PROCESSES)
}

fn millis(random: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.random_range(from..to))
}
