//! What a benchmark took of the processor.

use std::time::Duration;

/// The processor time of this process so far, user and system together, in steps of 10 ms; zero where there
/// is no `/proc`. On a shared machine it is steadier than any rate.
pub(crate) fn time() -> Duration {
    time_of(std::process::id())
}

/// The same of another process; zero also where that is gone.
pub(crate) fn time_of(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the program's name, which may hold anything: state is the first field, these two the 12th and 13th.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}
