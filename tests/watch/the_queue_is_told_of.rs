//! What waits, for how long, and why: the figures that the senders are asked for.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sendyard_actors::domain::message::{Kind, Lane};
use sendyard_actors::domain::outcome::Class;
use sendyard_actors::engine::SendRequest;
use sendyard_actors::settings::Settings;
use tokio::time::sleep;

use crate::engine::yard::{Builder, Line, Yard};

/// Two surveys and a look at the store's depths.
const TOLD: Duration = Duration::from_secs(21);

fn value(page: &PrometheusHandle, series: &str) -> f64 {
    let page = page.render();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {page}")).parse().unwrap()
}

fn of_account(name: &str) -> String {
    format!(r#"sendyard_{name}{{provider="twilio",account="acme-twilio"}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_long_queue_is_told_of_with_its_oldest_message_and_the_use_of_its_pace() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let (_here, page) = (metrics::set_default_local_recorder(&recorder), recorder.handle());
    let yard = Builder { limits: vec!["1/h"], ..Builder::default() }.start().await;
    for index in 0..5 {
        yard.queue(&format!("+1555000{index:04}"), "hello").await;
    }
    sleep(Duration::from_mins(1)).await;
    assert!((value(&page, &of_account("queue_depth")) - 4.0).abs() < 0.1);
    assert!((value(&page, &of_account("pace_used_ratio")) - 1.0).abs() < 1e-9);
    assert!(value(&page, &of_account("held_up_seconds")) < 0.1, "its own pace holds nothing up");
    assert!(value(&page, &of_account("senders_behind")) < 0.1);
    assert!((value(&page, r#"sendyard_senders{state="live"}"#) - 1.0).abs() < 0.1);
    assert!((value(&page, r#"sendyard_shards{state="owned"}"#) - 256.0).abs() < 0.1);
    assert!(value(&page, &of_account("oldest_waiting_seconds")) > 50.0);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_holds_up_its_senders_and_a_process_that_ends_says_no_more_of_it() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let (_here, page) = (metrics::set_default_local_recorder(&recorder), recorder.handle());
    let script = vec![Line::Refuse(Class::Configuration, Duration::from_millis(10))];
    // One goes and is refused; the others may not follow it.
    let settings = Settings { places_in_flight: 1, ..Settings::default() };
    let mut yard = Builder { script, settings, ..Builder::default() }.start().await;
    for index in 0..5 {
        yard.queue(&format!("+1555000{index:04}"), "hello").await;
    }
    sleep(TOLD).await;
    assert!((value(&page, &of_account("circuit_open")) - 1.0).abs() < 0.1);
    assert!(value(&page, &of_account("held_up_seconds")) > 5.0);
    assert!((value(&page, &of_account("senders_behind")) - 1.0).abs() < 0.1);
    yard.stop(Duration::ZERO).await;
    for name in ["circuit_open", "held_up_seconds", "senders_behind", "queue_depth", "oldest_waiting_seconds"]
    {
        assert!(value(&page, &of_account(name)).abs() < 0.1, "{name}");
    }
    assert!(value(&page, r#"sendyard_shards{state="owned"}"#).abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_counted_by_its_lane() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let (_here, page) = (metrics::set_default_local_recorder(&recorder), recorder.handle());
    let yard = Builder::default().start().await;
    for lane in [Lane::Urgent, Lane::Bulk, Lane::Bulk] {
        let request = Yard::request("+15550000001", "hello", Kind::Queued);
        yard.engine.send(SendRequest { lane, ..request }).await.expect("accepted");
    }
    yard.send_now("+15550000002", "hello").await.expect("sent");
    for (lane, messages) in [("urgent", 1.0), ("normal", 0.0), ("bulk", 2.0), ("immediate", 1.0)] {
        let series = format!(
            r#"sendyard_messages_accepted_total{{provider="twilio",account="acme-twilio",lane="{lane}"}}"#
        );
        assert!((value(&page, &series) - messages).abs() < 0.1, "{lane}: {}", page.render());
    }
}
