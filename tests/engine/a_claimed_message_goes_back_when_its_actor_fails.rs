use std::time::Duration;

use sendyard_actors::domain::message::State;

use super::yard::{Builder, FROM, Line, account, number};

/// Sender and provider actor fail again and again in the middle of the flow. Nothing is lost, nothing
/// doubled (the yard looks at that), the pace holds, and nothing becomes unknown: what was claimed and
/// not begun goes back, what was begun records its own outcome.
#[tokio::test(start_paused = true)]
async fn a_claimed_message_goes_back_when_its_actor_fails() {
    let script = vec![Line::Accept(Duration::from_millis(120))];
    let yard = Builder { script, limits: vec!["20/s"], ..Builder::default() }.start().await;
    let mut ids = Vec::new();
    for n in 0..200 {
        ids.push(yard.queue(&format!("+15551110{:03}", n % 50), &format!("{n:03}")).await.id);
    }
    for round in 0..20_u64 {
        tokio::time::sleep(Duration::from_millis(70 + round * 13)).await;
        yard.engine.make_sender_panic(number(FROM));
        if round % 3 == 0 {
            yard.engine.make_provider_panic(&account());
        }
    }
    for id in &ids {
        yard.until(*id, State::Sent).await;
    }
    let seen = yard.seen();
    for (n, first) in seen.iter().enumerate() {
        let within = seen[n..].iter().take_while(|other| other.at.since(first.at) < Duration::from_secs(1));
        assert!(within.count() <= 20, "a window is over from {:?}", first.at);
    }
    for to in 0..50 {
        let to = format!("+15551110{to:03}");
        let texts: Vec<&String> =
            seen.iter().filter(|seen| seen.to.to_string() == to).map(|seen| &seen.text).collect();
        assert!(texts.is_sorted(), "{to}: {texts:?}");
    }
}
