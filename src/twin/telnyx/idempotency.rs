//! Answers kept for the header `Idempotency-Key`, so that a request may be repeated.
//!
//! A record is found by account and key (method and path are always the same here). Only successful
//! answers are kept. What was accepted is kept also where a fault spoilt the answer or put its own in
//! place: faults stand between the provider and its client.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use super::error::TelnyxError;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST_KEY: usize = 255;

/// A request's key, and what tells the request from another.
#[derive(Debug, Clone)]
pub(super) struct Key {
    account: String,
    text: String,
    /// SHA-256 of query and body: both must be the same, byte for byte.
    request: [u8; 32],
}

/// A key that is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeyInvalid;

impl From<&KeyInvalid> for TelnyxError {
    fn from(_: &KeyInvalid) -> Self {
        Self::KeyInvalid
    }
}

impl Key {
    /// None: the request has none.
    pub(super) fn of(
        account: &str,
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Option<Self>, KeyInvalid> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().map_err(|_| KeyInvalid)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
        let fits = (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(allowed);
        if !fits || values.next().is_some() {
            return Err(KeyInvalid);
        }
        let mut request = Sha256::new();
        // No query holds a line feed, so no query and body look like another pair.
        request.update(query.unwrap_or_default());
        request.update(b"\n");
        request.update(body);
        let key =
            Self { account: account.to_owned(), text: text.to_owned(), request: request.finalize().into() };
        Ok(Some(key))
    }
}

/// An acceptance that may be told again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    /// Its line in the ledger.
    pub(super) seq: u64,
    /// The body it was answered with.
    pub(super) answer: Vec<u8>,
}

/// All that is kept.
#[derive(Debug)]
pub(super) struct KeptAnswers {
    most: usize,
    life_us: u64,
    records: HashMap<(String, String), ([u8; 32], Kept)>,
    /// By age, with when each was kept.
    order: VecDeque<(u64, (String, String))>,
}

impl KeptAnswers {
    /// At most `most`, the oldest go first; each for `life`.
    pub(super) fn new(most: usize, life: Duration) -> Self {
        let life_us = u64::try_from(life.as_micros()).unwrap_or(u64::MAX);
        Self { most, life_us, records: HashMap::new(), order: VecDeque::new() }
    }

    /// What this request was answered before; an error where the key is another request's.
    pub(super) fn find(&mut self, key: &Key, now_us: u64) -> Result<Option<Kept>, TelnyxError> {
        self.forget_old(now_us);
        let Some((request, kept)) = self.records.get(&(key.account.clone(), key.text.clone())) else {
            return Ok(None);
        };
        if *request == key.request { Ok(Some(kept.clone())) } else { Err(TelnyxError::KeyReused) }
    }

    /// Keeps what [`KeptAnswers::find`] did not find.
    pub(super) fn keep(&mut self, key: Key, kept: Kept, now_us: u64) {
        let place = (key.account, key.text);
        self.records.insert(place.clone(), (key.request, kept));
        self.order.push_back((now_us, place));
        if self.order.len() > self.most
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.records.remove(&oldest);
        }
    }

    fn forget_old(&mut self, now_us: u64) {
        let life_us = self.life_us;
        while let Some((_, place)) = self.order.pop_front_if(|(since, _)| now_us - *since >= life_us) {
            self.records.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: u64 = 3_600_000_000;

    fn key(account: &str, text: &str, body: &str) -> Key {
        let headers = HeaderMap::from_iter([(HEADER, text.parse().unwrap())]);
        Key::of(account, &headers, None, body.as_bytes()).unwrap().unwrap()
    }

    fn kept(seq: u64) -> Kept {
        Kept { seq, answer: seq.to_string().into_bytes() }
    }

    #[test]
    fn an_answer_is_kept_for_a_day_and_then_forgotten() {
        let mut answers = KeptAnswers::new(10, Duration::from_hours(24));
        answers.keep(key("a", "k", "body"), kept(1), 0);
        assert_eq!(answers.find(&key("a", "k", "body"), 24 * HOUR_US - 1), Ok(Some(kept(1))));
        assert_eq!(answers.find(&key("a", "k", "body"), 24 * HOUR_US), Ok(None));
        assert_eq!(answers.records.len(), 0);
    }

    #[test]
    fn another_request_under_the_same_key_is_refused_and_another_account_is_not() {
        let mut answers = KeptAnswers::new(10, Duration::from_hours(24));
        answers.keep(key("a", "k", "body"), kept(1), 0);
        assert_eq!(answers.find(&key("a", "k", "body "), 1), Err(TelnyxError::KeyReused));
        assert_eq!(answers.find(&key("b", "k", "other"), 1), Ok(None));
        let headers = HeaderMap::from_iter([(HEADER, "k".parse().unwrap())]);
        let with_query = Key::of("a", &headers, Some("x=1"), b"body").unwrap().unwrap();
        assert_eq!(answers.find(&with_query, 1), Err(TelnyxError::KeyReused));
    }

    #[test]
    fn the_oldest_answer_makes_room() {
        let mut answers = KeptAnswers::new(2, Duration::from_hours(24));
        for seq in 1..=3 {
            answers.keep(key("a", &seq.to_string(), ""), kept(seq), seq);
        }
        assert_eq!(answers.find(&key("a", "1", ""), 4), Ok(None));
        assert_eq!(answers.find(&key("a", "2", ""), 4), Ok(Some(kept(2))));
        assert_eq!((answers.records.len(), answers.order.len()), (2, 2));
    }

    #[test]
    fn keys_are_1_to_255_of_the_allowed_characters_and_given_once() {
        let parse = |values: &[&str]| {
            let headers: HeaderMap = values.iter().map(|value| (HEADER, value.parse().unwrap())).collect();
            Key::of("a", &headers, None, b"").map(|key| key.is_some())
        };
        assert_eq!(parse(&[]), Ok(false));
        assert_eq!(parse(&["aZ9_:-"]), Ok(true));
        assert_eq!(parse(&["a".repeat(255).as_str()]), Ok(true));
        for bad in
            [&[""] as &[&str], &["a".repeat(256).as_str()], &["a b"], &["a.b"], &["\"a\""], &["a", "a"]]
        {
            assert_eq!(parse(bad), Err(KeyInvalid), "{bad:?}");
        }
    }
}
