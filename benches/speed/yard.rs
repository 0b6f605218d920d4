//! Configuration and directory of an engine that is measured.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use sendyard::config::{Config, Directory, Environment};
use sendyard::load::Numbers;

pub(crate) const KEY: &str = "bench";

/// The configuration file of an engine with its store in `data`.
pub(crate) fn config(data: &Path, places: usize) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"\"\n[store]\nurl = \"redb:{}\"\n\
         [engine]\nplaces_in_flight = {places}\nqueue_limit = 10000000\n",
        data.display()
    )
}

/// A directory of so many numbers, all with the same limits, on one account at the twin.
pub(crate) fn directory(twin: SocketAddr, numbers: usize, limits: &str) -> String {
    let mut text = format!(
        "[[organizations]]\nid = 1\nname = \"Bench\"\n\
         api_keys = [{{ name = \"bench\", key = \"{KEY}\", scopes = [\"sms:send\", \"sms:read\"] }}]\n\
         [[accounts]]\nname = \"bench\"\norganization = 1\nprovider = \"twilio\"\nbase_url = \"http://{twin}\"\n\
         credentials = {{ account_sid = \"AC00000000000000000000000000000001\", auth_token = \"x\" }}\n\
         [[assistants]]\nid = 1\norganization = 1\nname = \"Bench\"\naccount = \"bench\"\n"
    );
    for number in Numbers::first_senders(numbers).iter() {
        writeln!(text, "[[numbers]]\nnumber = \"{number}\"\nassistant = 1\nlimits = {limits}").unwrap();
    }
    text
}

/// Both, read as the program reads them.
pub(crate) fn parse(config: &str, directory: &str) -> (Config, Directory) {
    let environment = Environment::default();
    let config = Config::from_layers(Some((Path::new("bench.toml"), config)), &environment).unwrap();
    let directory = Directory::parse(Path::new("directory.toml"), directory, &environment).unwrap();
    (config, directory)
}

/// The processor time of this process so far, user and system together, in steps of 10 ms; zero where there
/// is no `/proc`. On a shared machine it is steadier than any rate.
pub(crate) fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which may hold anything: state is the first field, these two the 12th and 13th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}
