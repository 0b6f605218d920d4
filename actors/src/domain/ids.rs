//! Names of things: messages, organizations, assistants, accounts, claims, and the shard in an id.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, Variant};

use super::phone::E164;
use super::time::Time;

/// How many shards a store has. Fixed when the store is created and checked at each start.
pub const SHARDS: u16 = 256;

/// One of the store's [`SHARDS`]; a sender belongs to one for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shard(u16);

/// FNV-1a.
fn hash_of(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

impl Shard {
    /// The shard of a sending number: FNV-1a over its digits. Part of the store's format.
    pub fn of(sender: E164) -> Self {
        Self::of_bytes(&sender.as_u64().to_be_bytes())
    }

    /// The shard whose owner passes on what the account's limits allow. Nothing is stored by it, but the
    /// processes on one store must agree.
    pub fn of_account(account: &AccountName) -> Self {
        Self::of_bytes(account.as_str().as_bytes())
    }

    /// The same of an organization's limits.
    pub fn of_organization(organization: OrganizationId) -> Self {
        Self::of_bytes(&organization.0.to_be_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let hash = hash_of(bytes);
        let folded = (hash >> 32) ^ (hash & 0xffff_ffff);
        Self(u16::try_from(folded % u64::from(SHARDS)).unwrap_or_default())
    }

    /// Every shard, from 0 up.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// Its number, below [`SHARDS`].
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

/// The id of a message: a `UUIDv7` whose last 16 bits carry its shard, so that an id finds its keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(Uuid);

impl MessageId {
    /// Before all of them, and none of them.
    pub(crate) const FIRST: Self = Self(Uuid::nil());

    /// Puts the shard into a fresh `UUIDv7`.
    pub fn new(fresh: Uuid, shard: Shard) -> Self {
        let mut bytes = fresh.into_bytes();
        let [.., high, low] = &mut bytes;
        [*high, *low] = shard.0.to_be_bytes();
        Self(Uuid::from_bytes(bytes))
    }

    /// The shard that the id carries.
    pub const fn shard(self) -> Shard {
        let [.., high, low] = *self.0.as_bytes();
        Shard(u16::from_be_bytes([high, low]))
    }

    /// When it was made, by the clock of who made it, to the millisecond.
    pub const fn made_at(self) -> Time {
        // Its first 48 bits are milliseconds.
        let (high, _) = self.0.as_u64_pair();
        Time::from_millis(high >> 16)
    }

    /// The 16 bytes, in the order in which ids were made.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Back from [`MessageId::as_bytes`]; `None` for an id of another form.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        Self::checked(Uuid::from_bytes(bytes))
    }

    fn checked(id: Uuid) -> Option<Self> {
        let ours = id.get_version_num() == 7 && id.get_variant() == Variant::RFC4122;
        let id = Self(id);
        (ours && id.shard().0 < SHARDS).then_some(id)
    }
}

/// An id of another form than ours: simply unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message id")]
pub struct NotMessageId;

impl FromStr for MessageId {
    type Err = NotMessageId;

    fn from_str(text: &str) -> Result<Self, NotMessageId> {
        let id = Uuid::try_parse(text).map_err(|_| NotMessageId)?;
        Self::checked(id).ok_or(NotMessageId)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An organization's id, as the directory gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrganizationId(pub u32);

/// An assistant's id, as the directory gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssistantId(pub u32);

/// The name of a campaign at its provider, as an operator writes it: numbers of an account that share a pace
/// there. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CampaignName(Arc<str>);

impl From<&str> for CampaignName {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

/// The name of a provider account, unique in the directory. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AccountName {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AccountName {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(from)?;
        Ok(Self(Arc::from(name.as_ref())))
    }
}

/// The three providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
    /// Vonage, by its Messages API.
    Vonage,
}

impl ProviderKind {
    /// The three, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Twilio, Self::Telnyx, Self::Vonage];

    /// The provider's name in answers, labels and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
            Self::Vonage => "vonage",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// 128 random bits per start of a process: who holds a lease, who made a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u128);

impl Incarnation {
    /// What the part of this process is called that sends through one account, where each asks for itself.
    #[must_use]
    pub fn at_account(self, account: &AccountName) -> Self {
        Self(self.0 ^ u128::from(hash_of(account.as_str().as_bytes())))
    }
}

/// Names one call of `claim`, so that a repeat of it is known as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimId {
    /// The process that claimed.
    pub incarnation: Incarnation,
    /// Counts that process's claims.
    pub counter: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_shard_and_survives_its_text() {
        let sender: E164 = "+1234567890".parse().unwrap();
        let shard = Shard::of(sender);
        let id = MessageId::new(Uuid::now_v7(), shard);
        assert_eq!(id.shard(), shard);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn ids_of_another_form_are_unknown() {
        let shard = Shard::of("+1234567890".parse().unwrap());
        let id = MessageId::new(Uuid::now_v7(), shard);
        let mut far = *id.as_bytes();
        far[14] = 0xff;
        assert_eq!(MessageId::from_bytes(far), None, "a shard that no store has");
        assert!(Uuid::new_v4().to_string().parse::<MessageId>().is_err());
        assert!("nonsense".parse::<MessageId>().is_err());
    }

    #[test]
    fn the_shard_of_a_number_is_part_of_the_format() {
        assert_eq!(Shard::of("+1234567890".parse().unwrap()).as_u16(), 163);
    }
}
