//! SIGTERM lets what is at the provider finish, takes nothing new in, and ends with 0.

use serde_json::json;

use super::yard::{PATIENCE, Setup, Yard, eventually};

const EACH: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_what_is_in_flight() {
    // No limits, so that everything is at the provider at one time.
    let setup = Setup::of_numbers(2, &[]);
    let mut yard = Yard::start(&setup).await;
    yard.twin.set_faults(&json!({ "rules": [{ "latency_ms": 2000 }] })).await;

    let (queued_from, now_from) = (setup.numbers[0].number.clone(), setup.numbers[1].number.clone());
    let mut queued = Vec::new();
    for index in 0..EACH {
        let to = format!("+1555020{index:04}");
        let reply = yard.api.send(&queued_from, &to, "queued", true, None).await.unwrap();
        queued.push(reply.message_id().expect("accepted"));
    }
    let immediate: Vec<_> = (0..EACH)
        .map(|index| {
            let (api, from) = (yard.api.clone(), now_from.clone());
            tokio::spawn(
                async move { api.send(&from, &format!("+1555030{index:04}"), "now", false, None).await },
            )
        })
        .collect();
    eventually("all are at the provider", PATIENCE, async || {
        (yard.twin.count().await >= 2 * EACH as u64).then_some(())
    })
    .await;
    let still_open = yard.twin.ledger().await.iter().filter(|line| !line.answered).count();
    assert!(still_open > 0, "the provider has answered already: nothing was in flight");

    yard.terminate();
    eventually("it takes nothing more", PATIENCE, async || (!yard.api.is_ready().await).then_some(())).await;
    let late = yard.api.send(&queued_from, "+15550409999", "late", true, None).await;
    assert!(late.as_ref().map_or(true, |reply| reply.status == 503), "{late:?}");

    for task in immediate {
        let reply = task.await.unwrap().expect("an answer in spite of the signal");
        assert_eq!((reply.status, reply.body["status"].as_str()), (200, Some("sent")), "{reply:?}");
        queued.push(reply.message_id().unwrap());
    }
    assert_eq!(yard.ended().await.code(), Some(0));

    let ledger = yard.twin.ledger().await;
    assert_eq!(ledger.len(), 2 * EACH);
    assert!(ledger.iter().all(|line| line.accepted && line.answered), "an answer was not waited for");
    yard.start_engine().await;
    for id in queued {
        assert_eq!(yard.api.status(&id).await.body["status"], "sent", "{id}");
    }
    // Nothing was handed over again.
    assert_eq!(yard.twin.count().await, 2 * EACH as u64);
}
