//! Configuration: layers, checks, and the sentences that refuse it.
