//! Which server a command speaks to, and with which key: the same options for each.

use clap::Args;
use secrecy::SecretString;
use url::Url;

use crate::client::Server;

/// Where the server is.
#[derive(Debug, Args)]
struct At {
    /// The server's API.
    #[arg(
        long,
        visible_alias = "url",
        value_name = "URL",
        env = "SENDYARD_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_parser = base_url
    )]
    server: Url,
}

/// The server and the key.
#[derive(Debug, Args)]
pub(super) struct Target {
    #[command(flatten)]
    at: At,
    /// An API key with the scopes that the command needs.
    #[arg(long, value_name = "KEY", env = "SENDYARD_API_KEY", hide_env_values = true)]
    key: SecretString,
}

impl Target {
    pub(super) fn server(&self) -> Server {
        Server { url: self.at.server.clone(), key: self.key.clone() }
    }
}

/// The server and the token of whoever runs it.
#[derive(Debug, Args)]
pub(super) struct AdminTarget {
    #[command(flatten)]
    at: At,
    /// The token of `http.admin_token`.
    #[arg(long, value_name = "TOKEN", env = "SENDYARD_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: SecretString,
}

impl AdminTarget {
    pub(super) fn server(&self) -> Server {
        Server { url: self.at.server.clone(), key: self.admin_token.clone() }
    }
}

/// A URL that paths of the API can be put under.
pub(super) fn base_url(text: &str) -> Result<Url, String> {
    let expected = "a URL such as http://127.0.0.1:8080, without a user and without a query";
    let url = Url::parse(text).map_err(|error| format!("{error}; expected {expected}"))?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_base = url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    if is_http && is_base && is_anonymous { Ok(url) } else { Err(format!("expected {expected}")) }
}
