//! Which messages are meant by a list, or by a cancellation of many.

use super::ids::OrganizationId;
use super::message::{Lane, Message, Shown};
use super::phone::E164;
use super::time::Time;

/// What a message must be to be meant. What is `None` is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Whose it is. Always asked.
    pub organization: OrganizationId,
    /// The number that it is sent from.
    pub sender: Option<E164>,
    /// The number that it is sent to.
    pub recipient: Option<E164>,
    /// Its lane.
    pub lane: Option<Lane>,
    /// Where it stands.
    pub standing: Option<Standing>,
    /// What its client calls it, to the letter.
    pub client_reference: Option<String>,
    /// Accepted at this instant or later.
    pub accepted_from: Option<Time>,
    /// Accepted before this instant.
    pub accepted_before: Option<Time>,
}

/// Where a message stands, as a list is asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it is shown.
    Shown(Shown),
    /// Its outcome is unknown (see [`Message::is_doubtful`]). It is shown as `sending`.
    Unknown,
}

impl Filter {
    /// Everything of an organization.
    pub const fn of(organization: OrganizationId) -> Self {
        Self {
            organization,
            sender: None,
            recipient: None,
            lane: None,
            standing: None,
            client_reference: None,
            accepted_from: None,
            accepted_before: None,
        }
    }

    /// Is it meant?
    pub fn matches(&self, message: &Message) -> bool {
        let draft = &message.draft;
        let reference = self.client_reference.as_ref();
        draft.organization == self.organization
            && self.sender.is_none_or(|sender| sender == draft.sender)
            && self.recipient.is_none_or(|recipient| recipient == draft.recipient)
            && self.lane.is_none_or(|lane| lane == draft.lane)
            && self.standing.is_none_or(|standing| standing.is_of(message))
            && reference.is_none_or(|reference| draft.client_reference.as_ref() == Some(reference))
            && self.accepted_from.is_none_or(|from| message.accepted_at >= from)
            && self.accepted_before.is_none_or(|before| message.accepted_at < before)
    }
}

impl Standing {
    fn is_of(self, message: &Message) -> bool {
        match self {
            Self::Shown(shown) => message.shown() == shown,
            Self::Unknown => message.is_doubtful(),
        }
    }
}

#[cfg(test)]
mod tests;
