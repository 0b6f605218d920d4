//! `sendyard probe`: does a process answer? For health checks where there is no other client.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::say;

/// Ask a URL once, and end with 0 if it answers with 200.
///
/// For health checks in images that have no other client. What was answered is printed otherwise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sendyard probe http://127.0.0.1:8080/livez
  sendyard probe http://127.0.0.1:8080/readyz")]
pub(super) struct Probe {
    /// What to ask.
    #[arg(value_name = "URL")]
    url: Url,
    /// After so many milliseconds there is no answer.
    #[arg(long, value_name = "MS", default_value = "2000")]
    within: u64,
}

impl Probe {
    pub(super) async fn run(self) -> ExitCode {
        match self.ask().await {
            Ok((200, _)) => ExitCode::SUCCESS,
            Ok((status, body)) => {
                say(&format!("{status} {body}"));
                ExitCode::FAILURE
            }
            Err(error) => {
                say(&error.to_string());
                ExitCode::FAILURE
            }
        }
    }

    async fn ask(self) -> Result<(u16, String), reqwest::Error> {
        let client =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(self.within)).build()?;
        let answer = client.get(self.url).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }
}
