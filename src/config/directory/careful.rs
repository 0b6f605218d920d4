//! Limits where nobody gave any: what the provider allows a number of its type by default, and an
//! account. What may send more says so.
//!
//! Sources are PROVIDERS.md §1.4, §2.4, §3.5 and §5.4. Where a provider counts messages, we count
//! segments, which is never faster.

use std::time::Duration;

use sendyard_actors::domain::ids::ProviderKind;
use sendyard_actors::domain::pace::Limit;
use sendyard_actors::domain::phone::E164;

/// The types of numbers that have limits of their own. A short code is none: it has no form in E.164.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberType {
    /// A freephone number of the North American plan.
    TollFree,
    /// Any other number of the North American plan.
    NorthAmerican,
    /// A number of another plan.
    Elsewhere,
}

/// Area codes of freephone numbers that are in use (<https://www.nanpa.com>).
const TOLL_FREE: [u64; 7] = [800, 833, 844, 855, 866, 877, 888];

impl NumberType {
    fn of(number: E164) -> Self {
        let digits = number.as_u64();
        // +1, and ten digits.
        if digits / 10_000_000_000 != 1 {
            return Self::Elsewhere;
        }
        let area = digits / 10_000_000 % 1000;
        if TOLL_FREE.contains(&area) { Self::TollFree } else { Self::NorthAmerican }
    }
}

/// What a number may send.
#[allow(clippy::match_same_arms, reason = "a line for each source")]
pub(super) fn of_number(provider: ProviderKind, number: E164) -> Vec<Limit> {
    let limit = match (provider, NumberType::of(number)) {
        (ProviderKind::Twilio, NumberType::TollFree) => per_second(3),
        // US and Canadian long codes: https://www.twilio.com/docs/api/errors/30001. Elsewhere it is
        // 10/s by an older page, which is not relied upon.
        (ProviderKind::Twilio, NumberType::NorthAmerican | NumberType::Elsewhere) => per_second(1),
        (ProviderKind::Telnyx, NumberType::TollFree) => per_second(20),
        // In the US the number's 10DLC campaign has the limit, by carrier. The lowest class that
        // Telnyx lists has 75 a minute: this is the whole limit below it, for one number of its own.
        (ProviderKind::Telnyx, NumberType::NorthAmerican) => per_second(1),
        // 0.1 messages per second: https://developers.telnyx.com/docs/messaging/messages/rate-limiting
        (ProviderKind::Telnyx, NumberType::Elsewhere) => Limit { units: 6, window: Duration::from_mins(1) },
        // US long numbers; no figures for others were found.
        (ProviderKind::Vonage, _) => per_second(1),
    };
    vec![limit]
}

/// What an account may send, all its numbers together. None of them is a limit that the provider counts
/// otherwise: requests in flight (Twilio), requests per second (Vonage).
pub(super) fn of_account(provider: ProviderKind) -> Vec<Limit> {
    match provider {
        ProviderKind::Telnyx => vec![per_second(50)],
        ProviderKind::Twilio | ProviderKind::Vonage => Vec::new(),
    }
}

const fn per_second(units: u32) -> Limit {
    Limit { units, window: Duration::from_secs(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_careful_limit_of_its_type() {
        use ProviderKind::{Telnyx, Twilio, Vonage};
        let table = [
            ("+18005550100", "3/s", "20/s", "1/s"),
            ("+18885550100", "3/s", "20/s", "1/s"),
            // Reserved, not in use.
            ("+18225550100", "1/s", "1/s", "1/s"),
            ("+15550100001", "1/s", "1/s", "1/s"),
            ("+442071234567", "1/s", "6/min", "1/s"),
            // These only begin as a number of the North American plan does, or as a freephone one.
            ("+1800555010", "1/s", "6/min", "1/s"),
            ("+180055501000", "1/s", "6/min", "1/s"),
            ("+80055501000", "1/s", "6/min", "1/s"),
            ("+28005550100", "1/s", "6/min", "1/s"),
            ("+12", "1/s", "6/min", "1/s"),
        ];
        for (number, twilio, telnyx, vonage) in table {
            for (provider, limit) in [(Twilio, twilio), (Telnyx, telnyx), (Vonage, vonage)] {
                let expected: Limit = limit.parse().unwrap();
                assert_eq!(of_number(provider, number.parse().unwrap()), [expected], "{provider} {number}");
            }
        }
    }
}
