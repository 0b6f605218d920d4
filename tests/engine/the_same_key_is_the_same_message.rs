use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::message::Kind;
use sendyard_actors::engine::{NotSent, SendRequest};

use super::yard::{Builder, Yard, number};

/// Twenty requests with one key at once: one message, one id for all, one first answer.
#[tokio::test(start_paused = true)]
async fn the_same_key_is_the_same_message() {
    let yard = Builder::default().start().await;
    for kind in [Kind::Queued, Kind::Immediate] {
        let mut request = Yard::request("+15551110001", "hello", kind);
        request.key = Some(format!("{kind:?}"));
        let all = futures::future::join_all((0..20).map(|_| yard.engine.send(request.clone()))).await;
        let all: Vec<_> = all.into_iter().map(|answer| answer.expect("accepted")).collect();
        assert!(all.iter().all(|sent| sent.id == all[0].id));
        assert_eq!(all.iter().filter(|sent| !sent.replayed).count(), 1, "{kind:?}");

        let mut other = Yard::request("+15551110001", "another text", kind);
        other.key = Some(format!("{kind:?}"));
        assert_eq!(yard.engine.send(other).await, Err(NotSent::OtherRequest));
    }
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(yard.seen().len(), 2);
}

/// A request that would be refused anyway is not given the answer of another.
#[tokio::test(start_paused = true)]
async fn a_used_key_does_not_answer_for_a_number_that_nobody_has() {
    let yard = Builder::default().start().await;
    let mut first = Yard::request("+15551110001", "hello", Kind::Queued);
    first.key = Some("used".to_owned());
    yard.engine.send(first.clone()).await.expect("accepted");

    let from = number("+15559999999");
    let fingerprint = Fingerprint::of(from, first.to, &first.text, &[], true);
    let other = SendRequest { from, fingerprint, ..first };
    assert_eq!(yard.engine.send(other).await, Err(NotSent::OtherRequest));
}
