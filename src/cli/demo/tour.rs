//! The tour that `sendyard demo` begins with on a terminal: three senders at their limits, one re-tuned and one paused
//! on the way, as a small table that is drawn again four times a second.
//!
//! It is a client like any other: all that it does goes through the API with the demo's key, and so can be done by
//! hand. Its messages go in the lane `bulk`, and few enough of them that all have gone when it ends: one that
//! somebody sends meanwhile waits for a slot of its number at most. It owns nothing but the lines of its table.

use std::time::Duration;

use anyhow::Context;
use console::{Term, truncate_str};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cli::top::screen::{text, waits};
use crate::client::{Answer, Client, NoAnswer};

/// How often the table is drawn.
const EVERY: Duration = Duration::from_millis(250);

/// The senders of the tour and how many messages each gets: about what it can hand over meanwhile.
const SENDERS: [(&str, usize); 3] = [("+1234567890", 50), ("+15550100010", 125), ("+15550100006", 2)];

/// Re-tuned on the way.
const TUNED: &str = "+1234567890";

/// Paused on the way.
const PAUSED: &str = "+15550100010";

/// What happens on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Send,
    Tune,
    Pause,
    Resume,
    TuneBack,
}

/// When it happens, what is said of it, and what it is.
struct Step {
    at: Duration,
    says: &'static str,
    deed: Deed,
}

const STEPS: [Step; 5] = [
    step(0, "Three numbers have messages to send. Each goes as fast as its limit allows.", Deed::Send),
    step(5, "+1234567890 was re-tuned to 4/s: PATCH /v1/senders/+1234567890", Deed::Tune),
    step(9, "+15550100010 was paused: POST /v1/senders/+15550100010/pause", Deed::Pause),
    step(13, "+15550100010 was resumed: no burst, no gap.", Deed::Resume),
    step(17, "+1234567890 goes by the directory's 1/s again.", Deed::TuneBack),
];

const fn step(second: u64, says: &'static str, deed: Deed) -> Step {
    Step { at: Duration::from_secs(second), says, deed }
}

/// The whole tour, on a terminal. Whoever drops it cuts it short.
pub(super) async fn run(client: &Client, terminal: &Term) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut tick = interval(EVERY);
    // What was late is not drawn twice.
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut steps = STEPS.iter().peekable();
    let (mut says, mut drawn) = ("", 0);
    loop {
        tick.tick().await;
        while let Some(step) = steps.next_if(|step| step.at <= start.elapsed()) {
            does(client, step.deed).await?;
            says = step.says;
        }
        let senders = read(client).await?;
        let columns = usize::from(terminal.size().1);
        let lines = table(&senders, says);
        terminal.write_str(&redrawn(&lines, columns, drawn)).context("cannot write to the terminal")?;
        drawn = lines.len();
        if steps.peek().is_none() {
            return Ok(());
        }
    }
}

async fn does(client: &Client, deed: Deed) -> anyhow::Result<()> {
    let tuned = format!("/v1/senders/{TUNED}");
    let limits = |limits: Value| json!({ "limits": limits }).to_string().into_bytes();
    match deed {
        Deed::Send => return send_all(client).await,
        Deed::Tune => good(client.patch(&tuned, limits(json!(["4/s"]))).await)?,
        Deed::TuneBack => good(client.patch(&tuned, limits(Value::Null)).await)?,
        Deed::Pause => good(client.post(&format!("/v1/senders/{PAUSED}/pause"), Vec::new(), None).await)?,
        Deed::Resume => good(client.post(&format!("/v1/senders/{PAUSED}/resume"), Vec::new(), None).await)?,
    };
    Ok(())
}

async fn send_all(client: &Client) -> anyhow::Result<()> {
    let mut sends = Vec::new();
    for (from, messages) in SENDERS {
        for n in 0..messages {
            let body = json!({
                "from_phone_number": from, "to_phone_number": format!("+1666{n:07}"),
                "message": "A message of the tour", "lane": "bulk",
            });
            sends.push(async move { client.post("/sms/send", body.to_string().into_bytes(), None).await });
        }
    }
    for sent in join_all(sends).await {
        good(sent)?;
    }
    Ok(())
}

/// How the three stand, in their order.
async fn read(client: &Client) -> anyhow::Result<Vec<Value>> {
    let mut senders = Vec::with_capacity(SENDERS.len());
    for (number, _) in SENDERS {
        senders.push(good(client.get(&format!("/v1/senders/{number}")).await)?.body);
    }
    Ok(senders)
}

