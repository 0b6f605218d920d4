//! The fault dials, and which of them strikes a request.
//!
//! [`Faults`] is at once the body of `PUT /_twin/faults` and the state: nothing in between. What
//! strikes is a pure function of the dials and the request's number in the ledger.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::callbacks::CallbackDials;
use super::dice::{self, Throw};
use super::sender_limits::SenderLimit;

/// Nothing is held longer, in milliseconds.
pub(super) const LONGEST_HOLD_MS: u64 = 3_600_000;
/// Shares written in decimal may miss 1 by a rounding.
const ROUNDING: f64 = 1e-9;

/// All dials. The default disturbs nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Faults {
    /// The same seed strikes the same requests, by their numbers.
    pub(super) seed: u64,
    /// No connection is accepted; only the control port answers.
    pub(super) refuse: bool,
    /// Recipients who opted out, as the provider would write them.
    pub(super) opted_out: HashSet<String>,
    /// None: no status callbacks are sent.
    pub(super) callbacks: Option<CallbackDials>,
    /// The first that matches a request rules it.
    pub(super) rules: Vec<Rule>,
}

/// Dials for the requests of one account or sender, or of all. Shares are exclusive: each request
/// draws once, and the shares divide the draw.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rule {
    /// Only this account.
    account: Option<String>,
    /// Only this sender.
    from: Option<String>,
    /// Each answer comes this much later.
    latency_ms: u64,
    /// And up to this much later still, evenly spread.
    latency_jitter_ms: u64,
    throttle: Option<Throttle>,
    server_error: Option<ServerError>,
    cut_after_body: Option<Share>,
    cut_unaccepted: Option<Share>,
    garbage: Option<Garbage>,
    hang: Option<Hang>,
    /// What the provider takes of each sender, without telling. Comes after the shares.
    sender_limit: Option<SenderLimit>,
}

/// Of the requests, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
    pub(super) share: f64,
}

/// Not accepted: 429, with a time to wait or without.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Throttle {
    share: f64,
    /// Seconds.
    #[serde(default)]
    retry_after: Option<u64>,
}

/// A 5xx, which says nothing about whether the message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerError {
    share: f64,
    #[serde(default = "internal_server_error")]
    status: u16,
    #[serde(default)]
    accepted: bool,
}

fn internal_server_error() -> u16 {
    500
}

/// An answer that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Garbage {
    share: f64,
    #[serde(default = "yes")]
    accepted: bool,
}

fn yes() -> bool {
    true
}

/// Accepted and never answered: the connection is held, then dropped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hang {
    share: f64,
    ms: u64,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fate {
    /// The answer comes this much later.
    pub(super) latency: Duration,
    /// None: the provider's own answer, whatever that is.
    pub(super) disturbance: Option<Disturbance>,
    /// Its first callback, if there is one, comes before the answer.
    pub(super) early: bool,
    /// What its sender is allowed, if nothing else refuses it.
    pub(super) sender_limit: Option<SenderLimit>,
}

impl Fate {
    /// The seconds that a sender is told to wait who is too fast.
    pub(super) fn sender_waits(self) -> Option<u64> {
        self.sender_limit.and_then(|limit| limit.retry_after)
    }
}

/// What strikes instead of a plain answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Disturbance {
    /// 429; with the seconds to wait, or without.
    Throttle { retry_after: Option<u64> },
    /// This 5xx.
    ServerError { status: u16, accepted: bool },
    /// No answer.
    Cut { accepted: bool },
    /// Nonsense, chosen by this number.
    Garbage { pick: u64, accepted: bool },
    /// No answer, after this time.
    Hang { held: Duration },
}

impl Disturbance {
    /// Is the request thrown away, however good it is?
    pub(super) const fn refuses(self) -> bool {
        match self {
            Self::Throttle { .. } => true,
            Self::ServerError { accepted, .. } | Self::Cut { accepted } | Self::Garbage { accepted, .. } => {
                !accepted
            }
            Self::Hang { .. } => false,
        }
    }
}

