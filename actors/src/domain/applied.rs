//! The directory that was applied while the service ran. The store keeps its text and reads nothing of it.
//!
//! One small record for all processes of a store, replaced whole. Its generation grows with each change, so a
//! change that was made on top of another one's is refused, and who knows a generation need not read it again.

use serde::{Deserialize, Serialize};

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// 1 with the first change.
    pub generation: u64,
    /// The directory as it is written, without secrets; none, and each process goes by its own file again.
    pub text: Option<String>,
}
