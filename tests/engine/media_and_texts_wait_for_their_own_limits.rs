//! Where limits count both, each apart or together, one that waits for its limit holds up none of the other kind.

use std::time::Duration;

use sendyard_actors::domain::message::Kind;
use sendyard_actors::engine::SendRequest;

use super::yard::{Builder, FROM, Line, Yard, number};

const SECOND: Duration = Duration::from_secs(1);
const OTHER: &str = "+15550100010";

/// Limits of the account, of the account where other processes may send through it too, and of the organization: each
/// is kept in another way.
async fn limited(limits: &[&'static str]) -> [Yard; 3] {
    let account = || Builder { account_limits: limits.to_vec(), ..Builder::default() };
    let organization = Builder { organization_limits: limits.to_vec(), ..Builder::default() };
    let started = async |builder: Builder| {
        let script = vec![Line::Accept(SECOND / 50)];
        Builder { script, more_numbers: vec![OTHER.to_owned()], ..builder }.start().await
    };
    [
        started(account()).await,
        started(Builder { shared: true, ..account() }).await,
        started(organization).await,
    ]
}

async fn queue(yard: &Yard, from: &str, media: bool, messages: usize) {
    for n in 0..messages {
        let request = Yard::request(&format!("+155533{n:05}"), "hello", Kind::Queued);
        let media = if media { vec!["https://example.com/a.png".to_owned()] } else { Vec::new() };
        yard.engine.send(SendRequest { from: number(from), media, ..request }).await.expect("accepted");
    }
}

fn gone(yard: &Yard, from: &str) -> usize {
    yard.seen().iter().filter(|seen| seen.from == number(from)).count()
}

#[tokio::test(start_paused = true)]
async fn texts_go_on_while_media_waits_for_its_limit() {
    for yard in limited(&["1 mms/min", "20/s"]).await {
        queue(&yard, FROM, true, 3).await;
        tokio::time::sleep(SECOND).await;
        queue(&yard, OTHER, false, 100).await;
        tokio::time::sleep(SECOND * 6).await;
        assert_eq!((gone(&yard, FROM), gone(&yard, OTHER)), (1, 100));
        tokio::time::sleep(SECOND * 125).await;
        assert_eq!(gone(&yard, FROM), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn media_goes_on_while_texts_wait_for_theirs() {
    for yard in limited(&["1 sms/min", "20/s"]).await {
        queue(&yard, OTHER, false, 2).await;
        tokio::time::sleep(SECOND).await;
        queue(&yard, FROM, true, 40).await;
        tokio::time::sleep(SECOND * 3).await;
        assert_eq!((gone(&yard, OTHER), gone(&yard, FROM)), (1, 40));
        tokio::time::sleep(SECOND * 62).await;
        assert_eq!(gone(&yard, OTHER), 2);
    }
}

/// Those that pass it take nothing from it that it would get.
#[tokio::test(start_paused = true)]
async fn of_a_limit_that_counts_both_each_has_its_turns() {
    for yard in limited(&["2 mms/s", "10/s"]).await {
        queue(&yard, OTHER, false, 200).await;
        queue(&yard, FROM, true, 20).await;
        tokio::time::sleep(SECOND * 11).await;
        let (media, texts) = (gone(&yard, FROM), gone(&yard, OTHER));
        assert!(media == 20 && (80..=95).contains(&texts), "{media} with media and {texts} texts in 11 s");
    }
}