impl Faults {
    /// From a request's body. The error is a sentence.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        // serde would take an array too, and read it as the fields in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err("the body must be a JSON object".to_owned());
        }
        let faults: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        for (index, rule) in faults.rules.iter().enumerate() {
            rule.check().map_err(|reason| format!("rules[{index}]: {reason}"))?;
        }
        if let Some(dials) = &faults.callbacks {
            dials.check().map_err(|reason| format!("callbacks: {reason}"))?;
        }
        Ok(faults)
    }

    /// What strikes request `seq`.
    pub(super) fn fate(&self, account: &str, from: Option<&str>, seq: u64) -> Fate {
        let early = self.callbacks.as_ref().is_some_and(|dials| dials.is_early(self.seed, seq));
        let Some(rule) = self.rules.iter().find(|rule| rule.rules_over(account, from)) else {
            return Fate { latency: Duration::ZERO, disturbance: None, early, sender_limit: None };
        };
        Fate {
            latency: rule.latency(self.seed, seq),
            disturbance: rule.disturbance(self.seed, seq),
            early,
            sender_limit: rule.sender_limit,
        }
    }
}

impl Rule {
    fn rules_over(&self, account: &str, from: Option<&str>) -> bool {
        let account_fits = self.account.as_deref().is_none_or(|only| only == account);
        let from_fits = self.from.as_deref().is_none_or(|only| Some(only) == from);
        account_fits && from_fits
    }

    /// The named dials with their shares, in the order in which they divide a draw.
    fn shares(&self) -> [(&'static str, f64); 6] {
        let plain = |dial: Option<Share>| dial.map_or(0.0, |dial| dial.share);
        [
            ("throttle", self.throttle.map_or(0.0, |dial| dial.share)),
            ("server_error", self.server_error.map_or(0.0, |dial| dial.share)),
            ("cut_after_body", plain(self.cut_after_body)),
            ("cut_unaccepted", plain(self.cut_unaccepted)),
            ("garbage", self.garbage.map_or(0.0, |dial| dial.share)),
            ("hang", self.hang.map_or(0.0, |dial| dial.share)),
        ]
    }

    fn check(&self) -> Result<(), String> {
        for (dial, share) in self.shares() {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("the share of {dial} is {share}, it must be from 0 to 1"));
            }
        }
        let sum: f64 = self.shares().iter().map(|(_, share)| share).sum();
        if sum > 1.0 + ROUNDING {
            return Err(format!("the shares add up to {sum}, at most 1 is possible"));
        }
        if let Some(dial) = self.server_error
            && !(500..=599).contains(&dial.status)
        {
            return Err(format!("the status of server_error is {}, it must be a 5xx", dial.status));
        }
        if let Some(limit) = &self.sender_limit {
            limit.check().map_err(|reason| format!("sender_limit: {reason}"))?;
        }
        let hang_ms = self.hang.map_or(0, |dial| dial.ms);
        for (field, ms) in [
            ("latency_ms", self.latency_ms),
            ("latency_jitter_ms", self.latency_jitter_ms),
            ("hang.ms", hang_ms),
        ] {
            if ms > LONGEST_HOLD_MS {
                return Err(format!("{field} is {ms}, at most {LONGEST_HOLD_MS} (an hour) is possible"));
            }
        }
        Ok(())
    }

    fn latency(&self, seed: u64, seq: u64) -> Duration {
        let jitter = Duration::from_millis(self.latency_jitter_ms);
        let added = jitter.mul_f64(dice::share(seed, seq, Throw::Jitter));
        Duration::from_millis(self.latency_ms) + added
    }

    fn disturbance(&self, seed: u64, seq: u64) -> Option<Disturbance> {
        let mut draw = dice::share(seed, seq, Throw::Fault);
        let mut strikes = |share: f64| {
            let struck = draw < share;
            draw -= share;
            struck
        };
        if let Some(dial) = self.throttle
            && strikes(dial.share)
        {
            return Some(Disturbance::Throttle { retry_after: dial.retry_after });
        }
        if let Some(dial) = self.server_error
            && strikes(dial.share)
        {
            return Some(Disturbance::ServerError { status: dial.status, accepted: dial.accepted });
        }
        if let Some(dial) = self.cut_after_body
            && strikes(dial.share)
        {
            return Some(Disturbance::Cut { accepted: true });
        }
        if let Some(dial) = self.cut_unaccepted
            && strikes(dial.share)
        {
            return Some(Disturbance::Cut { accepted: false });
        }
        if let Some(dial) = self.garbage
            && strikes(dial.share)
        {
            let pick = dice::number(seed, seq, Throw::Garbage);
            return Some(Disturbance::Garbage { pick, accepted: dial.accepted });
        }
        if let Some(dial) = self.hang
            && strikes(dial.share)
        {
            return Some(Disturbance::Hang { held: Duration::from_millis(dial.ms) });
        }
        None
    }
}

