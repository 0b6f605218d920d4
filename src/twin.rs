//! A stand-in for the providers.
