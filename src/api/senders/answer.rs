//! How a sender is shown.

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::lanes::{LANES, Weights};
use sendyard_actors::domain::message::Lane;
use sendyard_actors::domain::pace::InUse;
use sendyard_actors::domain::phone::E164;
use sendyard_actors::engine::SenderView;
use sendyard_actors::sender::Waits;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::times::Rfc3339;

/// A page of senders.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "senders": [example()], "next_after": null }))]
pub(in crate::api) struct SendersAnswer {
    /// By number.
    pub(super) senders: Vec<SenderAnswer>,
    /// For the next page; null where this is the last.
    #[schema(required, value_type = Option<String>)]
    pub(super) next_after: Option<E164>,
}

/// How a sender stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = example)]
pub(in crate::api) struct SenderAnswer {
    /// Its number.
    #[schema(value_type = String, example = "+1234567890")]
    number: E164,
    /// Its provider account.
    #[schema(value_type = String, example = "acme-twilio")]
    account: String,
    /// `twilio`, `telnyx` or `vonage`.
    #[schema(value_type = String, example = "twilio")]
    provider: ProviderKind,
    /// The limits that hold; all must allow a message.
    limits: Vec<LimitAnswer>,
    /// `directory`, or `tuned` where they were set by hand.
    #[schema(value_type = String, example = "directory")]
    limits_from: &'static str,
    /// The lanes, the most urgent first.
    lanes: Vec<LaneAnswer>,
    /// Messages waiting, in all lanes.
    queued: u64,
    /// How many messages of its queue may be handed over at the same time; null where it may use what its account has.
    #[schema(required)]
    places_in_flight: Option<u16>,
    /// How many are now; null where it does not run, because it has nothing to do, or the process that sends from it
    /// did not answer in time.
    #[schema(required)]
    in_flight: Option<u64>,
    /// Is it paused?
    paused: bool,
    /// Until when; null where it is not, or where nobody said.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    paused_until: Option<Rfc3339>,
    /// What its next message waits for: `nothing` (there is none), `start`, `pause`, `pace`, `provider` (it
    /// refused messages for their pace), `conversation`, `retry`, `places` (its own in flight), `account` (its
    /// circuit, its limits and those of its organization, what is in flight there), or `going`. Null where nobody
    /// sends from the number now, because there is nothing to send, or the process that does has not answered in time.
    #[schema(required, value_type = Option<String>, example = "pace")]
    waiting_for: Option<&'static str>,
    /// Of `pace`, the limit.
    #[schema(required, value_type = Option<String>, example = "1/s")]
    waiting_for_limit: Option<String>,
    /// When the next message goes at the earliest, where that is a matter of time.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    next_send_time: Option<Rfc3339>,
    /// How fast its provider lets it go, after messages were refused for their pace; null while its limits hold.
    #[schema(required, value_type = Option<String>, example = "19.4/s")]
    working_rate: Option<String>,
    /// Until when nothing goes because the provider refused it for its pace; null where that is not so.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    provider_pause_until: Option<Rfc3339>,
    /// When the last message that waits now goes, about: by the present limits, if none comes or is cancelled
    /// meanwhile. Null where none waits, or that is not known now.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    queue_empty_time: Option<Rfc3339>,
    /// Grows with each change by hand; 0 before the first.
    generation: u64,
}

/// A limit and how much of it is in use.
#[derive(Debug, Serialize, ToSchema)]
struct LimitAnswer {
    /// As it is written.
    #[schema(value_type = String, example = "1/s")]
    limit: String,
    /// Units in the window that ends now, or in this day, week or month, with those that are being handed
    /// over; null where the sender does not run, because it has nothing to do, or did not answer in time.
    #[schema(required)]
    in_use: Option<u64>,
}

