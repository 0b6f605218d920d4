//! The configuration and the directory that a service under test is started with.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::KEY;

/// The two provider accounts, as the provider names them.
pub(crate) const ACCOUNT_SIDS: [&str; 2] =
    ["AC00000000000000000000000000000001", "AC00000000000000000000000000000002"];

/// A sending number.
#[derive(Debug, Clone)]
pub(crate) struct SendingNumber {
    pub(crate) number: String,
    /// Index of its account in [`ACCOUNT_SIDS`].
    pub(crate) account: usize,
    pub(crate) limits: Vec<&'static str>,
}

/// What a service under test is started with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    pub(crate) numbers: Vec<SendingNumber>,
    /// Keys of `[engine]` with their values, as TOML.
    pub(crate) engine: Vec<(&'static str, &'static str)>,
    /// Where messages live; embedded otherwise.
    pub(crate) store: Option<String>,
    /// Of each of the two accounts.
    pub(crate) account_limits: Vec<&'static str>,
    /// Of their organization.
    pub(crate) organization_limits: Vec<&'static str>,
    /// Keys of `[http]`.
    pub(crate) http: Vec<(&'static str, &'static str)>,
    /// The whole directory, before a twin at this address; made of the numbers otherwise.
    pub(crate) directory: Option<fn(SocketAddr) -> String>,
}

impl Setup {
    /// So many numbers, spread over both accounts, all with the same limits.
    pub(crate) fn of_numbers(count: usize, limits: &[&'static str]) -> Self {
        let number = |index| SendingNumber {
            number: format!("+1555010{index:04}"),
            account: index % 2,
            limits: limits.to_vec(),
        };
        Self { numbers: (0..count).map(number).collect(), ..Self::default() }
    }

    pub(super) fn write(&self, home: &Path, listen: SocketAddr, twin: SocketAddr) {
        fs::write(home.join("sendyard.toml"), self.settings(listen)).unwrap();
        let directory = self.directory.map_or_else(|| self.usual_directory(twin), |write| write(twin));
        fs::write(home.join("directory.toml"), directory).unwrap();
    }

    fn settings(&self, listen: SocketAddr) -> String {
        let mut text = format!("[http]\nlisten = \"{listen}\"\n");
        // Nobody calls there; without it messages would carry no token.
        text += "public_url = \"http://127.0.0.1:9\"\n";
        for (key, value) in &self.http {
            writeln!(text, "{key} = {value}").unwrap();
        }
        let store = self.store.as_deref().unwrap_or("redb:data");
        writeln!(text, "[metrics]\nlisten = \"\"\n[store]\nurl = \"{store}\"\n[engine]").unwrap();
        for (key, value) in &self.engine {
            writeln!(text, "{key} = {value}").unwrap();
        }
        text
    }

    fn usual_directory(&self, twin: SocketAddr) -> String {
        let mut text = format!(
            "[[organizations]]\nid = 1\nname = \"Test\"\n\
             api_keys = [{{ name = \"test\", key = \"{KEY}\", \
             scopes = [\"sms:send\", \"sms:read\", \"senders:write\", \"admin\"] }}]\nlimits = {:?}\n",
            self.organization_limits
        );
        for (index, sid) in ACCOUNT_SIDS.iter().enumerate() {
            let (id, limits) = (index + 1, &self.account_limits);
            writeln!(
                text,
                "[[accounts]]\nname = \"account-{id}\"\norganization = 1\nprovider = \"twilio\"\n\
                 base_url = \"http://{twin}\"\n\
                 credentials = {{ account_sid = \"{sid}\", auth_token = \"secret\" }}\n\
                 limits = {limits:?}\n\
                 [[assistants]]\nid = {id}\norganization = 1\nname = \"Bot {id}\"\naccount = \"account-{id}\""
            )
            .unwrap();
        }
        for SendingNumber { number, account, limits } in &self.numbers {
            let assistant = account + 1;
            writeln!(
                text,
                "[[numbers]]\nnumber = \"{number}\"\nassistant = {assistant}\nlimits = {limits:?}"
            )
            .unwrap();
        }
        text
    }
}
