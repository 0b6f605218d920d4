//! Messages taken in together are promised what each is promised alone.

use std::collections::HashSet;
use std::time::Duration;

use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::time::Time;
use sendyard_actors::engine::{NotSent, SendRequest, Sent};
use sendyard_actors::ports::StoreError;
use sendyard_actors::settings::Settings;

use super::faulty::Fault;
use super::yard::{Builder, FROM, Line, Yard, number};

const TO: &str = "+15551110001";

fn requests(texts: &[&str]) -> Vec<SendRequest> {
    texts.iter().map(|text| Yard::request(TO, text, Kind::Queued)).collect()
}

fn keyed(text: &str, key: &str) -> SendRequest {
    SendRequest { key: Some(key.to_owned()), ..Yard::request(TO, text, Kind::Queued) }
}

async fn send(yard: &Yard, requests: Vec<SendRequest>) -> Vec<Result<Sent, NotSent>> {
    yard.engine.send_all(requests, Time::MAX).await
}

fn position(answer: &Result<Sent, NotSent>) -> u64 {
    answer.as_ref().unwrap().queued.unwrap().position
}

#[tokio::test(start_paused = true)]
async fn they_are_stored_and_handed_over_in_their_order_also_over_several_steps() {
    let yard = Builder::default().start().await;
    let texts: Vec<String> = (0..2500).map(|index| format!("{index:04}")).collect();
    let answers = send(&yard, requests(&texts.iter().map(String::as_str).collect::<Vec<_>>())).await;
    for answer in &answers {
        yard.until(answer.as_ref().unwrap().id, State::Sent).await;
    }
    let seen: Vec<String> = yard.seen().into_iter().map(|seen| seen.text).collect();
    assert_eq!(seen, texts);
}

