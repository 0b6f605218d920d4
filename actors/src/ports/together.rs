//! What [`super::Store::claim_all`] and its like answer where each is a step of its own.

use super::StoreError;

/// One answer of many. Of several errors the one that leaves most open is said, but for this: a record
/// that cannot be read stays so, and asked for together with it the others would never be answered.
pub fn as_one_answer<T>(answers: Vec<Result<T, StoreError>>) -> Result<Vec<T>, StoreError> {
    let is_unanswered = answers.iter().any(|answer| matches!(answer, Err(StoreError::Unanswered)));
    if is_unanswered {
        return Err(StoreError::Unanswered);
    }
    if let Some(Err(error)) = answers.iter().find(|answer| matches!(answer, Err(StoreError::Corrupt(_)))) {
        return Err(error.clone());
    }
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    let some_were_made = failed > 0 && failed < answers.len();
    if some_were_made { Err(StoreError::Unanswered) } else { answers.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Claimed;

    fn answer(letter: char) -> Result<Claimed, StoreError> {
        match letter {
            'c' => Ok(Claimed::Changed),
            'x' => Err(StoreError::Corrupt("a record".to_owned())),
            'u' => Err(StoreError::Unavailable("the disk".to_owned())),
            '?' => Err(StoreError::Unanswered),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_may_have_been_claimed_is_never_told_that_it_was_not() {
        for (answers, said) in [
            ("cc", "done"),
            ("uu", "unavailable"),
            ("cu", "unanswered"),
            ("u?", "unanswered"),
            ("?x", "unanswered"),
            ("", "done"),
        ] {
            assert_eq!(said_of(answers), said, "{answers}");
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_leaves_the_others_to_be_asked_for_by_name() {
        for answers in ["cx", "xu", "xx"] {
            assert_eq!(said_of(answers), "corrupt", "{answers}");
        }
    }

    fn said_of(answers: &str) -> &'static str {
        match as_one_answer(answers.chars().map(answer).collect()) {
            Ok(all) => {
                assert_eq!(all.len(), answers.len());
                "done"
            }
            Err(StoreError::Unanswered) => "unanswered",
            Err(StoreError::Corrupt(_)) => "corrupt",
            Err(_) => "unavailable",
        }
    }
}
