//! The token that an application signs for itself: a JWT, RS256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;

/// How long a token without `exp` is good for, in seconds. Source: Vonage's guide on authentication.
const DEFAULT_LIFE: u64 = 15 * 60;

/// A token of the right form; nothing is said yet of its signature or its time.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) application_id: String,
    /// Seconds since the epoch; good before.
    expires: u64,
    signed: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    application_id: String,
    iat: u64,
    #[serde(rename = "jti")]
    _jti: String,
    #[serde(default)]
    exp: Option<u64>,
}

/// None: not three parts, not RS256, or a claim is missing. A `jti` may come again: a client uses a
/// token for all its requests of a few minutes.
pub(super) fn parse(token: &str) -> Option<Token<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = object(header)?;
    if header.alg != "RS256" {
        return None;
    }
    let claims: Claims = object(claims)?;
    Some(Token {
        application_id: claims.application_id,
        expires: claims.exp.unwrap_or(claims.iat.saturating_add(DEFAULT_LIFE)),
        signed,
        signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
    })
}

/// serde would take an array for an object, and read it as the fields in their order.
fn object<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
    if !value.is_object() {
        return None;
    }
    serde_json::from_value(value).ok()
}

impl Token<'_> {
    pub(super) fn is_in_time(&self, now_us: u64) -> bool {
        now_us / 1_000_000 < self.expires
    }
}

/// An application's public key.
#[derive(Debug)]
pub(super) struct PublicKey(Vec<u8>);

impl PublicKey {
    /// From the file that Vonage lets one download: `-----BEGIN PUBLIC KEY-----`. None: not an RSA key
    /// of 2048 bits or more.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        let info = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
        Some(Self(rsa_key(&info)?.to_vec()))
    }

    /// Did the owner of this key sign the token?
    pub(super) fn signed(&self, token: &Token) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0);
        key.verify(token.signed.as_bytes(), &token.signature).is_ok()
    }
}

/// The `RSAPublicKey` within a `SubjectPublicKeyInfo`: sequence { sequence { rsaEncryption, null },
/// bit string }. From 2048 bits up, all its lengths take two bytes. Source: RFC 3279, 2.3.1.
fn rsa_key(info: &[u8]) -> Option<&[u8]> {
    const ALGORITHM: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let after_sequence = long_value(info, 0x30)?;
    let bit_string = after_sequence.strip_prefix(&ALGORITHM)?;
    // The first byte tells how many bits of the last are unused.
    long_value(bit_string, 0x03)?.strip_prefix(&[0])
}

/// The whole rest is one value of this tag, whose length takes two bytes.
fn long_value(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (head, value) = der.split_first_chunk::<4>()?;
    let [found, form, high, low] = *head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    (found == tag && form == 0x82 && length == value.len()).then_some(value)
}
