//! Behaviour tests, one behaviour a file, all in one binary: one link instead of one per file.

mod config;
mod engine;
mod process;
mod proof;
