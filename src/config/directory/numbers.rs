//! Assistants and the sending numbers that belong to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sendyard_actors::domain::ids::{AccountName, AssistantId, CampaignName, OrganizationId};
use sendyard_actors::domain::lanes::{HEAVIEST, Weights};
use sendyard_actors::domain::message::Elsewhere;
use sendyard_actors::domain::pace::{self, BadLimit, Limit};
use sendyard_actors::domain::phone::E164;
use sendyard_actors::domain::quiet_hours::QuietHours;
use sendyard_actors::domain::routing::{Account, Alike, Route};

use super::careful;
use super::careful::NumberType;
use super::file::{Assistant, Lanes, SendingNumber};
use crate::config::Refusal;

/// An assistant, as its numbers need it.
pub(super) struct KnownAssistant {
    organization: OrganizationId,
    account: AccountName,
    fallback: Option<Elsewhere>,
}

/// Ids are unique; organization and account exist, and the account is the organization's.
pub(super) fn check_assistants(
    written: &[Assistant],
    organizations: &HashSet<OrganizationId>,
    accounts: &HashMap<AccountName, Account>,
) -> Result<HashMap<AssistantId, KnownAssistant>, Refusal> {
    let mut known = HashMap::new();
    for (index, assistant) in written.iter().enumerate() {
        let place = format!("assistants[{index}]");
        let organization = assistant.organization;
        if !organizations.contains(&organization) {
            let problem = format!("there is no organization {}", organization.0);
            return Err(Refusal::new(format!("{place}.organization"), problem));
        }
        if assistant.sms_webhook_url.is_some() {
            let problem = "this version does not take in inbound messages, leave this key out";
            return Err(Refusal::new(format!("{place}.sms_webhook_url"), problem));
        }
        let account = account_of(&place, "account", organization, &assistant.account, accounts)?.name.clone();
        let fallback = match &assistant.fallback_account {
            Some(name) => Some(account_of(&place, "fallback_account", organization, name, accounts)?),
            None => None,
        };
        let fallback = fallback
            .map(|fallback| Elsewhere { account: fallback.name.clone(), provider: fallback.provider });
        if known.insert(assistant.id, KnownAssistant { organization, account, fallback }).is_some() {
            let problem = format!("assistant {} is listed twice", assistant.id.0);
            return Err(Refusal::new(format!("{place}.id"), problem));
        }
    }
    Ok(known)
}

/// Numbers are unique; assistant and account exist, and the account is the assistant's organization's.
pub(super) fn check(
    written: &[SendingNumber],
    assistants: &HashMap<AssistantId, KnownAssistant>,
    accounts: &HashMap<AccountName, Account>,
    quiet_hours: &HashMap<OrganizationId, QuietHours>,
) -> Result<HashMap<E164, Arc<Route>>, Refusal> {
    let mut routes = HashMap::with_capacity(written.len());
    let mut alike = Alike::default();
    for (index, number) in written.iter().enumerate() {
        let place = format!("numbers[{index}]");
        let Some(assistant) = assistants.get(&number.assistant) else {
            let problem = format!("there is no assistant {}", number.assistant.0);
            return Err(Refusal::new(format!("{place}.assistant"), problem));
        };
        let organization = assistant.organization;
        let account_name = number.account.as_deref().unwrap_or_else(|| assistant.account.as_str());
        let account = account_of(&place, "account", organization, account_name, accounts)?;
        let limits = if let Some(written) = &number.limits {
            limits(&place, written)?
        } else {
            let kind = number.kind.unwrap_or_else(|| NumberType::of(number.number));
            careful::of_number(account.provider, kind, number.number)
        };
        let route = Route {
            organization,
            assistant: number.assistant,
            account: account.name.clone(),
            provider: account.provider,
            campaign: campaign(&place, number.campaign.as_deref())?,
            // An account is no way out of itself.
            fallback: assistant.fallback.clone().filter(|fallback| fallback.account != account.name),
            limits,
            quiet_hours: quiet_hours.get(&organization).cloned(),
            weights: weights(&place, number.lanes.as_ref())?,
        };
        if routes.insert(number.number, alike.share(route)).is_some() {
            let problem = format!("{} is listed twice", number.number);
            return Err(Refusal::new(format!("{place}.number"), problem));
        }
    }
    Ok(routes)
}

/// As the provider names it; whether it knows it is not asked.
fn campaign(place: &str, written: Option<&str>) -> Result<Option<CampaignName>, Refusal> {
    match written.map(str::trim) {
        Some("") => Err(Refusal::new(format!("{place}.campaign"), "is empty, leave this key out")),
        written => Ok(written.map(CampaignName::from)),
    }
}

/// The weights of a number's lanes; what is not given is the default's.
fn weights(place: &str, written: Option<&Lanes>) -> Result<Weights, Refusal> {
    let usual = Weights::default();
    let Some(written) = written else { return Ok(usual) };
    let given = [
        ("urgent", written.urgent, usual.urgent),
        ("normal", written.normal, usual.normal),
        ("bulk", written.bulk, usual.bulk),
    ];
    for (lane, weight, _) in given {
        if weight.is_some_and(|weight| !(1..=HEAVIEST).contains(&weight)) {
            let problem = format!("expected a whole number from 1 to {HEAVIEST}");
            return Err(Refusal::new(format!("{place}.lanes.{lane}"), problem));
        }
    }
    let [urgent, normal, bulk] = given.map(|(_, weight, usual)| weight.unwrap_or(usual));
    Ok(Weights { urgent, normal, bulk })
}

/// The limits of an organization, an account or a number, under its key `limits`.
pub(super) fn limits(place: &str, written: &[String]) -> Result<Vec<Limit>, Refusal> {
    let bad =
        |(index, bad): (usize, BadLimit)| Refusal::new(format!("{place}.limits[{index}]"), bad.to_string());
    pace::read_all(written).map_err(bad)
}

fn account_of<'a>(
    place: &str,
    key: &str,
    organization: OrganizationId,
    name: &str,
    accounts: &'a HashMap<AccountName, Account>,
) -> Result<&'a Account, Refusal> {
    let refused = |problem| Refusal::new(format!("{place}.{key}"), problem);
    let account = accounts
        .get(&AccountName::from(name))
        .ok_or_else(|| refused(format!("there is no account {name:?}")))?;
    if account.organization != organization {
        let (theirs, ours) = (account.organization.0, organization.0);
        return Err(refused(format!(
            "account {name:?} is organization {theirs}'s, not organization {ours}'s"
        )));
    }
    Ok(account)
}
