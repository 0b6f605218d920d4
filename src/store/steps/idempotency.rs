//! Idempotency keys: bound, joined, freed.

use std::time::Duration;

use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::time::Time;
use sendyard_actors::ports::{BoundKey, Reserve, Reserved, ScopedKey, StoreError};
use uuid::Uuid;

use crate::store::keys;
use crate::store::keys::KeyBytes;
use crate::store::rows::{Rows, RowsMut, load, save};
use crate::store::values::KeyRow;

/// `reserve_key`.
pub(in crate::store) fn reserve_key(
    rows: &mut dyn RowsMut,
    now: Time,
    key: &ScopedKey,
    fresh: BoundKey,
    token: Uuid,
    keep_for: Duration,
) -> Result<Reserved, StoreError> {
    let row_key = keys::idempotency(key);
    let stored: Option<KeyRow> = load(rows, &row_key)?;
    match stored {
        Some(row) if row.expires > now => meet(rows, row_key, row, fresh.fingerprint, token),
        expired_or_none => {
            if let Some(expired) = expired_or_none {
                rows.remove(&keys::key_expiry(expired.expires, key))?;
            }
            let BoundKey { id, fingerprint } = fresh;
            let expires = now + keep_for;
            save(rows, row_key, &KeyRow { id, fingerprint, token, joined: false, expires })?;
            rows.put(keys::key_expiry(expires, key), Vec::new())?;
            Ok(Reserved::Yours(id))
        }
    }
}

/// `reserve_keys`.
pub(in crate::store) fn reserve_keys(
    rows: &mut dyn RowsMut,
    now: Time,
    keys: &[Reserve],
    keep_for: Duration,
) -> Result<Vec<Reserved>, StoreError> {
    let mut answers = Vec::with_capacity(keys.len());
    for Reserve { key, id, fingerprint, token } in keys {
        let fresh = BoundKey { id: *id, fingerprint: *fingerprint };
        answers.push(reserve_key(rows, now, key, fresh, *token, keep_for)?);
    }
    Ok(answers)
}

fn meet(
    rows: &mut dyn RowsMut,
    row_key: KeyBytes,
    row: KeyRow,
    fingerprint: Fingerprint,
    token: Uuid,
) -> Result<Reserved, StoreError> {
    if row.fingerprint != fingerprint {
        return Ok(Reserved::OtherRequest);
    }
    if row.token == token {
        return Ok(Reserved::Yours(row.id));
    }
    // C1: from now on the request that bound the key must not free it any more.
    if !row.joined {
        save(rows, row_key, &KeyRow { joined: true, ..row })?;
    }
    Ok(Reserved::Joined(row.id))
}

/// `lookup_key`: a read, for requests that fail their own checks.
pub(in crate::store) fn lookup_key(
    rows: &dyn Rows,
    now: Time,
    key: &ScopedKey,
) -> Result<Option<BoundKey>, StoreError> {
    let row: Option<KeyRow> = load(rows, &keys::idempotency(key))?;
    let bound = row.filter(|row| row.expires > now);
    Ok(bound.map(|row| BoundKey { id: row.id, fingerprint: row.fingerprint }))
}

/// `release_key`.
pub(in crate::store) fn release_key(
    rows: &mut dyn RowsMut,
    key: &ScopedKey,
    id: MessageId,
    token: Uuid,
) -> Result<(), StoreError> {
    let row_key = keys::idempotency(key);
    let Some(row) = load::<KeyRow>(rows, &row_key)? else { return Ok(()) };
    if row.id != id || row.token != token || row.joined {
        return Ok(());
    }
    rows.remove(&row_key)?;
    rows.remove(&keys::key_expiry(row.expires, key))
}
