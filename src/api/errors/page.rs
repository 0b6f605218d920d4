//! The codes for people: `/docs/errors`, and the table of docs/ERRORS.md. Both are made of the one
//! table in [`super::code`].

use std::fmt::Write as _;

use axum::http::StatusCode;
use axum::response::Html;

use super::code::Code;

/// The table of docs/ERRORS.md, a line for each code.
pub fn error_table() -> String {
    let mut table =
        String::from("| code | status | retry | what happened | what to do |\n|---|---|---|---|---|\n");
    for code in Code::ALL {
        let meaning = code.meaning();
        let (word, statuses, retry) = (meaning.word, statuses(code), meaning.retry.in_words());
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            r#"| <a id="{word}"></a>`{word}` | {statuses} | {retry} | {} | {} |"#,
            meaning.happened, meaning.remedy
        );
    }
    table
}

/// As `503 or 504`.
fn statuses(code: Code) -> String {
    let words: Vec<&str> = code.meaning().statuses.iter().map(StatusCode::as_str).collect();
    words.join(" or ")
}

/// What each error code means
///
/// For people; every error links to its line here (`Link`, `rel="help"`).
#[utoipa::path(get, path = "/docs/errors", operation_id = "error_page", tag = "operations",
    responses((status = 200, description = "A page of HTML", body = String, content_type = "text/html; charset=utf-8")))]
pub(in crate::api) async fn error_page() -> Html<String> {
    Html(page())
}

/// The page. It needs nothing else: no script, no picture, no internet.
pub(super) fn page() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        let meaning = code.meaning();
        let (word, statuses, retry) = (meaning.word, statuses(code), in_html(meaning.retry.in_words()));
        let _ = writeln!(
            rows,
            r##"<tr id="{word}"><td><a href="#{word}"><code>{word}</code></a></td><td>{statuses}</td><td>{retry}</td><td>{}</td><td>{}</td></tr>"##,
            in_html(meaning.happened),
            in_html(meaning.remedy)
        );
    }
    include_str!("page.html").replace("{rows}", &rows)
}

/// Text with `code` in it, as HTML.
fn in_html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut html = String::new();
    for (index, part) in escaped.split('`').enumerate() {
        let is_code = index % 2 == 1;
        if is_code {
            html.extend(["<code>", part, "</code>"]);
        } else {
            html.push_str(part);
        }
    }
    html
}
