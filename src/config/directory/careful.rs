//! Limits where nobody gave any: what the provider allows a number of its type by default, and an
//! account. What may send more says so.
//!
//! Sources are PROVIDERS.md §1.4, §2.4, §3.5 and §5.4. Where a provider counts messages, we count
//! segments, which is never faster; where it counts messages with media apart, so do we.

use std::time::Duration;

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::pace::{Counts, Limit, Traffic, Unit, WindowKind};
use sendyard_actors::domain::phone::E164;
use serde::{Deserialize, Serialize};

/// The types of senders that have limits of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NumberType {
    /// A usual phone number.
    LongCode,
    /// A freephone number of the North American plan.
    TollFree,
    /// A number that is too short for a phone's.
    ShortCode,
    /// A name instead of a number. Never guessed: names are no E.164.
    Alphanumeric,
}

/// The shortest and the longest short codes. No phone number of any country has so few digits.
const SHORT: std::ops::RangeInclusive<u64> = 100..=999_999;

/// Area codes of freephone numbers that are in use (<https://www.nanpa.com>).
const TOLL_FREE: [u64; 7] = [800, 833, 844, 855, 866, 877, 888];

impl NumberType {
    /// As far as the number shows it.
    pub(super) fn of(number: E164) -> Self {
        let digits = number.as_u64();
        if SHORT.contains(&digits) {
            return Self::ShortCode;
        }
        let area = digits / 10_000_000 % 1000;
        let is_toll_free = is_north_american(number) && TOLL_FREE.contains(&area);
        if is_toll_free { Self::TollFree } else { Self::LongCode }
    }
}

/// +1, and ten digits.
const fn is_north_american(number: E164) -> bool {
    number.as_u64() / 10_000_000_000 == 1
}

/// What a number of this type may send.
#[allow(clippy::match_same_arms, reason = "a line for each source")]
pub(super) fn of_number(provider: ProviderKind, kind: NumberType, number: E164) -> Vec<Limit> {
    match (provider, kind) {
        (ProviderKind::Twilio, NumberType::TollFree) => vec![sms(3), mms(3)],
        (ProviderKind::Twilio, NumberType::ShortCode) => vec![all(100)],
        // US and Canadian long codes: https://www.twilio.com/docs/api/errors/30001. Elsewhere it is
        // 10/s by an older page, which is not relied upon.
        (ProviderKind::Twilio, NumberType::LongCode | NumberType::Alphanumeric) => vec![sms(1), mms(1)],
        (ProviderKind::Telnyx, NumberType::TollFree) => vec![all(20)],
        (ProviderKind::Telnyx, NumberType::ShortCode) => vec![all(1000)],
        // In the US the number's 10DLC campaign has the limit, by carrier. The lowest class that
        // Telnyx lists has 75 a minute: this is the whole limit below it, for one number of its own.
        (ProviderKind::Telnyx, NumberType::LongCode) if is_north_american(number) => vec![all(1)],
        // 0.1 messages per second: https://developers.telnyx.com/docs/messaging/messages/rate-limiting
        (ProviderKind::Telnyx, NumberType::LongCode | NumberType::Alphanumeric) => {
            vec![Limit::segments(6, Duration::from_mins(1))]
        }
        // US long numbers; no figures for others were found.
        (ProviderKind::Vonage, _) => vec![all(1)],
    }
}

/// What an account may send, all its numbers together. Requests in flight, which Twilio limits, are no
/// rate: that is what places are for.
pub(super) fn of_account(provider: ProviderKind) -> Vec<Limit> {
    match provider {
        ProviderKind::Telnyx => vec![sms(50), mms(15)],
        ProviderKind::Twilio => vec![mms(25)],
        ProviderKind::Vonage => vec![per_second(30, Traffic::Any, Unit::Requests)],
    }
}

const fn all(segments: u32) -> Limit {
    per_second(segments, Traffic::Any, Unit::Segments)
}

const fn sms(segments: u32) -> Limit {
    per_second(segments, Traffic::Sms, Unit::Segments)
}

const fn mms(messages: u32) -> Limit {
    per_second(messages, Traffic::Mms, Unit::Messages)
}

const fn per_second(units: u32, traffic: Traffic, unit: Unit) -> Limit {
    let window = WindowKind::Sliding(Duration::from_secs(1));
    Limit { units, counts: Counts { unit, traffic }, window }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(limits: &[Limit]) -> String {
        limits.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn guessed(provider: ProviderKind, number: &str) -> String {
        let number = number.parse().unwrap();
        shown(&of_number(provider, NumberType::of(number), number))
    }

    #[test]
    fn a_number_has_the_careful_limit_of_its_type() {
        use ProviderKind::{Telnyx, Twilio, Vonage};
        let (twilio_free, twilio_long) = ("3 sms/s, 3 mms/s", "1 sms/s, 1 mms/s");
        let table = [
            ("+18005550100", twilio_free, "20/s", "1/s"),
            ("+18885550100", twilio_free, "20/s", "1/s"),
            // Reserved, not in use.
            ("+18225550100", twilio_long, "1/s", "1/s"),
            ("+15550100001", twilio_long, "1/s", "1/s"),
            ("+442071234567", twilio_long, "6/min", "1/s"),
            ("+24273", "100/s", "1000/s", "1/s"),
            ("+242733", "100/s", "1000/s", "1/s"),
            // These only begin as a number of the North American plan does, or as a freephone one.
            ("+1800555010", twilio_long, "6/min", "1/s"),
            ("+180055501000", twilio_long, "6/min", "1/s"),
            ("+80055501000", twilio_long, "6/min", "1/s"),
            ("+28005550100", twilio_long, "6/min", "1/s"),
            ("+12", twilio_long, "6/min", "1/s"),
        ];
        for (number, twilio, telnyx, vonage) in table {
            for (provider, expected) in [(Twilio, twilio), (Telnyx, telnyx), (Vonage, vonage)] {
                assert_eq!(guessed(provider, number), expected, "{provider} {number}");
            }
        }
        let named = "+442071234567".parse().unwrap();
        assert_eq!(shown(&of_number(Telnyx, NumberType::Alphanumeric, named)), "6/min");
        assert_eq!(shown(&of_number(Telnyx, NumberType::ShortCode, named)), "1000/s");
    }

    #[test]
    fn an_account_has_the_limits_that_its_provider_counts_for_it() {
        let table = [
            (ProviderKind::Twilio, "25 mms/s"),
            (ProviderKind::Telnyx, "50 sms/s, 15 mms/s"),
            (ProviderKind::Vonage, "30 requests/s"),
        ];
        for (provider, expected) in table {
            assert_eq!(shown(&of_account(provider)), expected);
        }
    }
}
