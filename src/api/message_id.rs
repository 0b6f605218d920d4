//! The message id in a path. An id of another form than ours is simply unknown: 404, never 400.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use sendyard_actors::domain::ids::MessageId;

use super::errors::{ApiError, Code};

/// The most of an unknown id that its 404 repeats, in characters.
const ECHO: usize = 64;

/// What stands in the path.
pub(super) struct AskedId {
    text: String,
}

impl AskedId {
    /// The id, if it has the form of one.
    pub(super) fn id(&self) -> Result<MessageId, ApiError> {
        self.text.parse().map_err(|_| self.not_found())
    }

    /// No message of the caller's organization has it.
    pub(super) fn not_found(&self) -> ApiError {
        let mut shown: String = self.text.chars().take(ECHO).map(harmless).collect();
        if self.text.chars().count() > ECHO {
            shown.push('…');
        }
        ApiError::new(Code::MessageNotFound, format!("Message {shown} not found"))
    }
}

/// What is repeated to whoever reads the answer must be nothing but a name.
fn harmless(letter: char) -> char {
    if letter.is_ascii_alphanumeric() || "-_.:".contains(letter) { letter } else { '?' }
}

impl<S: Send + Sync> FromRequestParts<S> for AskedId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // What does not decode to UTF-8 is no id either.
        let text = Path::<String>::from_request_parts(parts, state)
            .await
            .map_or_else(|_| "?".to_owned(), |path| path.0);
        Ok(Self { text })
    }
}
