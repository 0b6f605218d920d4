//! What a sender or recipient is, by its form alone.

/// Toll-free codes of the North American plan.
const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];

/// What a message is sent from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SenderKind {
    /// A number in the US or Canada.
    LongCode,
    /// A toll-free number there.
    TollFree,
    ShortCode,
    /// A number in any other country.
    Elsewhere,
    /// Letters instead of a number.
    Name,
}

impl SenderKind {
    /// None: nothing that can send.
    pub(super) fn of(from: &str) -> Option<Self> {
        if is_e164(from) {
            let Some(national) = from.strip_prefix("+1") else { return Some(Self::Elsewhere) };
            let toll_free = TOLL_FREE.iter().any(|code| national.starts_with(code));
            return Some(if toll_free { Self::TollFree } else { Self::LongCode });
        }
        if (3..=8).contains(&from.len()) && from.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::ShortCode);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" +-_&".contains(&byte);
        let is_name = from.len() <= 11
            && from.bytes().all(allowed)
            && from.bytes().any(|byte| byte.is_ascii_alphabetic());
        is_name.then_some(Self::Name)
    }
}

/// `+`, then 7 to 15 digits of which the first is no zero.
pub(super) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(is_msisdn)
}

/// 7 to 15 digits of which the first is no zero.
pub(super) fn is_msisdn(digits: &str) -> bool {
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_known_by_its_form() {
        let table = [
            ("+15550001111", Some(SenderKind::LongCode)),
            ("+18335550000", Some(SenderKind::TollFree)),
            ("+447700900000", Some(SenderKind::Elsewhere)),
            ("12345", Some(SenderKind::ShortCode)),
            ("ACME Ltd", Some(SenderKind::Name)),
            ("+0447700900", None),
            ("123456789", None),
            ("a name that is long", None),
            ("né", None),
            ("", None),
        ];
        for (from, kind) in table {
            assert_eq!(SenderKind::of(from), kind, "{from}");
        }
    }
}
