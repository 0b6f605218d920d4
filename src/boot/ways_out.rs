//! The way out of every account, each with connections of its own.

use std::collections::HashMap;
use std::sync::Arc;

use sendyard_actors::domain::ids::AccountName;
use sendyard_actors::engine::WaysOut;
use sendyard_actors::ports::Provider;
use url::Url;

use crate::config::Directory;
use crate::config::directory::ProviderSettings;
use crate::providers::{self, HttpClientError, telnyx, twilio, vonage};

/// Below the public URL: where Twilio's status callbacks go (API.md §5).
const TWILIO_CALLBACK: &str = "/webhooks/sms/twilio";

/// And Telnyx's.
const TELNYX_CALLBACK: &str = "/webhooks/sms/telnyx";

/// And Vonage's.
const VONAGE_CALLBACK: &str = "/webhooks/sms/vonage";

/// What each account's way in came to, and its way out.
pub(super) type Before<'a> = (&'a HashMap<AccountName, [u8; 32]>, &'a WaysOut);

/// Those of a directory. An account whose way in is what it was keeps its connections.
pub(super) fn of(
    directory: &Directory,
    before: Option<Before<'_>>,
    public_url: Option<&Url>,
    places: usize,
) -> Result<WaysOut, HttpClientError> {
    let mut ways_out = WaysOut::new();
    for (name, settings) in &directory.accounts {
        let as_before = before.and_then(|(ways_in, ways_out)| {
            let is_same = ways_in.get(name) == directory.ways_in.get(name);
            ways_out.get(name).filter(|_| is_same)
        });
        let way_out = match as_before {
            Some(way_out) => Arc::clone(way_out),
            None => way_out(settings.clone(), public_url, places)?,
        };
        ways_out.insert(name.clone(), way_out);
    }
    Ok(ways_out)
}

fn way_out(
    settings: ProviderSettings,
    public_url: Option<&Url>,
    places: usize,
) -> Result<Arc<dyn Provider>, HttpClientError> {
    let client = providers::http_client(places)?;
    Ok(match settings {
        ProviderSettings::Twilio(settings) => {
            let status_callback = public_url.map(|base| below(base, TWILIO_CALLBACK));
            Arc::new(twilio::Twilio::new(twilio::Settings { status_callback, ..settings }, client))
        }
        ProviderSettings::Telnyx(settings) => {
            let status_callback = public_url.map(|base| below(base, TELNYX_CALLBACK));
            Arc::new(telnyx::Telnyx::new(telnyx::Settings { status_callback, ..settings }, client))
        }
        ProviderSettings::Vonage(settings) => {
            let status_callback = public_url.map(|base| below(base, VONAGE_CALLBACK));
            Arc::new(vonage::Vonage::new(vonage::Settings { status_callback, ..settings }, client))
        }
    })
}

/// A path below a base URL that may have a path of its own.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_go_below_the_public_url() {
        for (base, whole) in [
            ("https://sms.example.com", "https://sms.example.com/webhooks/sms/twilio"),
            ("https://example.com/sms/", "https://example.com/sms/webhooks/sms/twilio"),
        ] {
            assert_eq!(below(&base.parse().unwrap(), TWILIO_CALLBACK).as_str(), whole);
        }
    }
}
