//! A single process that is started again takes messages in at once, and sends at once if it was told to end,
//! after its old leases if it was killed.

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
    fleet.shared_out().await;
    let after_leaving = left_at.elapsed();

    fleet.members[0].kill();
    let killed_at = Instant::now();
    fleet.start_again(0);
    fleet.members[0].is_ready_within_patience().await;
    let ready_again = killed_at.elapsed();
    let from = &setup.numbers[0].number;
    let reply = fleet.members[0].api.send(from, "+15560000001", "hello", true, None).await.unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    fleet.shared_out().await;
    let after_a_kill = killed_at.elapsed();

    println!(
        "works again {after_leaving:?} after it had ended, {after_a_kill:?} after it was killed, and took messages \
         in {ready_again:?} after that"
    );
    assert!(after_leaving < START, "{after_leaving:?}");
    assert!(ready_again < START, "{ready_again:?}");
    assert!(after_a_kill < LEASE + START, "{after_a_kill:?}");
}
