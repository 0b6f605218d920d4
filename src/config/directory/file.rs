//! The directory as it is written.

use figment::value::Value;
use sendyard_actors::domain::ids::{AssistantId, OrganizationId};
use sendyard_actors::domain::message::UnknownPolicy;
use sendyard_actors::domain::phone::E164;
use serde::{Deserialize, Serialize};

use super::careful::NumberType;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) organizations: Vec<Organization>,
    #[serde(default)]
    pub(super) accounts: Vec<Account>,
    #[serde(default)]
    pub(super) assistants: Vec<Assistant>,
    /// Written apart from the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) numbers: Vec<SendingNumber>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Organization {
    pub(super) id: OrganizationId,
    /// For whoever reads the file.
    pub(super) name: String,
    /// Of all that goes through its accounts together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) limits: Vec<String>,
    /// When nothing but what is urgent is sent: `21:00-08:00@Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quiet_hours: Option<String>,
    #[serde(default)]
    pub(super) api_keys: Vec<WrittenKey>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct WrittenKey {
    pub(super) name: String,
    /// Plain, `env:NAME` or `sha256:HEX`.
    pub(super) key: String,
    pub(super) scopes: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) organization: OrganizationId,
    pub(super) provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base_url: Option<String>,
    /// Its keys depend on the provider.
    pub(super) credentials: Value,
    /// As a number's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<Vec<String>>,
    #[serde(default = "hold")]
    pub(super) unknown_outcome: UnknownPolicy,
}

const fn hold() -> UnknownPolicy {
    UnknownPolicy::Hold
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Assistant {
    pub(super) id: AssistantId,
    pub(super) organization: OrganizationId,
    /// For whoever reads the file.
    pub(super) name: String,
    pub(super) account: String,
    /// Where a message goes that the account has definitely refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fallback_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sms_webhook_url: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct SendingNumber {
    pub(super) number: E164,
    pub(super) assistant: AssistantId,
    /// The assistant's where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// Guessed from the number where it is not given.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<NumberType>,
    /// The provider's careful default for its type where they are not given; an empty list means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<Vec<String>>,
    /// Its campaign at its provider, by any name that is the same for all numbers of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) campaign: Option<String>,
    /// What its lanes get of its pace while all have work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lanes: Option<Lanes>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct Lanes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) urgent: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) normal: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bulk: Option<u16>,
}
