//! Counts per organization and provider, added up over the shards.

use redis::Pipeline;
use sendyard_actors::domain::ids::{OrganizationId, ProviderKind, Shard};
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{StoreError, Tally};

use super::link::{Link, value_of};
use super::pack::Reader;
use super::{keys, record};

const NANOS_PER_MINUTE: u64 = 60_000_000_000;

/// How many minutes are counted together, the running one among them. `MINUTES` of `message.lua`.
const MINUTES: u64 = 60;

/// `tallies`.
pub(super) async fn of_organization(
    link: Link,
    organization: OrganizationId,
) -> Result<Vec<Tally>, StoreError> {
    let first_minute = first_minute(link.now().await?);
    let mut read = Pipeline::new();
    for shard in Shard::all() {
        read.cmd("HGETALL").arg(keys::standing(shard, organization));
    }
    for shard in Shard::all() {
        read.cmd("HGETALL").arg(keys::minutes(shard, organization));
    }
    let mut values = link.read(&read).await?.into_iter();

    let none = |provider| Tally { provider, waiting: 0, active: 0, sent: 0, failed: 0, sent_millis: 0 };
    let mut tallies = ProviderKind::ALL.map(none);
    for value in values.by_ref().take(Shard::all().count()) {
        let standing: Vec<(u8, i64)> = value_of(value)?;
        for (field, count) in standing {
            let count = u64::try_from(count).unwrap_or_default();
            let Some(tally) = tally_of(&mut tallies, field / 2)? else { continue };
            let of_state = if field % 2 == 0 { &mut tally.waiting } else { &mut tally.active };
            *of_state = of_state.saturating_add(count);
        }
    }
    for value in values {
        let minutes: Vec<(u64, Vec<u8>)> = value_of(value)?;
        for (field, counts) in minutes {
            if field / 4 < first_minute {
                continue;
            }
            let provider = u8::try_from(field % 4).unwrap_or_default();
            let Some(tally) = tally_of(&mut tallies, provider)? else { continue };
            let mut from = Reader::new(&counts);
            tally.sent = tally.sent.saturating_add(from.number()?);
            tally.failed = tally.failed.saturating_add(from.number()?);
            tally.sent_millis = tally.sent_millis.saturating_add(from.number()?);
        }
    }
    let mut counted = Vec::from(tallies);
    counted.retain(|tally| tally.waiting + tally.active + tally.sent + tally.failed > 0);
    Ok(counted)
}

fn tally_of(tallies: &mut [Tally], provider: u8) -> Result<Option<&mut Tally>, StoreError> {
    let provider = record::provider(provider)?;
    Ok(tallies.iter_mut().find(|tally| tally.provider == provider))
}

/// The oldest minute that still counts.
const fn first_minute(now: Time) -> u64 {
    (now.as_nanos() / NANOS_PER_MINUTE + 1).saturating_sub(MINUTES)
}
