//! Vonage's codes, as data. A code that is not here falls into a class by its HTTP status.
//!
//! Sources are PROVIDERS.md §3.4, collected from Vonage's lists of errors
//! (<https://developer.vonage.com/en/api-errors/messages> for the numbers,
//! <https://developer.vonage.com/en/api-errors> for the words) and its API description. They
//! contradict each other in places, so the HTTP status goes first: a row only sharpens a status that
//! says no more than that the request is refused, or makes unclear what a status refuses.

use sendyard_actors::domain::outcome::{Class, Slows};

/// What a code means for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// As in the fragment of the error body's `type`.
    pub(super) name: &'static str,
    /// What kind of refusal it is; `None`: the message may have been taken.
    pub(super) class: Option<Class>,
    /// Whose pace it is too much for, if that is the reason.
    pub(super) slows: Option<Slows>,
}

const fn code(name: &'static str, class: Class) -> Code {
    Code { name, class: Some(class), slows: None }
}

const fn unclear(name: &'static str) -> Code {
    Code { name, class: None, slows: None }
}

impl Code {
    const fn slows(self, slows: Slows) -> Self {
        Self { slows: Some(slows), ..self }
    }
}

/// The row of a code.
pub(super) fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

/// Every code that we know.
pub(super) const CODES: &[Code] = &[
    // The account and its credentials.
    code("account-suspended", Class::Configuration),
    code("forbidden", Class::Configuration),
    code("invalid-api-key", Class::Configuration),
    code("invalid-signature", Class::Configuration),
    code("jwt-expired", Class::Configuration), // or our clock is wrong
    code("jwt-revoked", Class::Configuration),
    code("low-balance", Class::Configuration),
    code("unauthorized", Class::Configuration),
    code("unprovisioned", Class::Configuration), // the product is not enabled
    // Account barred. The API description has it for a client_ref that is not valid, too; ours is.
    code("1060", Class::Configuration),
    code("1070", Class::Configuration), // balance
    code("1080", Class::Configuration), // account not enabled
    code("1140", Class::Configuration), // account not enabled
    code("1160", Class::Configuration), // a demo account, which reaches its own list only
    // The sending number.
    code("1120", Class::Sender), // not accepted as a sender
    // The recipient.
    code("1040", Class::Recipient), // prefix not known
    code("1050", Class::Recipient), // number barred
    code("1170", Class::Recipient), // no number
    code("110", Class::Recipient),  // as 1170, misprinted in the API description
    // The request.
    code("invalid-json", Class::Request),
    code("invalid-params", Class::Request),
    code("1010", Class::Request), // a parameter is missing
    code("1020", Class::Request), // a parameter is not valid
    code("1021", Class::Request), // tag
    code("1022", Class::Request), // template
    code("1090", Class::Request), // too long
    code("1130", Class::Request), // time to live
    code("1150", Class::Request), // parameters, or the message class
    // Too much, or too early.
    code("1000", Class::Retry).slows(Slows::Account), // throttled: the key's requests per second
    // It failed inside, perhaps after the message was passed on.
    unclear("1030"), // internal error
    unclear("1100"), // communication failed
    // Already sent: Vonage refuses this request because it has the message from another one. So it is
    // no refusal, after which the message would be failed or sent again, and it is no acceptance of
    // this attempt: there is no id. The report on the earlier one, with its client_ref, settles it.
    unclear("1320"),
    // Of deliveries, known from reports. Answers to requests hardly have them, with no other meaning.
    code("1180", Class::Retry),                      // absent for now
    code("1220", Class::Retry),                      // busy
    code("1230", Class::Retry),                      // network
    code("1241", Class::Retry).slows(Slows::Sender), // too many requests
    code("1240", Class::OptedOut),                   // the recipient sent STOP
    code("1210", Class::Content),                    // anti-spam
    code("1282", Class::Content),                    // blocked by the provider
    code("1190", Class::Recipient), // absent for good; with the rest: ported, barred, unreachable, prepaid
    code("1200", Class::Recipient),
    code("1250", Class::Recipient),
    code("1251", Class::Recipient),
    code("1260", Class::Recipient),
    code("1280", Class::Recipient),
    code("1290", Class::Recipient),
    code("1300", Class::Recipient),
    code("1310", Class::Recipient),
];
