//! Another directory is gone by at once: numbers, accounts and limits, without a restart, a burst or a gap.

use std::time::Duration;

use sendyard_actors::domain::message::State;
use sendyard_actors::domain::tuning::{Part, Retune};
use sendyard_actors::engine::NotSent;

use super::a_sender_is_tuned_while_it_runs::went_in;
use super::yard::{Builder, FROM, Line, ORGANIZATION, Yard, account, number, second};

const SECOND: Duration = Duration::from_secs(1);

const OTHER: &str = "+15550100010";

async fn busy(builder: Builder, messages: usize) -> Yard {
    let script = vec![Line::Accept(Duration::from_millis(250))];
    let yard = Builder { script, ..builder }.start().await;
    for n in 0..messages {
        yard.queue(&format!("+155511{n:05}"), "x").await;
    }
    yard
}

#[tokio::test(start_paused = true)]
async fn a_numbers_limit_is_raised_and_lowered_without_burst_or_gap() {
    let mut yard = busy(Builder { limits: vec!["10/s"], ..Builder::default() }, 400).await;
    assert!(went_in(&yard, SECOND * 5, 10).await >= 48);
    yard.redirect(|directory| directory.limits = vec!["20/s"]).await;
    let raised = went_in(&yard, SECOND * 5, 20).await;
    assert!((97..=101).contains(&raised), "{raised} in 5 s at 20/s");
    yard.redirect(|directory| directory.limits = vec!["2/s"]).await;
    // What went at 20/s before it fills the first second.
    tokio::time::sleep(SECOND).await;
    let lowered = went_in(&yard, SECOND * 10, 2).await;
    assert!((18..=20).contains(&lowered), "{lowered} in 10 s at 2/s");
}

#[tokio::test(start_paused = true)]
async fn an_accounts_limit_is_raised_and_lowered_without_burst_or_gap() {
    let mut yard = busy(Builder { account_limits: vec!["10/s"], ..Builder::default() }, 400).await;
    assert!(went_in(&yard, SECOND * 5, 10).await >= 48);
    yard.redirect(|directory| directory.account_limits = vec!["20/s"]).await;
    let raised = went_in(&yard, SECOND * 5, 20).await;
    assert!((96..=101).contains(&raised), "{raised} in 5 s at 20/s");
    yard.redirect(|directory| directory.account_limits = vec!["2/s"]).await;
    tokio::time::sleep(SECOND).await;
    let lowered = went_in(&yard, SECOND * 10, 2).await;
    assert!((18..=20).contains(&lowered), "{lowered} in 10 s at 2/s");
}

/// What its accounts had of it in hand is over first, so for a moment nothing goes.
#[tokio::test(start_paused = true)]
async fn an_organizations_limit_is_raised_and_lowered_without_a_burst() {
    let mut yard = busy(Builder { organization_limits: vec!["10/s"], ..Builder::default() }, 400).await;
    tokio::time::sleep(SECOND).await;
    assert!(went_in(&yard, SECOND * 5, 10).await >= 48);
    yard.redirect(|directory| directory.organization_limits = vec!["20/s"]).await;
    let raised = went_in(&yard, SECOND * 5, 20).await;
    assert!((80..=101).contains(&raised), "{raised} in 5 s at 20/s");
    yard.redirect(|directory| directory.organization_limits = vec!["2/s"]).await;
    tokio::time::sleep(SECOND).await;
    let lowered = went_in(&yard, SECOND * 10, 2).await;
    assert!((17..=20).contains(&lowered), "{lowered} in 10 s at 2/s");
    yard.redirect(|directory| directory.organization_limits = Vec::new()).await;
    tokio::time::sleep(SECOND * 20).await;
    assert_eq!(yard.seen().len(), 400, "without a limit all of them go");
}

