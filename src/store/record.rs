//! The stored form of a message's record: a version byte, then postcard.
//!
//! An old record must be readable by a new binary. When `Message` changes, its old shape stays here
//! as a type of its own under the old version, and is turned into the new one when it is read; the
//! golden test holds a record of every version.

mod v1;
mod v2;
mod v3;
mod v4;

use sendyard_actors::domain::message::Message;
use sendyard_actors::ports::StoreError;
use serde::de::DeserializeOwned;

use self::v1::MessageV1;
use self::v2::MessageV2;
use self::v3::MessageV3;
use self::v4::MessageV4;

/// The version that is written.
const VERSION: u8 = 5;

/// The bytes of a record.
pub(super) fn encode(message: &Message) -> Result<Vec<u8>, StoreError> {
    let start = Vec::with_capacity(512);
    postcard::to_extend(&(VERSION, message), start).map_err(|error| {
        StoreError::Corrupt(format!("message {} cannot be encoded: {error}", message.draft.id))
    })
}

/// Back from the bytes, of any version.
pub(super) fn decode(bytes: &[u8]) -> Result<Message, StoreError> {
    match bytes.split_first() {
        Some((&VERSION, body)) => from_bytes(body),
        Some((4, body)) => from_bytes::<MessageV4>(body).map(Message::from),
        Some((3, body)) => from_bytes::<MessageV3>(body).map(Message::from),
        Some((2, body)) => from_bytes::<MessageV2>(body).map(Message::from),
        Some((1, body)) => from_bytes::<MessageV1>(body).map(Message::from),
        Some((version, _)) => {
            Err(StoreError::Corrupt(format!("a message's record has the unknown version {version}")))
        }
        None => Err(StoreError::Corrupt("a message's record is empty".to_owned())),
    }
}

fn from_bytes<T: DeserializeOwned>(body: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(body)
        .map_err(|error| StoreError::Corrupt(format!("a message's record cannot be decoded: {error}")))
}

#[cfg(test)]
mod tests;
