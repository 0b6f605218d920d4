//! What callbacks are signed with. None of it protects anything: `GET /_twin/keys` shows it all, and the
//! defaults are in this file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde_json::{Value, json};

/// Keys for signing callbacks. The defaults are known to everybody, and the same for every twin, so
/// that receivers can be configured before the twin runs. Put no key in here that opens anything else.
#[derive(Debug)]
pub struct CallbackKeys {
    /// Twilio's, where a request came with an API key; one that came with the account and its token is
    /// called back with that token.
    pub twilio_auth_token: SecretString,
    /// Telnyx's private key: the seed of an Ed25519 key pair.
    pub telnyx_seed: SecretBox<[u8; 32]>,
    /// Vonage's, of the account.
    pub vonage_signature_secret: SecretString,
    /// The account's key, for requests of an application; one that came with a key is called back with
    /// that one.
    pub vonage_api_key: String,
}

impl Default for CallbackKeys {
    fn default() -> Self {
        Self {
            twilio_auth_token: "twin-auth-token".into(),
            telnyx_seed: SecretBox::new(Box::new(*b"sendyard twin: known to everyone")),
            vonage_signature_secret: "twin-signature-secret-known-to-everyone".into(),
            vonage_api_key: "twin".to_owned(),
        }
    }
}

impl CallbackKeys {
    /// Telnyx's key pair. None is impossible: any 32 bytes are a seed.
    pub(in crate::twin) fn telnyx(&self) -> Option<Ed25519KeyPair> {
        Ed25519KeyPair::from_seed_unchecked(self.telnyx_seed.expose_secret()).ok()
    }

    pub(super) fn shown(&self) -> Value {
        let public_key = self.telnyx().map(|pair| STANDARD.encode(pair.public_key()));
        json!({
            "twilio": { "auth_token": self.twilio_auth_token.expose_secret() },
            "telnyx": { "public_key": public_key },
            "vonage": {
                "signature_secret": self.vonage_signature_secret.expose_secret(),
                "api_key": self.vonage_api_key,
            },
        })
    }
}
