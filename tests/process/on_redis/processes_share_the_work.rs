//! Three processes share the shards evenly, take messages in for all numbers, and each sends for its own.

use std::collections::HashSet;

use super::clients::{Clients, all_sent_or_unknown, check_once_and_in_order};
use super::{ENDED, Fleet};
use crate::process::yard::{PATIENCE, Setup, eventually};

const SOME: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_the_work() {
    let setup = Setup::of_numbers(24, &[]);
    let Some(mut fleet) = Fleet::start(3, &setup).await else { return };
    let numbers: Vec<String> = setup.numbers.iter().map(|number| number.number.clone()).collect();
    let clients = Clients::start(&fleet, &numbers);
    let sent = async |count| (clients.accepted() >= count).then_some(());
    eventually("some are sent", PATIENCE, async || sent(SOME).await).await;
    fleet.members[0].leave().await;
    fleet.shared_out().await;
    let before = clients.accepted();
    eventually("some more are sent", PATIENCE, async || sent(before + SOME).await).await;
    fleet.start_again(0);
    fleet.shared_out().await;
    let before = clients.accepted();
    eventually("some more are sent", PATIENCE, async || sent(before + SOME).await).await;

    let ids = clients.finished().await;
    let unknown = all_sent_or_unknown(&fleet.members[1].api, &ids).await;
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    check_once_and_in_order(&fleet.yard.twin.ledger().await);
    for place in 0..3 {
        let ended = fleet.members[place].gauge(ENDED).await.unwrap();
        assert!(ended > 0, "process {place} has sent nothing");
        println!("process {place} has sent {ended} of {}", ids.len());
    }
}
