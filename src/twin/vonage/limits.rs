//! What the Vonage face allows, and its count of requests.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use super::jwt::PublicKey;
use crate::twin::allowance::{Allowance, Standing};

/// Vonage's limits, with Vonage's defaults. Where neither applications nor keys are named, any
/// application with a token of the right form is let in, and any key with any secret; else only those.
#[derive(Debug)]
pub struct VonageLimits {
    /// Applications whose tokens are let in.
    pub applications: Vec<VonageApplication>,
    /// Keys that are let in.
    pub keys: Vec<VonageKey>,
    /// Numbers that may be sent from, as the ledger writes them: with `+`. Empty: any.
    pub numbers: HashSet<String>,
    /// Requests of one application or key. Source: Vonage's article on throughput.
    pub requests_per_second: u32,
}

/// An application that signs its requests.
#[derive(Debug)]
pub struct VonageApplication {
    /// Its id, as in the claim `application_id`.
    pub id: String,
    /// Its public key, PEM.
    pub public_key: String,
}

/// Credentials of an account.
#[derive(Debug)]
pub struct VonageKey {
    /// The user name.
    pub api_key: String,
    /// Its password.
    pub api_secret: SecretString,
}

impl Default for VonageLimits {
    fn default() -> Self {
        Self { applications: Vec::new(), keys: Vec::new(), numbers: HashSet::new(), requests_per_second: 30 }
    }
}

/// Limits and counts.
#[derive(Debug)]
pub(super) struct Books {
    limits: VonageLimits,
    applications: HashMap<String, PublicKey>,
    requests: Mutex<Allowance>,
}

impl Books {
    /// Nothing counted yet. Fails where a public key is none.
    pub(super) fn new(limits: VonageLimits) -> io::Result<Self> {
        let mut applications = HashMap::new();
        for VonageApplication { id, public_key } in &limits.applications {
            let key = PublicKey::from_pem(public_key).ok_or_else(|| {
                let sentence = format!("the public key of application {id} is no RSA key in PEM");
                io::Error::new(io::ErrorKind::InvalidInput, sentence)
            })?;
            applications.insert(id.clone(), key);
        }
        let requests = Mutex::new(Allowance::new(limits.requests_per_second));
        Ok(Self { limits, applications, requests })
    }

    pub(super) fn limits(&self) -> &VonageLimits {
        &self.limits
    }

    /// The key of an application that was named at the start.
    pub(super) fn application(&self, id: &str) -> Option<&PublicKey> {
        self.applications.get(id)
    }

    /// Nobody was named, so anybody is let in.
    pub(super) fn is_open(&self) -> bool {
        self.applications.is_empty() && self.limits.keys.is_empty()
    }

    /// One more request of this application or key.
    pub(super) fn count_request(&self, account: &str, now_us: u64) -> Standing {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).count(account, now_us)
    }
}
