//! The closed sets of words in answers, for the description. What is sent is made of the domain's own
//! types; tests hold the two together.

use utoipa::ToSchema;

/// Who sends.
#[derive(ToSchema)]
#[schema(as = Provider, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes answers; they are made of `ProviderKind`")]
pub(super) enum Provider {
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
    /// Vonage.
    Vonage,
}

/// Where a message stands.
#[derive(ToSchema)]
#[schema(as = MessageStatus, rename_all = "lowercase")]
#[expect(dead_code, reason = "describes answers; they are made of `Shown`")]
pub(super) enum Status {
    /// It waits.
    Queued,
    /// It is being handed over, or nobody knows whether it was.
    Sending,
    /// The provider has it.
    Sent,
    /// No provider has it, and none will.
    Failed,
    /// It was called back.
    Cancelled,
}

#[cfg(test)]
mod tests {
    use sendyard_actors::domain::ids::ProviderKind;
    use sendyard_actors::domain::message::Shown;
    use serde_json::Value;
    use utoipa::PartialSchema;

    use super::*;

    fn words<T: PartialSchema>() -> Value {
        serde_json::to_value(T::schema()).unwrap()["enum"].take()
    }

    #[test]
    fn the_described_words_are_those_of_the_domain() {
        assert_eq!(words::<Provider>(), Value::from(ProviderKind::ALL.map(ProviderKind::as_str).to_vec()));
        let shown = [Shown::Queued, Shown::Sending, Shown::Sent, Shown::Failed, Shown::Cancelled];
        assert_eq!(words::<Status>(), Value::from(shown.map(Shown::as_str).to_vec()));
    }
}
