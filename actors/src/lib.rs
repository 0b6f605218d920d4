//! Sendyard's engine: pace, order, durability and providers behind ports, without any I/O of its own.

pub mod domain;
pub mod engine;
pub mod ports;
pub mod settings;
