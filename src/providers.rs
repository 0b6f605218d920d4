//! The ways out, one folder per provider, each alike.

pub mod twilio;
