use std::collections::HashMap;
use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::domain::outcome::Class;

use super::yard::{Builder, Line};

/// Answers come at odd times and some are refusals to be retried; still each conversation is handed
/// over in the order of acceptance, one at a time, while others go on beside it.
#[tokio::test(start_paused = true)]
async fn conversations_keep_their_order() {
    let ms = Duration::from_millis;
    let script =
        (0..200_u64)
            .map(|n| {
                if n % 7 == 3 {
                    Line::Refuse(Class::Retry, ms(n % 50))
                } else {
                    Line::Accept(ms(n * 37 % 300))
                }
            })
            .chain([Line::Accept(ms(1))])
            .collect();
    let yard = Builder { script, ..Builder::default() }.start().await;
    let recipients = ["+15551110001", "+15551110002", "+15551110003"];
    let mut last = HashMap::new();
    for n in 0..60 {
        let to = recipients[n * n % 3];
        last.insert(to, yard.queue(to, &format!("{n:03}")).await.id);
    }
    for id in last.values() {
        yard.until(*id, State::Sent).await;
    }
    let seen = yard.seen();
    for to in last.keys() {
        let texts: Vec<String> =
            seen.iter().filter(|seen| seen.to.to_string() == **to).map(|seen| seen.text.clone()).collect();
        assert!(texts.is_sorted(), "{to}: {texts:?}");
    }
    let at_once = seen.iter().map(|seen| seen.in_flight).max();
    assert!((2..=3).contains(&at_once.unwrap()), "conversations go side by side, one of each: {at_once:?}");
}