/// Where no limit looks back, hand-overs are not noted.
#[tokio::test(start_paused = true)]
async fn a_first_limit_takes_what_went_before_for_a_full_window() {
    for of in ["number", "account", "organization"] {
        let mut yard = busy(Builder::default(), 30).await;
        tokio::time::sleep(SECOND / 2).await;
        yard.redirect(|directory| {
            let limits = match of {
                "number" => &mut directory.limits,
                "account" => &mut directory.account_limits,
                _ => &mut directory.organization_limits,
            };
            *limits = vec!["10/s"];
        })
        .await;
        for n in 0..60 {
            yard.queue(&format!("+155522{n:05}"), "paced").await;
        }
        assert_eq!(went_in(&yard, SECOND * 99 / 100, 0).await, 0, "of the {of}");
        let behind = went_in(&yard, SECOND * 4, 10).await;
        assert!((38..=41).contains(&behind), "{behind} in 4 s at 10/s; of the {of}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_set_by_hand_wins_over_another_directory() {
    let mut yard = busy(Builder { limits: vec!["10/s"], ..Builder::default() }, 400).await;
    let tuned = Retune { limits: Part::Set(vec!["2/s".to_owned()]), ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &tuned).await.unwrap().expect("it is ours");
    tokio::time::sleep(SECOND * 2).await;
    yard.redirect(|directory| directory.limits = vec!["20/s"]).await;
    let by_hand = went_in(&yard, SECOND * 10, 2).await;
    assert!((18..=20).contains(&by_hand), "{by_hand} in 10 s at 2/s");
    let usual = Retune { limits: Part::Usual, ..Retune::default() };
    yard.engine.tune(ORGANIZATION, number(FROM), &usual).await.unwrap().expect("it is ours");
    let usual = went_in(&yard, SECOND * 5, 20).await;
    assert!((97..=101).contains(&usual), "{usual} in 5 s at the directory's 20/s of now");
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_a_number_that_is_gone_goes_when_it_is_back() {
    let mut yard = busy(Builder { limits: vec!["10/s"], ..Builder::default() }, 49).await;
    let last = yard.queue("+15551100049", "x").await.id;
    assert!(!yard.engine.lacks_a_way_for(&yard.message(last).await));
    tokio::time::sleep(SECOND * 2).await;
    yard.redirect(|directory| directory.no_numbers = true).await;
    // What was claimed already may go.
    tokio::time::sleep(SECOND).await;
    assert_eq!(went_in(&yard, SECOND * 60, 0).await, 0);
    let waits = yard.message(last).await;
    assert!(yard.engine.lacks_a_way_for(&waits), "it is said what it waits for");
    let refused = yard.send_now("+15559990000", "now").await;
    assert_eq!(refused, Err(NotSent::NoAssistant));
    yard.redirect(|directory| directory.no_numbers = false).await;
    tokio::time::sleep(SECOND * 6).await;
    let seen = yard.seen();
    assert_eq!(seen.len(), 50, "all of them");
    for n in 0..50 {
        let to = number(&format!("+155511{n:05}"));
        assert_eq!(seen.iter().filter(|seen| seen.to == to).count(), 1, "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_of_another_account_hands_over_there_and_ends_here_what_it_began() {
    let builder = Builder { limits: vec!["10/s"], second_account: true, ..Builder::default() };
    let mut yard = busy(builder, 30).await;
    tokio::time::sleep(SECOND).await;
    let before = yard.seen().len();
    yard.redirect(|directory| directory.moved = true).await;
    let mut behind = Vec::new();
    for n in 0..20 {
        behind.push(yard.queue(&format!("+155522{n:05}"), "there").await.id);
    }
    for id in &behind {
        yard.until(*id, State::Sent).await;
    }
    let seen = yard.seen();
    assert_eq!(seen.len(), 50);
    assert!(before > 0 && before < 30, "{before}");
    for seen in &seen {
        let theirs = behind.contains(&seen.id);
        let expected = if theirs { second() } else { account() };
        assert_eq!(seen.account, expected, "an account is fixed when a message is accepted");
    }
    for (n, first) in seen.iter().enumerate() {
        let within = seen[n..].iter().take_while(|other| other.at.since(first.at) < SECOND).count();
        assert!(within <= 10, "{within} in a second: the number's pace goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_number_and_a_new_account_are_sent_from_at_once() {
    let mut yard = busy(Builder::default(), 0).await;
    yard.redirect(|directory| {
        directory.more_numbers = vec![OTHER.to_owned()];
        directory.second_account = true;
        directory.moved = true;
    })
    .await;
    for from in [FROM, OTHER] {
        let sent = yard.queue_from(from, "+15551110000").await;
        yard.until(sent.id, State::Sent).await;
    }
    assert!(yard.seen().iter().all(|seen| seen.account == second()));
}

/// The second account is gone with what was accepted for it; it comes back.
#[tokio::test(start_paused = true)]
async fn what_was_accepted_for_an_account_that_is_gone_waits_for_it() {
    let builder = Builder { limits: vec!["1/s"], second_account: true, moved: true, ..Builder::default() };
    let mut yard = busy(builder, 3).await;
    tokio::time::sleep(SECOND / 2).await;
    yard.redirect(|directory| (directory.second_account, directory.moved) = (false, false)).await;
    tokio::time::sleep(SECOND * 300).await;
    assert_eq!(yard.seen().len(), 1);
    yard.redirect(|directory| directory.second_account = true).await;
    tokio::time::sleep(SECOND * 90).await;
    let accounts: Vec<_> = yard.seen().into_iter().map(|seen| seen.account).collect();
    assert_eq!(accounts, [second(), second(), second()]);
}