#[tokio::test(start_paused = true)]
async fn each_is_told_its_place_and_its_instant() {
    let yard = Builder { limits: vec!["1/s"], ..Builder::default() }.start().await;
    yard.queue(TO, "before").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answers = send(&yard, requests(&["1", "2", "3"])).await;
    assert_eq!(answers.iter().map(position).collect::<Vec<_>>(), [1, 2, 3]);
    for answer in answers {
        let sent = answer.unwrap();
        let told = sent.queued.unwrap().estimate;
        let went = yard.until(sent.id, State::Sent).await.last_attempt().unwrap().written_at.unwrap();
        let apart = told.since(went).max(went.since(told));
        assert!(apart < Duration::from_millis(20), "told {told:?}, went {went:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_queue_is_exact_and_what_finds_no_room_gives_its_key_back() {
    let settings = Settings { queue_limit: 3, ..Settings::default() };
    let script = vec![Line::Accept(Duration::from_hours(1))];
    let yard = Builder { limits: vec!["1/h"], settings, script, ..Builder::default() }.start().await;
    let all = (0..5).map(|n| keyed(&format!("{n}"), &format!("k{n}"))).collect();
    let answers = send(&yard, all).await;
    assert!(answers[..3].iter().all(Result::is_ok), "{answers:?}");
    assert!(answers[3..].iter().all(|answer| matches!(answer, Err(NotSent::QueueFull(_)))), "{answers:?}");
    // Under the same key another request is a fresh one.
    let other = yard.engine.send(keyed("another text", "k4")).await;
    assert_ne!(other, Err(NotSent::OtherRequest));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_one_message_also_within_a_batch_and_over_batches() {
    let yard = Builder::default().start().await;
    let batch = || vec![keyed("one", "a"), keyed("two", "b"), keyed("one", "a"), keyed("other", "b")];
    let first = send(&yard, batch()).await;
    let again = send(&yard, batch()).await;
    let alone = yard.engine.send(keyed("one", "a")).await.unwrap();
    let id = |answers: &[Result<Sent, NotSent>], at: usize| answers[at].as_ref().unwrap().id;
    assert_eq!([id(&first, 2), id(&again, 0), id(&again, 2), alone.id], [id(&first, 0); 4]);
    assert_eq!(id(&again, 1), id(&first, 1));
    assert_eq!([&first[3], &again[3]], [&Err(NotSent::OtherRequest); 2]);
    let replayed = |answers: &[Result<Sent, NotSent>]| -> Vec<bool> {
        answers[..3].iter().map(|answer| answer.as_ref().unwrap().replayed).collect()
    };
    assert_eq!(replayed(&first), [false, false, true]);
    assert_eq!(replayed(&again), [true; 3]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(yard.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_spoils_no_other_and_an_accepted_one_is_answered_again() {
    let more_numbers = vec!["+15550100001".to_owned()];
    let yard = Builder { more_numbers, ..Builder::default() }.start().await;
    let nobodys = SendRequest { from: number("+15559999999"), ..keyed("x", "never") };
    let others = SendRequest { from: number("+15550100001"), ..keyed("y", "y") };
    let answers = send(&yard, vec![keyed("a", "a"), nobodys, others, keyed("b", "b")]).await;
    assert_eq!(answers[1], Err(NotSent::NoAssistant));
    for at in [0, 2, 3] {
        assert!(answers[at].is_ok(), "{answers:?}");
        yard.until(answers[at].as_ref().unwrap().id, State::Sent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_answer_is_lost_stores_each_once_and_says_so() {
    let yard = Builder::default().start().await;
    yard.faults().push("append_all", Fault::LoseAnswer);
    yard.faults().push("reserve_keys", Fault::LoseAnswer);
    let answers =
        send(&yard, vec![keyed("1", "a"), keyed("2", "b"), Yard::request(TO, "3", Kind::Queued)]).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|sent| !sent.replayed)), "{answers:?}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let seen: Vec<String> = yard.seen().into_iter().map(|seen| seen.text).collect();
    assert_eq!(seen, ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_stored_is_not_said_to_be_refused() {
    let yard = Builder::default().start().await;
    yard.faults().push("append_all", Fault::LoseAnswer);
    yard.faults().push("append_all", Fault::Refuse(StoreError::Unavailable("disk".into())));
    for _ in 0..2 {
        yard.faults().push("append", Fault::Refuse(StoreError::Unavailable("disk".into())));
    }
    let answers = send(&yard, vec![keyed("1", "a"), keyed("2", "b")]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(NotSent::OutcomeUnknown(_)))), "{answers:?}");
    // Its key was not given back: it finds what was stored.
    assert!(yard.engine.send(keyed("1", "a")).await.unwrap().replayed);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(yard.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_spoils_no_other() {
    let yard = Builder::default().start().await;
    yard.faults().push("append_all", Fault::Refuse(StoreError::Corrupt("a record".into())));
    let answers = send(&yard, requests(&["1", "2"])).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_store_refuses_gives_its_keys_back_and_is_not_stored() {
    let yard = Builder::default().start().await;
    yard.faults().push("append_all", Fault::Refuse(StoreError::Unavailable("disk".into())));
    let answers = send(&yard, vec![keyed("1", "a"), keyed("2", "b")]).await;
    assert_eq!(answers, vec![Err(NotSent::StoreUnavailable); 2]);
    assert!(yard.engine.send(keyed("another text", "a")).await.is_ok(), "the key is free again");
}

#[tokio::test(start_paused = true)]
async fn messages_of_several_senders_are_one_step_and_asked_for_alone_each_in_its_order() {
    let others = ["+15550100007", "+15550100008"];
    let more_numbers = others.iter().map(|other| (*other).to_owned()).collect();
    let yard = Builder { more_numbers, ..Builder::default() }.start().await;
    let froms: Vec<&str> = [FROM].into_iter().chain(others).collect();
    let all = || -> Vec<SendRequest> {
        let from = |place: usize| number(froms[place % froms.len()]);
        (0..12)
            .map(|place| SendRequest {
                from: from(place),
                ..Yard::request(TO, &format!("{place:02}"), Kind::Queued)
            })
            .collect()
    };
    yard.faults().push("append_all", Fault::Refuse(StoreError::Unavailable("disk".into())));
    assert_eq!(
        send(&yard, all()).await,
        vec![Err(NotSent::StoreUnavailable); 12],
        "all of them are one step"
    );

    yard.faults().push("append_all", Fault::Refuse(StoreError::Corrupt("a record".into())));
    let answers = send(&yard, all()).await;
    let places: Vec<u64> = answers.iter().map(position).collect();
    assert_eq!(places, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    tokio::time::sleep(Duration::from_mins(1)).await;
    for from in froms {
        let seen = yard.seen();
        let texts: Vec<&str> =
            seen.iter().filter(|seen| seen.from == number(from)).map(|seen| seen.text.as_str()).collect();
        assert!(texts.len() == 4 && texts.is_sorted(), "{texts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_fails_in_between_loses_none_and_stores_none_twice() {
    let yard = Builder::default().start().await;
    yard.queue(TO, "first").await;
    yard.faults().push("append_all", Fault::Before(Duration::from_millis(50)));
    let engine = yard.engine.clone();
    let sending = tokio::spawn(async move { engine.send_all(requests(&["1", "2", "3"]), Time::MAX).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    yard.engine.make_sender_panic(number(FROM));
    let answers = sending.await.unwrap();
    for answer in answers {
        yard.until(answer.unwrap().id, State::Sent).await;
    }
    let different: HashSet<String> = yard.seen().into_iter().map(|seen| seen.text).collect();
    assert_eq!((different.len(), yard.seen().len()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_leaves_a_sender_that_can_rest() {
    let yard = Builder { limits: vec!["1/s"], ..Builder::default() }.start().await;
    yard.faults().push("append_all", Fault::Before(Duration::from_millis(50)));
    let sending = yard.engine.send_all(requests(&["1", "2"]), Time::MAX);
    assert!(tokio::time::timeout(Duration::from_millis(10), sending).await.is_err());
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(yard.seen().len(), 2, "what was begun goes on");
    assert_eq!(yard.engine.senders_running(), 0, "it waits for the end of what has ended");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_begun_in_time_is_busy_and_leaves_no_key() {
    let yard = Builder::default().start().await;
    let answers = yard.engine.send_all(vec![keyed("1", "a")], yard.now()).await;
    assert!(matches!(answers.as_slice(), [Err(NotSent::Busy(_))]), "{answers:?}");
    assert!(yard.engine.send(keyed("another text", "a")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_ticket_a_part_is_busy_and_nothing_of_it_is_stored() {
    let settings = Settings { requests_in_flight: 1, ..Settings::default() };
    let yard = Builder { settings, ..Builder::default() }.start().await;
    yard.faults().push("append", Fault::Before(Duration::from_secs(1)));
    let engine = yard.engine.clone();
    let inside = tokio::spawn(async move { engine.send(Yard::request(TO, "inside", Kind::Queued)).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let answers = send(&yard, requests(&["1", "2"])).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(NotSent::Busy(_)))), "{answers:?}");
    inside.await.unwrap().unwrap();
    assert!(send(&yard, requests(&["1", "2"])).await.iter().all(Result::is_ok), "it came back");
}

#[tokio::test(start_paused = true)]
async fn a_sender_does_not_rest_while_its_messages_are_being_stored() {
    let settings = Settings { idle_after: Duration::from_secs(1), ..Settings::default() };
    let yard = Builder { settings, ..Builder::default() }.start().await;
    yard.faults().push("append_all", Fault::Before(Duration::from_secs(5)));
    let engine = yard.engine.clone();
    let sending = tokio::spawn(async move { engine.send_all(requests(&["1"]), Time::MAX).await });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(yard.engine.senders_running(), 1);
    assert!(sending.await.unwrap()[0].is_ok());
}
