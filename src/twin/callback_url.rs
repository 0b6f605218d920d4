//! What the twin reads in the address that a request wants its callbacks at.

use url::form_urlencoded;

/// Our token in the callback's address.
const TOKEN: &str = "a";

/// The query parameter `a`.
pub(super) fn token(callback: &str) -> Option<String> {
    let (_, after) = callback.split_once('?')?;
    let query = after.split('#').next()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == TOKEN)
        .map(|(_, value)| value.into_owned())
}

/// Is it one that can be called?
pub(super) fn is_http(address: &str) -> bool {
    address.starts_with("http://") || address.starts_with("https://")
}
