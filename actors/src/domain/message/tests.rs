//! The state machine against its invariants.
