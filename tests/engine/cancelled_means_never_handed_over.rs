use std::time::Duration;

use sendyard_actors::domain::message::{Cancelled, State};

use super::yard::{Builder, Line, ORGANIZATION};

/// Cancels race claims; whatever cancel said true of is never seen by the provider, and a slot lost to
/// a cancelled message is no longer than its own.
#[tokio::test(start_paused = true)]
async fn cancelled_means_never_handed_over() {
    let script = vec![Line::Accept(Duration::from_millis(3))];
    let yard = Builder { script, limits: vec!["10/s"], ..Builder::default() }.start().await;
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(yard.queue(&format!("+155511100{:02}", n % 9), "maybe").await.id);
    }
    let mut cancelled = Vec::new();
    for id in ids.iter().copied().rev().step_by(2) {
        tokio::time::sleep(Duration::from_millis(35)).await;
        if matches!(yard.engine.cancel(ORGANIZATION, id).await.unwrap(), Some((Cancelled::Done, _))) {
            cancelled.push(id);
        }
    }
    assert!(!cancelled.is_empty());
    for id in ids.iter().filter(|id| !cancelled.contains(id)) {
        yard.until(*id, State::Sent).await;
    }
    assert!(yard.seen().iter().all(|seen| !cancelled.contains(&seen.id)));
    assert_eq!(yard.seen().len() + cancelled.len(), ids.len());
}
