//! Stores behind the engine's port.
