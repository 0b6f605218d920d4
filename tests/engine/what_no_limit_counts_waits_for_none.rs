//! An account's limits may count media alone, as Twilio's usual one does: texts are not noted for them, wait for none,
//! and take places without asking. Once a limit counts them, what went before is taken for a full window.

use std::time::Duration;

use sendyard_actors::domain::message::Kind;
use sendyard_actors::domain::time::Time;
use sendyard_actors::domain::tuning::{Part, Retune};
use sendyard_actors::engine::SendRequest;

use super::a_sender_is_tuned_while_it_runs::went_in;
use super::yard::{Builder, FROM, Line, ORGANIZATION, Yard, number};

const SECOND: Duration = Duration::from_secs(1);
const OTHER: &str = "+15550100010";

async fn started(builder: Builder) -> Yard {
    let script = vec![Line::Accept(SECOND / 50)];
    Builder { script, more_numbers: vec![OTHER.to_owned()], ..builder }.start().await
}

/// A limit of the account, of the account where other processes may send through it too, and of the organization:
/// each is kept in another way.
fn limited(limit: &'static str) -> [Builder; 3] {
    let account = || Builder { account_limits: vec![limit], ..Builder::default() };
    let organization = Builder { organization_limits: vec![limit], ..Builder::default() };
    [account(), Builder { shared: true, ..account() }, organization]
}

async fn queue_media(yard: &Yard, messages: usize) {
    for n in 0..messages {
        let to = format!("+155533{n:05}");
        let media = vec!["https://example.com/a.png".to_owned()];
        let request = SendRequest { media, ..Yard::request(&to, "a picture", Kind::Queued) };
        yard.engine.send(request).await.expect("accepted");
    }
}

async fn queue_texts(yard: &Yard, messages: usize) {
    for n in 0..messages {
        yard.queue_from(OTHER, &format!("+155511{n:05}")).await;
    }
}

async fn noted(yard: &Yard, from: &str) -> usize {
    yard.store.charges(number(from), Time::ZERO).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn only_what_a_limit_counts_is_noted() {
    for builder in limited("1 mms/s") {
        let yard = started(builder).await;
        queue_texts(&yard, 50).await;
        queue_media(&yard, 2).await;
        tokio::time::sleep(SECOND * 5).await;
        assert_eq!(yard.seen().len(), 52);
        assert_eq!((noted(&yard, OTHER).await, noted(&yard, FROM).await), (0, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn texts_pass_media_that_waits_for_its_limit() {
    for builder in limited("1 mms/min") {
        let yard = started(builder).await;
        queue_media(&yard, 3).await;
        tokio::time::sleep(SECOND).await;
        let before = yard.seen().len();
        assert!(before <= 1, "media is held");
        queue_texts(&yard, 300).await;
        tokio::time::sleep(SECOND).await;
        assert_eq!(yard.seen().len() - before, 300, "texts waited for a limit of media");
        tokio::time::sleep(SECOND * 200).await;
        let media: Vec<_> = yard.seen().into_iter().filter(|seen| seen.from == number(FROM)).collect();
        assert_eq!(media.len(), 3);
        for pair in media.windows(2) {
            assert!(pair[1].at.since(pair[0].at) >= SECOND * 60, "media went over its limit");
        }
    }
}

/// Of 40 that went at once nothing is known, so nothing goes for a whole window.
#[tokio::test(start_paused = true)]
async fn a_first_limit_that_counts_them_takes_what_went_before_for_a_full_window() {
    for by in ["account", "number", "hand"] {
        let mut yard = started(Builder { account_limits: vec!["5 mms/s"], ..Builder::default() }).await;
        queue_texts(&yard, 40).await;
        tokio::time::sleep(SECOND / 10).await;
        assert_eq!(yard.seen().len(), 40);
        match by {
            "account" => {
                let limits = vec!["5 mms/s", "10 sms/s"];
                yard.redirect(|directory| directory.account_limits = limits).await;
            }
            "number" => yard.redirect(|directory| directory.limits = vec!["10/s"]).await,
            _ => {
                let limits = Part::Set(vec!["10/s".to_owned()]);
                let change = Retune { limits, ..Retune::default() };
                yard.engine.tune(ORGANIZATION, number(OTHER), &change).await.unwrap();
            }
        }
        queue_texts(&yard, 40).await;
        assert_eq!(went_in(&yard, SECOND * 9 / 10, 0).await, 0, "by {by}");
        let went = went_in(&yard, SECOND * 2, 10).await;
        assert!((15..=20).contains(&went), "{went} in 2 s at 10/s, by {by}");
    }
}

/// The limits of before counted them already: nothing is taken for full.
#[tokio::test(start_paused = true)]
async fn a_limit_of_the_same_traffic_goes_on_with_what_was_noted() {
    let mut yard = started(Builder { account_limits: vec!["10 sms/s"], ..Builder::default() }).await;
    queue_texts(&yard, 100).await;
    assert!(went_in(&yard, SECOND * 3, 10).await >= 25);
    yard.redirect(|directory| directory.account_limits = vec!["20 sms/s"]).await;
    let went = went_in(&yard, SECOND * 2, 20).await;
    assert!(went >= 35, "{went} in 2 s at 20/s");
}

/// A fallback's limits look back at what went through the fallback: nothing else is noted for them.
#[tokio::test(start_paused = true)]
async fn what_a_fallback_counts_is_not_known_of_the_account_before_it() {
    let builder =
        Builder { second_account: true, fallback: true, second_limits: vec!["5/s"], ..Builder::default() };
    let yard = started(builder).await;
    queue_texts(&yard, 40).await;
    tokio::time::sleep(SECOND / 10).await;
    assert_eq!((yard.seen().len(), noted(&yard, OTHER).await), (40, 0));
    let change = Retune { limits: Part::Set(vec!["10/s".to_owned()]), ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(OTHER), &change).await.unwrap();
    queue_texts(&yard, 40).await;
    assert_eq!(went_in(&yard, SECOND * 9 / 10, 0).await, 0);
}
