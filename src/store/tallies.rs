//! Counts per organization and provider: what waits and is on its way now, and what became `sent` or
//! `failed`, by the minute.

use std::ops::ControlFlow;

use sendyard_actors::domain::ids::{OrganizationId, ProviderKind};
use sendyard_actors::domain::message::{Message, Shown};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{StoreError, Tally};

use super::keys;
use super::rows::{Rows, RowsMut, decode, load, save};
use super::values::{MinuteRow, TallyRow};

const NANOS_PER_MINUTE: u64 = 60_000_000_000;

/// How many minutes are counted together, the running one among them.
const MINUTES: u64 = 60;

/// Counts a message that was shown as `before`, at that provider, and is now as it is.
pub(super) fn count(
    rows: &mut dyn RowsMut,
    before: Option<(Shown, ProviderKind)>,
    message: &Message,
    now: Time,
) -> Result<(), StoreError> {
    let after = (message.shown(), message.draft.provider);
    if before == Some(after) {
        return Ok(());
    }
    let organization = message.draft.organization;
    let (shown, provider) = after;
    let (was_shown, was_at) = before.unzip();
    match was_at {
        // It moved to its fallback account.
        Some(was_at) if was_at != provider => {
            change(rows, organization, was_at, was_shown, None)?;
            change(rows, organization, provider, None, Some(shown))?;
        }
        Some(_) | None => change(rows, organization, provider, was_shown, Some(shown))?,
    }
    match shown {
        Shown::Sent => {
            let took = u64::try_from(now.since(message.accepted_at).as_millis()).unwrap_or(u64::MAX);
            let sent = MinuteRow { sent: 1, failed: 0, sent_millis: took };
            add_to_minute(rows, organization, provider, now, sent)
        }
        Shown::Failed => {
            let failed = MinuteRow { failed: 1, ..MinuteRow::default() };
            add_to_minute(rows, organization, provider, now, failed)
        }
        Shown::Queued | Shown::Sending | Shown::Cancelled => Ok(()),
    }
}

/// Counts one message less that is shown as `less`, and one more that is shown as `more`; what is final is
/// not counted here.
fn change(
    rows: &mut dyn RowsMut,
    organization: OrganizationId,
    provider: ProviderKind,
    less: Option<Shown>,
    more: Option<Shown>,
) -> Result<(), StoreError> {
    let mut row = standing(rows, organization, provider)?;
    apply(&mut row, less, more);
    save(rows, keys::tally(organization, provider), &row)
}

/// What waits and is on its way.
pub(super) fn standing(
    rows: &dyn Rows,
    organization: OrganizationId,
    provider: ProviderKind,
) -> Result<TallyRow, StoreError> {
    Ok(load(rows, &keys::tally(organization, provider))?.unwrap_or_default())
}

/// Counts one less that is shown as `less`, and one more that is shown as `more`.
pub(super) fn apply(row: &mut TallyRow, less: Option<Shown>, more: Option<Shown>) {
    if let Some(count) = less.and_then(|shown| count_of(row, shown)) {
        *count = count.saturating_sub(1);
    }
    if let Some(count) = more.and_then(|shown| count_of(row, shown)) {
        *count = count.saturating_add(1);
    }
}

const fn count_of(row: &mut TallyRow, shown: Shown) -> Option<&mut u64> {
    match shown {
        Shown::Queued => Some(&mut row.waiting),
        Shown::Sending => Some(&mut row.active),
        Shown::Sent | Shown::Failed | Shown::Cancelled => None,
    }
}

/// The counts of one organization, per provider that has any.
pub(super) fn of_organization(
    rows: &dyn Rows,
    now: Time,
    organization: OrganizationId,
) -> Result<Vec<Tally>, StoreError> {
    let mut tallies = Vec::new();
    for provider in ProviderKind::ALL {
        let standing = standing(rows, organization, provider)?;
        let hour = last_hour(rows, now, organization, provider)?;
        let tally = Tally {
            provider,
            waiting: standing.waiting,
            active: standing.active,
            sent: hour.sent,
            failed: hour.failed,
            sent_millis: hour.sent_millis,
        };
        if tally.waiting + tally.active + tally.sent + tally.failed > 0 {
            tallies.push(tally);
        }
    }
    Ok(tallies)
}

fn last_hour(
    rows: &dyn Rows,
    now: Time,
    organization: OrganizationId,
    provider: ProviderKind,
) -> Result<MinuteRow, StoreError> {
    let mut sum = MinuteRow::default();
    let span = keys::minutes_from(organization, provider, first_minute(now));
    rows.scan(&span, &mut |_, value| {
        sum = added(sum, decode(value)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sum)
}

fn add_to_minute(
    rows: &mut dyn RowsMut,
    organization: OrganizationId,
    provider: ProviderKind,
    now: Time,
    more: MinuteRow,
) -> Result<(), StoreError> {
    let key = keys::minute(organization, provider, minute_of(now));
    let row: Option<MinuteRow> = load(rows, &key)?;
    if row.is_none() {
        // With each new minute its old ones go, so there are never many.
        let mut old = Vec::new();
        rows.scan(&keys::minutes_before(organization, provider, first_minute(now)), &mut |old_key, _| {
            old.push(old_key.to_vec());
            Ok(ControlFlow::Continue(()))
        })?;
        for old_key in old {
            rows.remove(&old_key)?;
        }
    }
    save(rows, key, &added(row.unwrap_or_default(), more))
}

fn added(one: MinuteRow, other: MinuteRow) -> MinuteRow {
    MinuteRow {
        sent: one.sent.saturating_add(other.sent),
        failed: one.failed.saturating_add(other.failed),
        sent_millis: one.sent_millis.saturating_add(other.sent_millis),
    }
}

const fn minute_of(time: Time) -> u64 {
    time.as_nanos() / NANOS_PER_MINUTE
}

/// The oldest minute that still counts.
const fn first_minute(now: Time) -> u64 {
    (minute_of(now) + 1).saturating_sub(MINUTES)
}
