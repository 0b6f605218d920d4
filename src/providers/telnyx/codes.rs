//! Telnyx's codes, as data. A code that is not here falls into a class by its HTTP status.
//!
//! Sources are PROVIDERS.md §2.3, collected from Telnyx's lists of errors
//! (<https://developers.telnyx.com/development/api-fundamentals/api-errors>,
//! <https://developers.telnyx.com/docs/messaging/messages/error-codes>).
//! A row only sharpens what a status says that refuses; it never turns an unclear answer into a
//! refusal.

use std::time::Duration;

use sendyard_actors::domain::outcome::{Class, Slows};

/// What a code means for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// As in `errors[].code`.
    pub(super) number: u32,
    /// What kind of refusal it is; `None`: whether the message was taken is not said.
    pub(super) class: Option<Class>,
    /// How long to wait, where no `Retry-After` came. Telnyx names no times; these are ours.
    pub(super) wait: Option<Duration>,
    /// Whose pace it is too much for, if that is the reason.
    pub(super) slows: Option<Slows>,
}

const fn code(number: u32, class: Class) -> Code {
    Code { number, class: Some(class), wait: None, slows: None }
}

const fn unclear(number: u32) -> Code {
    Code { number, class: None, wait: None, slows: None }
}

impl Code {
    const fn wait(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    const fn slows(self, slows: Slows) -> Self {
        Self { slows: Some(slows), ..self }
    }
}

/// The row of a code.
pub(super) fn find(number: u32) -> Option<&'static Code> {
    CODES.iter().find(|code| code.number == number)
}

/// Every code that we know as the answer to a send request.
pub(super) const CODES: &[Code] = &[
    // The account and its credentials.
    code(10009, Class::Configuration), // authentication failed
    code(10010, Class::Configuration), // authorization failed
    code(10039, Class::Configuration), // this level of account reaches verified destinations only
    code(20002, Class::Configuration), // authentication, as 10009
    code(20006, Class::Configuration), // authentication, as 10009
    code(20012, Class::Configuration), // account inactive
    code(20013, Class::Configuration), // account blocked
    code(20100, Class::Configuration), // insufficient funds
    code(40314, Class::Configuration), // account disabled
    // The sending number is wrong or not enabled.
    code(10001, Class::Sender), // number inactive
    code(40013, Class::Sender),
    code(40100, Class::Sender),
    code(40150, Class::Sender),
    code(40151, Class::Sender),
    code(40305, Class::Sender),
    code(40306, Class::Sender),
    code(40308, Class::Sender),
    code(40010, Class::Sender), // number without a 10DLC campaign
    code(40329, Class::Sender), // toll-free number not verified
    // The messaging profile.
    code(40312, Class::Configuration), // disabled
    code(40321, Class::Configuration), // its pool has no number
    // The recipient.
    code(10002, Class::Recipient), // to is no number
    code(10016, Class::Recipient), // to is not in E.164 form
    code(40310, Class::Recipient), // to is not valid
    code(40300, Class::OptedOut),  // blocked since the recipient sent STOP
    // The profile does not allow the recipient's region. Permanent, and not `Configuration`: that
    // class stops the whole account, which one customer's number must not do.
    code(40309, Class::Recipient),
    // The request is wrong or too large.
    code(10003, Class::Request), // a URL is not valid
    code(10004, Class::Request), // a parameter is missing
    code(10005, Class::Request), // not found
    code(10015, Class::Request), // not well-formed
    code(10023, Class::Request), // no JSON
    code(40301, Class::Request),
    code(40302, Class::Request),
    code(40304, Class::Request),
    code(40316, Class::Request),
    code(40317, Class::Request), // media over 1 MB
    code(40319, Class::Request),
    code(40328, Class::Request),
    code(40322, Class::Content), // blocked content
    // Too much, or too early.
    code(10011, Class::Retry).slows(Slows::Account), // `x-ratelimit-reset` says until when
    // The sender is not well: another would do, and this one waits. Not `Configuration`, for the
    // account's other numbers go on.
    code(40315, Class::Retry).wait(Duration::from_mins(5)),
    code(40318, Class::Retry).wait(Duration::from_mins(2)).slows(Slows::Sender), // its queue holds 4 h
    code(40320, Class::Retry).wait(Duration::from_mins(5)), // the number's purchase is not finished
    // Of deliveries, known from reports. Answers to requests hardly have them, with no other meaning.
    code(40011, Class::Retry).slows(Slows::Sender), // the carrier's rate
    code(40018, Class::Retry).wait(Duration::from_mins(1)).slows(Slows::Campaign), // AT&T's parts per minute
    // Nobody knows.
    unclear(10007), // unexpected error
    unclear(10008), // timeout
];
