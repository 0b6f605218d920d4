//! A single process that is started again works at once if it was told to end, and after its old lease if
//! it was killed.

use std::time::Duration;

use tokio::time::Instant;

use super::Fleet;
use crate::process::yard::Setup;

const LEASE: Duration = Duration::from_secs(4);

/// For a start, on a busy machine.
const START: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_waits_for_no_more_than_the_lease() {
    let mut setup = Setup::of_numbers(1, &[]);
    setup.engine = vec![("lease", r#""4s""#)];
    let Some(mut fleet) = Fleet::start(1, &setup).await else { return };

    fleet.members[0].leave().await;
    let left_at = Instant::now();
    fleet.start_again(0);
    fleet.members[0].is_ready_within_patience().await;
    let after_leaving = left_at.elapsed();

    fleet.members[0].kill();
    let killed_at = Instant::now();
    fleet.start_again(0);
    fleet.members[0].not_ready_because("another process works on this store").await;
    fleet.members[0].is_ready_within_patience().await;
    let after_a_kill = killed_at.elapsed();

    println!("ready again {after_leaving:?} after it had ended, {after_a_kill:?} after it was killed");
    assert!(after_leaving < START, "{after_leaving:?}");
    assert!(after_a_kill < LEASE + START, "{after_a_kill:?}");
}