/// A lane.
#[derive(Debug, Serialize, ToSchema)]
struct LaneAnswer {
    /// `urgent`, `normal` or `bulk`.
    #[schema(value_type = String, example = "normal")]
    lane: &'static str,
    /// What it gets of the pace while all have work.
    weight: u16,
    /// Messages waiting in it.
    queued: u64,
    /// When the first message that waits in it was accepted; null where none waits.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    oldest_queued_at: Option<Rfc3339>,
}

fn example() -> Value {
    json!({
        "number": "+1234567890",
        "account": "acme-twilio",
        "provider": "twilio",
        "limits": [{ "limit": "1/s", "in_use": 1 }],
        "limits_from": "directory",
        "lanes": [
            { "lane": "urgent", "weight": 8, "queued": 0, "oldest_queued_at": null },
            { "lane": "normal", "weight": 3, "queued": 12, "oldest_queued_at": "2026-11-26T09:30:00Z" },
            { "lane": "bulk", "weight": 1, "queued": 0, "oldest_queued_at": null },
        ],
        "queued": 12,
        "places_in_flight": null,
        "in_flight": 1,
        "paused": false,
        "paused_until": null,
        "waiting_for": "pace",
        "waiting_for_limit": "1/s",
        "next_send_time": "2026-11-26T09:30:12Z",
        "working_rate": null,
        "provider_pause_until": null,
        "queue_empty_time": "2026-11-26T09:30:23Z",
        "generation": 0,
    })
}

const fn name(lane: Lane) -> &'static str {
    match lane {
        Lane::Urgent => "urgent",
        Lane::Normal => "normal",
        Lane::Bulk => "bulk",
    }
}

const fn word(waits: &Waits) -> &'static str {
    match waits {
        Waits::Nothing => "nothing",
        Waits::Start => "start",
        Waits::Pause => "pause",
        Waits::Pace(_) => "pace",
        Waits::Provider => "provider",
        Waits::Conversation => "conversation",
        Waits::Retry => "retry",
        Waits::Places => "places",
        Waits::Account => "account",
        Waits::Going => "going",
    }
}

impl From<SenderView> for SenderAnswer {
    fn from(view: SenderView) -> Self {
        let standing = view.standing;
        let in_use: Vec<InUse> =
            standing.as_ref().map(|standing| standing.limits.clone()).unwrap_or_default();
        let limit = |limit: &_| LimitAnswer {
            limit: format!("{limit}"),
            in_use: in_use.iter().find(|used| used.limit == *limit).map(|used| used.units),
        };
        let weights: Weights = view.weights;
        let lanes =
            LANES.into_iter().zip(view.depths).zip(view.oldest).map(|((lane, queued), oldest)| LaneAnswer {
                lane: name(lane),
                weight: weights.of(lane),
                queued,
                oldest_queued_at: oldest.map(Rfc3339),
            });
        let waits = standing.as_ref().map(|standing| &standing.waits);
        let working = standing.as_ref().map(|standing| standing.working);
        Self {
            number: view.number,
            account: view.account.to_string(),
            provider: view.provider,
            limits: view.limits.iter().map(limit).collect(),
            limits_from: if view.tuning.limits.is_some() { "tuned" } else { "directory" },
            lanes: lanes.collect(),
            queued: view.depth,
            places_in_flight: view.tuning.places,
            in_flight: standing.as_ref().and_then(|standing| u64::try_from(standing.in_flight).ok()),
            paused: view.pause.is_some(),
            paused_until: view.pause.and_then(|pause| pause.until).map(Rfc3339),
            waiting_for: waits.map(word),
            waiting_for_limit: match waits {
                Some(Waits::Pace(limit)) => Some(limit.to_string()),
                Some(_) | None => None,
            },
            next_send_time: standing.as_ref().and_then(|standing| standing.not_before).map(Rfc3339),
            working_rate: working.and_then(|working| working.rate).map(|rate| rate.to_string()),
            provider_pause_until: working.and_then(|working| working.paused_until).map(Rfc3339),
            queue_empty_time: view.empty_at.map(Rfc3339),
            generation: view.tuning.generation,
        }
    }
}
