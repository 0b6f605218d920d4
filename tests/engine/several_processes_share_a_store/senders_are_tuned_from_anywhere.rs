use std::sync::Arc;

use sendyard_actors::domain::tuning::{Part, Pause, Retune};
use sendyard_actors::sender::Waits;

use super::messages_move_with_their_shards::two;
use super::*;
use crate::engine::faulty::Faults;
use crate::engine::yard::ORGANIZATION;

fn paced() -> Builder {
    let script = vec![Line::Accept(Duration::from_millis(20))];
    Builder { script, limits: vec!["10/s"], ..Builder::default() }
}

fn limited_to(limit: &str) -> Retune {
    Retune { limits: Part::Set(vec![limit.to_owned()]), ..Retune::default() }
}

async fn tune(engine: &Engine, from: &str, change: &Retune) {
    engine.tune(ORGANIZATION, number(from), change).await.unwrap().expect("it is ours");
}

async fn fill(engine: &Engine, from: &str, messages: usize) {
    for index in 0..messages {
        queue(engine, from, &format!("+155511{index:05}"), "x").await;
    }
}

/// How many go in this time.
async fn go_in(yard: &Yard, time: Duration) -> usize {
    let before = yard.seen().len();
    tokio::time::sleep(time).await;
    yard.seen().len() - before
}

#[tokio::test(start_paused = true)]
async fn a_change_on_one_process_holds_at_once_where_the_number_is_sent_from() {
    let (yard, second) = two(paced(), &Arc::default()).await;
    let from = number_of(&yard.engine);
    fill(&yard.engine, &from, 200).await;
    assert!(go_in(&yard, 2 * SECOND).await >= 18);

    let pause = Retune { pause: Part::Set(Pause { since: yard.now(), until: None }), ..Retune::default() };
    tune(&second.engine, &from, &pause).await;
    // What was claimed may go.
    tokio::time::sleep(20 * MOMENT).await;
    assert_eq!(go_in(&yard, 10 * SECOND).await, 0, "paused from the other process");

    tune(&second.engine, &from, &limited_to("2/s")).await;
    tune(&second.engine, &from, &Retune { pause: Part::Usual, ..Retune::default() }).await;
    let resumed = go_in(&yard, 10 * SECOND).await;
    assert!((19..=20).contains(&resumed), "{resumed} in 10 s at 2/s");
    assert_eq!(second.engine.senders_running(), 0, "it is sent from elsewhere");
    let view = second.engine.sender(ORGANIZATION, number(&from)).await.unwrap().expect("it is ours");
    assert_eq!(view.limits.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2/s"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_note_of_a_change_is_made_up_for_within_a_second() {
    let faults = Arc::<Faults>::default();
    let (yard, second) = two(paced(), &faults).await;
    let from = number_of(&yard.engine);
    fill(&yard.engine, &from, 100).await;
    assert!(go_in(&yard, 2 * SECOND).await >= 18);
    faults.refuse_all("tell");
    let pause = Retune { pause: Part::Set(Pause { since: yard.now(), until: None }), ..Retune::default() };
    tune(&second.engine, &from, &pause).await;
    tokio::time::sleep(SECOND + 20 * MOMENT).await;
    assert_eq!(go_in(&yard, 10 * SECOND).await, 0);
}

#[tokio::test(start_paused = true)]
async fn changes_on_two_processes_at_once_are_both_made() {
    let (yard, second) = two(paced(), &Arc::default()).await;
    let from = number_of(&yard.engine);
    let pause = Retune { pause: Part::Set(Pause { since: yard.now(), until: None }), ..Retune::default() };
    let limits = limited_to("2/s");
    tokio::join!(tune(&yard.engine, &from, &pause), tune(&second.engine, &from, &limits));
    let view = yard.engine.sender(ORGANIZATION, number(&from)).await.unwrap().expect("it is ours");
    assert_eq!(view.tuning.generation, 2);
    assert!(view.pause.is_some() && view.tuning.limits.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_takes_a_number_over_goes_by_what_was_set_of_it() {
    let (mut yard, second) = two(paced(), &Arc::default()).await;
    let from = number_of(&yard.engine);
    fill(&yard.engine, &from, 100).await;
    tune(&second.engine, &from, &limited_to("2/s")).await;
    tokio::time::sleep(2 * SECOND).await;
    yard.stop(Duration::ZERO).await;
    tokio::time::sleep(SECOND).await;
    let sent = go_in(&yard, 10 * SECOND).await;
    assert!((19..=20).contains(&sent), "{sent} in 10 s at 2/s");
}

/// Whoever is asked asks the one that sends from it.
#[tokio::test(start_paused = true)]
async fn any_process_says_how_a_sender_stands() {
    let faults = Arc::<Faults>::default();
    let (yard, second) = two(paced(), &faults).await;
    let from = number_of(&yard.engine);
    let asked_at = yard.now();
    let idle = second.engine.sender(ORGANIZATION, number(&from)).await.unwrap().expect("it is ours");
    assert!(idle.standing.is_none() && idle.empty_at.is_none());
    assert_eq!(yard.now(), asked_at, "that it does not run is answered, too");

    fill(&second.engine, &from, 100).await;
    tokio::time::sleep(2 * SECOND).await;
    let there = second.engine.sender(ORGANIZATION, number(&from)).await.unwrap().expect("it is ours");
    let here = yard.engine.sender(ORGANIZATION, number(&from)).await.unwrap().expect("it is ours");
    let (there, here) = (there.standing.expect("it is asked"), here.standing.expect("it runs"));
    assert!(matches!(there.waits, Waits::Pace(_)), "{there:?}");
    assert_eq!((&there.waits, &there.limits, there.not_before), (&here.waits, &here.limits, here.not_before));
    assert_eq!(there.limits[0].units, 10);

    faults.refuse_all("tell");
    let asked_at = yard.now();
    let lost = second.engine.sender(ORGANIZATION, number(&from)).await.unwrap().expect("it is ours");
    assert!(lost.standing.is_none() && lost.depth > 0, "nobody has answered");
    assert_eq!(yard.now().since(asked_at), SECOND / 2);
    let listed = second.engine.senders(ORGANIZATION, None, 60).await.unwrap();
    assert_eq!(listed.len(), 60);
    assert!(yard.now().since(asked_at) <= SECOND, "all are asked side by side");
}
