//! An immediate message is taken in by any process and sent by the one that has its number; the answer says
//! what came of it.

use super::{ENDED, Fleet};
use crate::process::yard::Setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn immediate_messages_are_sent_by_any_process() {
    let setup = Setup::of_numbers(8, &[]);
    let Some(fleet) = Fleet::start(2, &setup).await else { return };
    let mut sent = 0;
    for number in &setup.numbers {
        for (place, member) in fleet.members.iter().enumerate() {
            let to = format!("+1555000{sent:04}");
            let reply = member.api.send(&number.number, &to, "now", false, None).await.expect("an answer");
            assert_eq!(reply.status, 200, "through process {place}: {:?}", reply.body);
            assert_eq!(reply.body["status"], "sent");
            sent += 1;
        }
    }
    assert_eq!(fleet.yard.twin.ledger().await.len(), sent);
    // Each has sent for its own numbers: what the other took in went through their owner.
    let mut ended = 0;
    for member in &fleet.members {
        ended += member.gauge(ENDED).await.unwrap();
    }
    assert_eq!(ended, sent);
}
