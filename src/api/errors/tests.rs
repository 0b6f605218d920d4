use super::*;

/// The description takes its words from the variants themselves.
#[test]
fn every_code_is_in_the_list_of_all_and_described_by_its_word() {
    use utoipa::PartialSchema;

    let described = serde_json::to_value(Code::schema()).unwrap()["enum"].take();
    let mut described: Vec<String> = serde_json::from_value(described).unwrap();
    let mut words = Code::ALL.map(|code| code.as_str().to_owned()).to_vec();
    words.sort_unstable();
    described.sort_unstable();
    assert_eq!(words, described);
}

#[test]
fn every_error_links_to_its_line_of_help() {
    let page = page::page();
    for code in Code::ALL {
        let response = ApiError::new(code, "x").into_response();
        let link = response.headers()[LINK].to_str().unwrap();
        let anchor =
            link.strip_prefix("</docs/errors#").and_then(|link| link.strip_suffix(r#">; rel="help""#));
        let anchor = anchor.unwrap_or_else(|| panic!("{link}"));
        assert!(page.contains(&format!(r#"<tr id="{anchor}">"#)), "{link} leads nowhere");
    }
}

#[test]
fn a_code_that_may_be_retried_does_not_say_otherwise() {
    for code in Code::ALL {
        let says_so = matches!(code.meaning().retry, code::Retry::Yes);
        assert_eq!(ApiError::new(code, "x").retryable, says_so, "{code:?}");
    }
}

#[test]
fn whoever_is_told_to_come_back_is_told_when() {
    for code in Code::ALL {
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
