//! Twilio's codes, as data. A code that is not here falls into a class by its HTTP status.
//!
//! Sources are PROVIDERS.md §1.3, collected from Twilio's error dictionary
//! (<https://www.twilio.com/docs/api/errors>). Twilio asks clients not to lean on codes: values
//! change. So a row only sharpens what the status says; with one exception it never turns an unclear
//! answer into a refusal.

use std::time::Duration;

use sendyard_actors::domain::outcome::{Class, Slows};

/// What a code means for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    /// As in the error body's `code`.
    pub(super) number: u32,
    /// What kind of refusal it is.
    pub(super) class: Class,
    /// How long its text asks to wait, where no `Retry-After` came.
    pub(super) wait: Option<Duration>,
    /// Whose pace it is too much for, if that is the reason.
    pub(super) slows: Option<Slows>,
    /// Twilio promises that the request was not worked on, whatever the HTTP status.
    pub(super) never_processed: bool,
}

const fn code(number: u32, class: Class) -> Code {
    Code { number, class, wait: None, slows: None, never_processed: false }
}

impl Code {
    const fn wait(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    const fn slows(self, slows: Slows) -> Self {
        Self { slows: Some(slows), ..self }
    }

    const fn never_processed(self) -> Self {
        Self { never_processed: true, ..self }
    }
}

/// The row of a code.
pub(super) fn find(number: u32) -> Option<&'static Code> {
    CODES.iter().find(|code| code.number == number)
}

/// Every code that we know as the answer to a send request.
pub(super) const CODES: &[Code] = &[
    // The account and its credentials.
    code(10001, Class::Configuration), // account not active
    code(20003, Class::Configuration), // bad credentials
    code(20005, Class::Configuration), // account not active
    code(20404, Class::Configuration), // wrong account or path
    code(21608, Class::Configuration), // trial account, or no approved compliance profile
    code(30002, Class::Configuration), // account suspended
    // The sending number or its messaging service.
    code(21212, Class::Sender), // From is no number
    code(21601, Class::Sender), // From cannot send SMS
    code(21603, Class::Sender), // From is missing
    code(21606, Class::Sender), // From is not ours, or cannot send this
    code(21703, Class::Sender), // the service has no sender
    code(21704, Class::Sender), // the service's sender cannot be used
    code(21705, Class::Sender), // the service is not valid
    // The recipient.
    code(21211, Class::Recipient), // To is no number
    // Permission for the recipient's region is missing. Permanent, and not `Configuration`: that
    // class stops the whole account, which one customer's number must not do.
    code(21408, Class::Recipient),
    code(21610, Class::OptedOut),  // the recipient sent STOP
    code(21612, Class::Recipient), // this pair of numbers cannot be routed
    code(21614, Class::Recipient), // To is not a mobile number
    // The request.
    code(21602, Class::Request), // no body
    code(21604, Class::Request), // no To
    code(21617, Class::Request), // more than 1600 characters
    code(21619, Class::Request), // neither body nor media
    code(21620, Class::Request), // a media URL is not valid
    code(21623, Class::Request), // more than 10 media
    // Too much, or too early.
    code(14107, Class::Retry).wait(Duration::from_secs(30)), // over 30 replies in 30 s between two numbers
    code(20429, Class::Retry).never_processed().slows(Slows::Account), // at once; "always safe to retry"
    code(21611, Class::Retry).wait(Duration::from_mins(2)).slows(Slows::Sender), // From's queue holds 10 h
    code(63017, Class::Retry).slows(Slows::Account),         // the account's 2000 messages per second
    code(60728, Class::Retry).wait(Duration::from_hours(1)), // the account's hourly cap
    // Of deliveries, known from reports. Answers to requests hardly have them, with no other meaning.
    code(30001, Class::Retry).wait(Duration::from_mins(2)).slows(Slows::Sender), // the queue is full
    code(30022, Class::Retry).slows(Slows::Campaign),                            // the campaign's rate
    code(63038, Class::NextWindow),                                              // the account's daily cap
];