/// The dials as they stand; every request reads them.
#[derive(Debug, Default)]
pub(super) struct FaultBoard {
    current: RwLock<Arc<Faults>>,
    /// Held while the dials are being changed, which takes time where the port is closed or opened.
    pub(super) changing: tokio::sync::Mutex<()>,
}

impl FaultBoard {
    /// As they stand now.
    pub(super) fn current(&self) -> Arc<Faults> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these.
    pub(super) fn replace(&self, faults: Faults) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Faults {
        Faults::parse(json.as_bytes()).unwrap()
    }

    fn refusal(json: &str) -> String {
        Faults::parse(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_first_rule_that_matches_account_and_sender_decides() {
        let faults = parse(
            r#"{"rules":[{"account":"AC1","from":"+1","latency_ms":1},{"account":"AC1","latency_ms":2},
                {"latency_ms":3}]}"#,
        );
        let latency = |account, from| faults.fate(account, from, 1).latency.as_millis();
        assert_eq!(latency("AC1", Some("+1")), 1);
        assert_eq!(latency("AC1", Some("+2")), 2);
        assert_eq!(latency("AC1", None), 2);
        assert_eq!(latency("AC2", Some("+1")), 3);
    }

    #[test]
    fn shares_divide_the_requests_as_told() {
        let faults = parse(
            r#"{"rules":[{"throttle":{"share":0.1},"cut_after_body":{"share":0.2},"hang":{"share":0.3,"ms":1}}]}"#,
        );
        let count = |wanted: fn(Option<Disturbance>) -> bool| {
            (1..=10_000).filter(|&seq| wanted(faults.fate("AC", None, seq).disturbance)).count()
        };
        assert!((900..1_100).contains(&count(|it| matches!(it, Some(Disturbance::Throttle { .. })))));
        assert!((1_850..2_150).contains(&count(|it| matches!(it, Some(Disturbance::Cut { .. })))));
        assert!((2_850..3_150).contains(&count(|it| matches!(it, Some(Disturbance::Hang { .. })))));
        assert!((3_800..4_200).contains(&count(|it| it.is_none())));
    }

    #[test]
    fn the_same_seed_strikes_the_same_requests_and_another_does_not() {
        let struck = |seed: u64| {
            let faults = parse(&format!(r#"{{"seed":{seed},"rules":[{{"throttle":{{"share":0.5}}}}]}}"#));
            (1..100).map(|seq| faults.fate("AC", None, seq).disturbance.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        let faults = parse(r#"{"rules":[{"latency_ms":10,"latency_jitter_ms":5}]}"#);
        for seq in 1..1_000 {
            let latency = faults.fate("AC", None, seq).latency;
            assert!((Duration::from_millis(10)..Duration::from_millis(15)).contains(&latency));
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_a_sentence() {
        assert!(refusal(r#"{"rulez":[]}"#).contains("unknown field `rulez`"));
        assert!(refusal(r#"{"rules":[{"latency":5}]}"#).contains("unknown field `latency`"));
        assert!(
            refusal(r#"{"rules":[{"throttle":{"share":2}}]}"#).contains("rules[0]: the share of throttle")
        );
        assert!(
            refusal(r#"{"rules":[{"throttle":{"share":0.6},"garbage":{"share":0.6}}]}"#).contains("add up")
        );
        assert!(refusal(r#"{"rules":[{"server_error":{"share":1,"status":404}}]}"#).contains("a 5xx"));
        assert!(refusal(r#"{"rules":[{"latency_ms":3600001}]}"#).contains("latency_ms"));
        assert!(refusal(r#"{"rules":[{"hang":{"share":1,"ms":3600001}}]}"#).contains("hang.ms"));
        assert!(refusal(r#"{"rules":[{"sender_limit":{"per_second":0}}]}"#).contains("per_second"));
        assert!(
            refusal(r#"{"rules":[{"sender_limit":{"per_second":1,"turns_every":0}}]}"#).contains("turns")
        );
        assert!(refusal(r#"{"rules":[{"hang":{"share":1}}]}"#).contains("missing field `ms`"));
    }

    #[test]
    fn shares_that_add_up_to_one_in_decimal_are_allowed() {
        parse(
            r#"{"rules":[{"throttle":{"share":0.7},"garbage":{"share":0.1},"hang":{"share":0.2,"ms":1}}]}"#,
        );
    }
}
