//! Retention: what is finished and old goes.

use std::ops::ControlFlow;

use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{Pruned, StoreError};

use crate::store::keys;
use crate::store::keys::Span;
use crate::store::rows::{Rows, RowsMut};

/// How many messages, and how many keys, one step removes at most: other steps wait for it.
const AT_A_TIME: usize = 500;

/// `prune`. Finds its rows by their own indexes, which hold nothing that is unfinished.
pub(in crate::store) fn prune(
    rows: &mut dyn RowsMut,
    now: Time,
    messages_before: Time,
) -> Result<Pruned, StoreError> {
    let (messages, more_messages) = first(rows, &keys::finished_before(messages_before))?;
    let (expired, more_keys) = first(rows, &keys::expired_at(now))?;
    for (finished, place) in &messages {
        rows.remove(&keys::message_of_finished(finished))?;
        if let Some(reference) = keys::reference_of_finished(finished, place) {
            rows.remove(&reference)?;
        }
        rows.remove(finished)?;
    }
    for (expiry, _) in &expired {
        rows.remove(&keys::idempotency_of_expiry(expiry))?;
        rows.remove(expiry)?;
    }
    Ok(Pruned {
        messages: messages.len() as u64,
        keys: expired.len() as u64,
        more: more_messages || more_keys,
    })
}

/// A row: its key and its value.
type Row = (Vec<u8>, Vec<u8>);

/// The first rows of a span, and whether there are more.
fn first(rows: &dyn Rows, span: &Span) -> Result<(Vec<Row>, bool), StoreError> {
    let mut found = Vec::new();
    let mut more = false;
    rows.scan(span, &mut |key, value| {
        if found.len() == AT_A_TIME {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        found.push((key.to_vec(), value.to_vec()));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((found, more))
}
