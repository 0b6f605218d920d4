//! Behaviour tests, one behaviour a file, all in one binary: one link instead of one per file.

mod clients;
mod config;
mod contract;
mod engine;
mod readme;
