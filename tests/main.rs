//! Behaviour tests, one behaviour a file, all in one binary: one link instead of one per file.

// Clippy allows `unwrap` in helpers of tests only where it is told that they are tests.
#[cfg(test)]
mod api;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod config;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod process;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod watch;
