//! `GET /sms/queue/stats`: how much of the caller's organization waits, moves, and is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::Tally;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoResponses, ToSchema};

use super::auth::{Caller, Scope};
use super::errors::{ApiError, Code, Described, keyed};
use super::router::Front;
use super::times::Rfc3339;
use super::words;

/// Counts of your queues
///
/// Of the key's organization only. `sent` and `failed` are of the last hour. Needs the scope `sms:read`.
#[utoipa::path(
    get,
    path = "/sms/queue/stats",
    operation_id = "get_queue_stats",
    tag = "messages",
    security(("api_key" = ["sms:read"])),
    params(("provider" = inline(Option<words::Provider>), Query, description = "Only this one; an empty one counts as absent")),
    responses(
        (status = 200, description = "The counts", body = StatsAnswer),
        StatsErrors,
    ),
)]
pub(super) async fn stats(
    State(front): State<Arc<Front>>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<StatsAnswer>, ApiError> {
    caller.must(Scope::SmsRead)?;
    let only = provider(query.as_deref().unwrap_or_default())?;
    let mut tallies = front.engine.tallies(caller.organization).await?;
    tallies.retain(|tally| only.is_none_or(|only| tally.provider == only));
    Ok(Json(StatsAnswer::of(&tallies, front.engine.now())))
}

/// The provider that is asked for; an empty one counts as absent, as clients send it for "all".
fn provider(query: &str) -> Result<Option<ProviderKind>, ApiError> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let Some((_, asked)) = parameters.find(|(name, value)| name == "provider" && !value.is_empty()) else {
        return Ok(None);
    };
    let found = ProviderKind::ALL.into_iter().find(|kind| kind.as_str() == asked);
    let unknown = || ApiError::invalid("Parameter 'provider' must be one of twilio, telnyx, vonage");
    found.map(Some).ok_or_else(unknown)
}

/// What it may answer instead.
struct StatsErrors;

impl IntoResponses for StatsErrors {
    fn responses() -> Described {
        keyed(&[Code::InvalidRequest])
    }
}

/// Counts of one provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QueueCounts {
    /// Waiting now.
    pending: u64,
    /// Being sent now.
    active: u64,
    /// Failed in the last hour.
    failed: u64,
    /// Sent in the last hour.
    sent: u64,
}

/// Counts of all, and of each provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "timestamp": "2026-11-23T20:24:28.105979Z",
    "queues": { "telnyx": { "pending": 2, "active": 1, "failed": 0, "sent": 9 } },
    "total_queued": 2,
    "pending": 2,
    "processing": 1,
    "completed_last_hour": 9,
    "failed_last_hour": 0,
    "average_send_time_ms": 312,
    "by_provider": { "telnyx": 2 },
}))]
pub(super) struct StatsAnswer {
    /// When this was counted.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Rfc3339,
    /// By provider's name.
    #[schema(value_type = BTreeMap<String, QueueCounts>)]
    queues: BTreeMap<ProviderKind, QueueCounts>,
    /// Waiting now.
    total_queued: u64,
    /// Waiting now.
    pending: u64,
    /// Being sent now.
    processing: u64,
    /// Sent in the last hour.
    completed_last_hour: u64,
    /// Failed in the last hour.
    failed_last_hour: u64,
    /// From acceptance to hand-over, mean over the last hour; 0 if there was none.
    average_send_time_ms: u64,
    /// Waiting now, by provider's name.
    #[schema(value_type = BTreeMap<String, u64>)]
    by_provider: BTreeMap<ProviderKind, u64>,
}

impl StatsAnswer {
    fn of(tallies: &[Tally], now: Time) -> Self {
        let sum = |count: fn(&Tally) -> u64| tallies.iter().map(count).sum::<u64>();
        let waiting = sum(|tally| tally.waiting);
        let sent = sum(|tally| tally.sent);
        Self {
            timestamp: Rfc3339(now),
            queues: tallies.iter().map(|tally| (tally.provider, QueueCounts::of(tally))).collect(),
            total_queued: waiting,
            pending: waiting,
            processing: sum(|tally| tally.active),
            completed_last_hour: sent,
            failed_last_hour: sum(|tally| tally.failed),
            average_send_time_ms: sum(|tally| tally.sent_millis).checked_div(sent).unwrap_or(0),
            by_provider: tallies.iter().map(|tally| (tally.provider, tally.waiting)).collect(),
        }
    }
}

impl QueueCounts {
    const fn of(tally: &Tally) -> Self {
        Self { pending: tally.waiting, active: tally.active, failed: tally.failed, sent: tally.sent }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_is_the_documented_one() {
        let tally = |provider, waiting, sent, sent_millis| Tally {
            provider,
            waiting,
            active: 1,
            sent,
            failed: 3,
            sent_millis,
        };
        let tallies = [tally(ProviderKind::Telnyx, 2, 9, 1_000), tally(ProviderKind::Twilio, 5, 1, 509)];
        let body = serde_json::to_value(StatsAnswer::of(&tallies, Time::ZERO)).unwrap();
        let expected = json!({
            "timestamp": "1970-01-01T00:00:00.000000Z",
            "queues": {
                "telnyx": {"pending": 2, "active": 1, "failed": 3, "sent": 9},
                "twilio": {"pending": 5, "active": 1, "failed": 3, "sent": 1},
            },
            "total_queued": 7, "pending": 7, "processing": 2,
            "completed_last_hour": 10, "failed_last_hour": 6, "average_send_time_ms": 150,
            "by_provider": {"telnyx": 2, "twilio": 5},
        });
        assert_eq!(body, expected);
    }
}
