//! Limits of an account and of an organization that count messages, or those with media alone, over two processes.
//! Judged by what the provider saw.

use std::sync::Arc;

use super::account_limits_hold_over_all_processes::{Judged, judge_by};
use super::messages_move_with_their_shards::{accepting, two};
use super::*;
use crate::engine::yard::Seen;

const TEN: Judged = Judged { units: 10, window: SECOND };
const TWO: Judged = Judged { units: 2, window: SECOND };

/// Of three segments.
fn long_text() -> String {
    "a".repeat(400)
}

/// Whom messages with media are for.
const WITH_MEDIA: &str = "+1666";

fn has_media(one: &Seen) -> u32 {
    u32::from(one.to.to_string().starts_with(WITH_MEDIA))
}

async fn queue_with_media(engine: &Engine, from: &str, count: usize) {
    for index in 0..count {
        let media = vec!["https://example.com/a.png".to_owned()];
        let to = format!("{WITH_MEDIA}{index:07}");
        engine.send(SendRequest { media, ..request(from, &to, "", Kind::Queued) }).await.expect("accepted");
    }
}

async fn queue_long(engine: &Engine, from: &str, count: usize) {
    for index in 0..count {
        queue(engine, from, &format!("+1555{index:07}"), &long_text()).await;
    }
}

fn of_account(limits: Vec<&'static str>) -> Builder {
    Builder { account_limits: limits, ..accepting(20 * MOMENT) }
}

fn of_organization(limits: Vec<&'static str>) -> Builder {
    Builder { organization_limits: limits, ..accepting(20 * MOMENT) }
}

#[tokio::test(start_paused = true)]
async fn messages_are_counted_as_messages_whatever_their_segments() {
    for text in ["10 messages/s", "10 requests/s"] {
        for builder in [of_account(vec![text]), of_organization(vec![text])] {
            let (yard, another) = two(builder, &Arc::default()).await;
            for engine in [&yard.engine, &another.engine] {
                queue_long(engine, &number_of(engine), 150).await;
            }
            tokio::time::sleep(2 * SECOND).await;
            let from = yard.now();
            tokio::time::sleep(20 * SECOND).await;
            let used = judge_by(|_| 1, &yard.seen(), TEN, from, yard.now());
            println!("{text}: {used:.3}");
            assert!(used >= 0.95, "{text}: {used:.3}");
        }
    }
}

/// Where both are limited each of them holds, and nearly all of the tighter one is used.
#[tokio::test(start_paused = true)]
async fn messages_and_segments_are_counted_side_by_side() {
    for (limits, units, limit) in [
        (vec!["10 messages/s", "60/s"], 1, TEN),
        (vec!["40 messages/s", "30/s"], 3, Judged { units: 30, window: SECOND }),
    ] {
        for builder in [of_account(limits.clone()), of_organization(limits.clone())] {
            let (yard, another) = two(builder, &Arc::default()).await;
            for engine in [&yard.engine, &another.engine] {
                queue_long(engine, &number_of(engine), 150).await;
            }
            tokio::time::sleep(2 * SECOND).await;
            let from = yard.now();
            tokio::time::sleep(20 * SECOND).await;
            let used = judge_by(|_| units, &yard.seen(), limit, from, yard.now());
            println!("{limits:?}: {used:.3}");
            assert!(used >= 0.95, "{limits:?}: {used:.3}");
        }
    }
}

/// Texts are not counted by a limit of those with media; the other process sends them beside it.
#[tokio::test(start_paused = true)]
async fn those_with_media_are_counted_apart() {
    for builder in [of_account(vec!["2 mms/s"]), of_organization(vec!["2 mms/s"])] {
        let (yard, another) = two(builder, &Arc::default()).await;
        queue_with_media(&yard.engine, &number_of(&yard.engine), 60).await;
        queue_long(&another.engine, &number_of(&another.engine), 60).await;
        tokio::time::sleep(2 * SECOND).await;
        let from = yard.now();
        tokio::time::sleep(20 * SECOND).await;
        let seen = yard.seen();
        let used = judge_by(has_media, &seen, TWO, from, yard.now());
        let texts = seen.iter().filter(|one| has_media(one) == 0).count();
        println!("{used:.3}, {texts} texts");
        assert!(used >= 0.95, "{used:.3}");
        assert!(texts >= 40, "{texts}");
    }
}

/// They ask nobody, and count as what they are.
#[tokio::test(start_paused = true)]
async fn immediate_messages_are_counted_as_messages() {
    for builder in [of_account(vec!["5 messages/10s"]), of_organization(vec!["5 messages/10s"])] {
        let (yard, another) = two(builder, &Arc::default()).await;
        // What they know is read by then.
        let first = queue(&yard.engine, &number_of(&yard.engine), "+15550000001", "hello").await.id;
        yard.until(first, State::Sent).await;
        tokio::time::sleep(20 * SECOND).await;
        for engine in [&yard.engine, &another.engine, &yard.engine] {
            let now = request(&number_of(engine), "+15550000002", &long_text(), Kind::Immediate);
            engine.send(now).await.expect("sent");
        }
        let immediate = yard.seen().last().unwrap().at;
        for engine in [&yard.engine, &another.engine] {
            queue_long(engine, &number_of(engine), 3).await;
        }
        tokio::time::sleep(8 * SECOND).await;
        let seen = yard.seen();
        assert_eq!(seen.len(), 1 + 3 + 2, "three of five are used, whatever their segments");
        tokio::time::sleep(30 * SECOND).await;
        let limit = Judged { units: 5, window: 10 * SECOND };
        judge_by(|_| 1, &yard.seen(), limit, immediate, yard.now());
        assert_eq!(yard.seen().len(), 1 + 3 + 6);
    }
}
