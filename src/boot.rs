//! Wiring only: from a checked configuration to a running engine.