fn good(asked: Result<Answer, NoAnswer>) -> anyhow::Result<Answer> {
    let answer = asked?;
    anyhow::ensure!(answer.status == 200, "{}", answer.detail());
    Ok(answer)
}

/// Line by line.
fn table(senders: &[Value], says: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let row = |of: [&str; 6]| {
        let [number, limit, in_use, waiting, gone, waits] = of;
        format!("  {number:<14} {limit:<14} {in_use:>14} {waiting:>8} {gone:>12}   {waits}")
    };
    lines.push(row(["NUMBER", "LIMIT", "IN THE WINDOW", "WAITING", "HANDED OVER", "THE NEXT WAITS FOR"]));
    for (sender, (number, messages)) in senders.iter().zip(SENDERS) {
        let limits = sender.get("limits").and_then(Value::as_array).and_then(|limits| limits.first());
        let limit = limits.and_then(|limit| text(limit, "limit")).unwrap_or_default();
        let in_use = limits.and_then(|limit| limit.get("in_use")?.as_u64()).unwrap_or_default();
        let is_tuned = text(sender, "limits_from") == Some("tuned");
        let waiting = waiting_in_bulk(sender);
        lines.push(row([
            number,
            &if is_tuned { format!("{limit} (tuned)") } else { limit.to_owned() },
            &in_use.to_string(),
            &waiting.to_string(),
            &messages.saturating_sub(waiting).to_string(),
            &waits(sender),
        ]));
    }
    lines.extend([String::new(), format!("  {says}")]);
    lines
}

/// The tour's own: nobody else sends in that lane unless he says so.
fn waiting_in_bulk(sender: &Value) -> usize {
    let lanes = sender.get("lanes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let bulk = lanes.iter().find(|lane| text(lane, "lane") == Some("bulk"));
    let queued = bulk.and_then(|lane| lane.get("queued")?.as_u64()).unwrap_or_default();
    usize::try_from(queued).unwrap_or(usize::MAX)
}

/// The lines over the ones that were drawn before, each within a row of the terminal.
fn redrawn(lines: &[String], columns: usize, drawn: usize) -> String {
    let mut whole = if drawn > 0 { format!("\r\x1b[{drawn}A") } else { String::new() };
    for line in lines {
        whole.push_str(&truncate_str(line, columns.saturating_sub(1), ""));
        whole.push_str("\x1b[K\r\n");
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(number: &str, limit: &str, waiting: u64) -> Value {
        json!({
            "number": number, "limits": [{ "limit": limit, "in_use": 4 }], "limits_from": "tuned",
            "lanes": [{ "lane": "normal", "queued": 9 }, { "lane": "bulk", "queued": waiting }],
            "paused": number == PAUSED, "waiting_for": "pace", "waiting_for_limit": limit,
        })
    }

    #[test]
    fn each_sender_is_a_line_that_counts_the_tours_own_messages() {
        let senders = [sender(TUNED, "4/s", 20), sender(PAUSED, "10/s", 25)];
        let lines = table(&senders, "said");
        let words = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
        assert_eq!(words(2), [TUNED, "4/s", "(tuned)", "4", "20", "30", "pace", "4/s"]);
        assert_eq!(words(3), [PAUSED, "10/s", "(tuned)", "4", "25", "100", "paused"]);
        assert_eq!(lines.last().unwrap(), "  said");
    }

    #[test]
    fn a_table_is_drawn_over_the_one_before_and_no_line_is_wrapped() {
        let lines = ["a line that is long".to_owned(), "short".to_owned()];
        assert_eq!(redrawn(&lines, 7, 0), "a line\x1b[K\r\nshort\x1b[K\r\n");
        assert!(redrawn(&lines, 80, 2).starts_with("\r\x1b[2Aa line that is long\x1b[K"));
    }

    #[test]
    fn one_is_tuned_and_one_paused_on_the_way_and_both_are_left_as_they_were() {
        let deeds: Vec<Deed> = STEPS.iter().map(|step| step.deed).collect();
        assert_eq!(deeds, [Deed::Send, Deed::Tune, Deed::Pause, Deed::Resume, Deed::TuneBack]);
        assert!(STEPS.iter().is_sorted_by_key(|step| step.at));
    }
}
