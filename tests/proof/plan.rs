//! Who sends what when, and when the service is killed: all from one seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::process::yard::SendingNumber;

pub(super) const SENDERS: usize = 20;
const MESSAGES: usize = 5_000;
const CLIENTS: usize = 20;
const RECIPIENTS_PER_SENDER: usize = 8;
const KILLS: u64 = 12;

/// The provider surely sees more than this, whatever is cancelled or lost: kills are spread over it.
const SURELY_HANDED_OVER: u64 = 3_900;

/// The longest pause between two messages of a client.
const LONGEST_PAUSE_MS: u64 = 120;

/// What is done in one run.
pub(super) struct Plan {
    pub(super) clients: Vec<Vec<Item>>,
    /// At how many requests seen by the provider it is killed.
    pub(super) kills: Vec<u64>,
}

/// One message of a client.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) pause: Duration,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) queue: bool,
    pub(super) key: Option<String>,
    pub(super) again: Again,
    pub(super) cancel: Option<Cancel>,
}

/// What else a client does with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing, if it was answered.
    No,
    /// Sends the request twice at the same time.
    AtOnce,
    /// Sends it again after its answer.
    After,
    /// Uses the key for another text, after its answer.
    OtherText,
}

/// When a message is called back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cancel {
    /// So long after its answer.
    After(Duration),
    /// When the answer said that it would be handed over, and so much later.
    WhenDue(Duration),
}

impl Plan {
    pub(super) fn from_seed(seed: u64, numbers: &[SendingNumber]) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let clients = clients(&mut random, numbers, MESSAGES);
        let share = SURELY_HANDED_OVER / KILLS;
        let kills = (0..KILLS).map(|kill| kill * share + random.random_range(share / 4..share)).collect();
        Self { clients, kills }
    }
}

/// What each client sends: so many messages in all, over all numbers alike.
pub(super) fn clients(random: &mut StdRng, numbers: &[SendingNumber], messages: usize) -> Vec<Vec<Item>> {
    let mut clients = vec![Vec::new(); CLIENTS];
    for index in 0..messages {
        let sender = index % numbers.len();
        let recipient = random.random_range(0..RECIPIENTS_PER_SENDER);
        // One client a conversation, so that order of acceptance is known from outside.
        let client = (sender + recipient) % CLIENTS;
        let to = format!("+1555{sender:03}{recipient:04}");
        clients[client].push(item(random, index, &numbers[sender].number, to));
    }
    clients
}

fn item(random: &mut StdRng, index: usize, from: &str, to: String) -> Item {
    let queue = random.random_bool(0.82);
    let key = random.random_bool(0.5).then(|| format!("key-{index}"));
    let again = match random.random_range(0..20) {
        _ if key.is_none() => Again::No,
        0 => Again::AtOnce,
        1 => Again::After,
        2 => Again::OtherText,
        _ => Again::No,
    };
    let is_cancelled = random.random_bool(if queue { 0.14 } else { 0.02 });
    let cancel = is_cancelled.then(|| {
        let delay = Duration::from_millis(random.random_range(0..60));
        if random.random_bool(0.5) { Cancel::WhenDue(delay) } else { Cancel::After(delay * 10) }
    });
    // One segment as a rule, sometimes up to three.
    let length = if random.random_bool(0.9) { 20 } else { random.random_range(161..400) };
    Item {
        pause: Duration::from_millis(random.random_range(0..=LONGEST_PAUSE_MS)),
        from: from.to_owned(),
        to,
        text: format!("{index:.<length$}"),
        queue,
        key,
        again,
        cancel,
    }
}
