use super::*;

const CODES: [Code; 27] = [
    Code::Unauthorized,
    Code::MissingScope,
    Code::InvalidJson,
    Code::InvalidRequest,
    Code::InvalidPhoneNumber,
    Code::NotSupported,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::RequestTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::MessageNotFound,
    Code::AccountNotFound,
    Code::NotUnknown,
    Code::NoAssistant,
    Code::OtherOrganization,
    Code::MessageTooLong,
    Code::IdempotencyMismatch,
    Code::IdempotencyInProgress,
    Code::QueueFull,
    Code::Busy,
    Code::StoreUnavailable,
    Code::OutcomeUnknown,
    Code::SendFailed,
    Code::Stopping,
    Code::NotReady,
    Code::Internal,
];

#[test]
fn every_code_has_its_line_in_the_documentation() {
    let page = include_str!("../../../docs/ERRORS.md");
    for code in CODES {
        let word = serde_json::to_value(code).unwrap();
        let word = word.as_str().unwrap();
        let status = code.status().as_u16();
        let line = page.lines().find(|line| line.starts_with(&format!("| `{word}` |")));
        let line = line.unwrap_or_else(|| panic!("{word} has no line"));
        assert!(line.contains(&status.to_string()), "{word} is {status}: {line}");
    }
    let lines = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(lines, CODES.len(), "a line for a code that is not there, or a code not listed in this test");
}

#[test]
fn whoever_is_told_to_come_back_is_told_when() {
    for code in CODES {
        let response = ApiError::new(code, "x").into_response();
        let told = response.headers().get(RETRY_AFTER).is_some();
        assert_eq!(told, matches!(response.status().as_u16(), 429 | 503), "{code:?}");
    }
}

#[test]
fn retry_after_is_whole_seconds_and_never_zero() {
    let cases = [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (59_999, "60")];
    for (millis, expected) in cases {
        let error = ApiError::new(Code::QueueFull, "x").retry_after(Duration::from_millis(millis));
        assert_eq!(error.into_response().headers()[RETRY_AFTER], expected, "{millis} ms");
    }
}

#[test]
fn a_store_in_trouble_is_503_and_says_nothing_of_itself() {
    let secret = "disk /dev/sda1 is gone".to_owned();
    let cases = [
        (StoreError::Unanswered, 503),
        (StoreError::Full(secret.clone()), 503),
        (StoreError::Unavailable(secret.clone()), 503),
        (StoreError::Corrupt(secret), 500),
    ];
    for (error, status) in cases {
        let error = ApiError::from(error);
        assert!(!error.detail.contains("sda1"));
        assert_eq!(error.into_response().status().as_u16(), status);
    }
}
