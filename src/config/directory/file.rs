//! The directory as it is written.

use figment::value::Value;
use sendyard_actors::domain::ids::{AssistantId, OrganizationId};
use sendyard_actors::domain::message::UnknownPolicy;
use sendyard_actors::domain::phone::E164;
use serde::Deserialize;

use super::careful::NumberType;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) organizations: Vec<Organization>,
    #[serde(default)]
    pub(super) accounts: Vec<Account>,
    #[serde(default)]
    pub(super) assistants: Vec<Assistant>,
    #[serde(default)]
    pub(super) numbers: Vec<SendingNumber>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Organization {
    pub(super) id: OrganizationId,
    /// For whoever reads the file.
    #[serde(rename = "name")]
    pub(super) _name: String,
    /// Of all that goes through its accounts together.
    #[serde(default)]
    pub(super) limits: Vec<String>,
    /// When nothing but what is urgent is sent: `21:00-08:00@Europe/Berlin`.
    pub(super) quiet_hours: Option<String>,
    #[serde(default)]
    pub(super) api_keys: Vec<WrittenKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct WrittenKey {
    pub(super) name: String,
    /// Plain, `env:NAME` or `sha256:HEX`.
    pub(super) key: String,
    pub(super) scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) organization: OrganizationId,
    pub(super) provider: String,
    pub(super) base_url: Option<String>,
    /// Its keys depend on the provider.
    pub(super) credentials: Value,
    /// As a number's.
    pub(super) limits: Option<Vec<String>>,
    #[serde(default = "hold")]
    pub(super) unknown_outcome: UnknownPolicy,
}

const fn hold() -> UnknownPolicy {
    UnknownPolicy::Hold
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Assistant {
    pub(super) id: AssistantId,
    pub(super) organization: OrganizationId,
    /// For whoever reads the file.
    #[serde(rename = "name")]
    pub(super) _name: String,
    pub(super) account: String,
    /// Where a message goes that the account has definitely refused.
    pub(super) fallback_account: Option<String>,
    pub(super) sms_webhook_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct SendingNumber {
    pub(super) number: E164,
    pub(super) assistant: AssistantId,
    /// The assistant's where it is not given.
    pub(super) account: Option<String>,
    /// Guessed from the number where it is not given.
    #[serde(rename = "type")]
    pub(super) kind: Option<NumberType>,
    /// The provider's careful default for its type where they are not given; an empty list means none.
    pub(super) limits: Option<Vec<String>>,
    /// Its campaign at its provider, by any name that is the same for all numbers of it.
    pub(super) campaign: Option<String>,
    /// What its lanes get of its pace while all have work.
    pub(super) lanes: Option<Lanes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Lanes {
    pub(super) urgent: Option<u16>,
    pub(super) normal: Option<u16>,
    pub(super) bulk: Option<u16>,
}
