//! Telling thousands of actors something without being in the way of what is due meanwhile.

/// After so many, those that were told are heard out first: they and whatever is due take well under a
/// millisecond.
const AT_ONCE: usize = 64;

/// Counts those that are told.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    told: usize,
}

impl Crowd {
    /// Another one is told. From time to time this lets all that can run do so.
    pub(crate) async fn told_one(&mut self) {
        self.told += 1;
        if self.told.is_multiple_of(AT_ONCE) {
            tokio::task::yield_now().await;
        }
    }
}
