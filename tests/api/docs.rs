//! The pages for people work without the internet.

use super::app::App;

/// Every address in a page or script that a browser would fetch by itself.
fn fetched(page: &str) -> Vec<&str> {
    let attributes = page.split([' ', '\n', '<', '>']).filter_map(|part| {
        let (name, rest) = part.split_once("=\"")?;
        ["src", "href"].contains(&name).then(|| rest.split('"').next().unwrap_or_default())
    });
    attributes.collect()
}

#[tokio::test]
async fn the_reference_asks_only_this_program() {
    let app = App::start().await;
    for (page, base) in [("/docs", "/"), ("/docs/", "/docs/")] {
        let answer = app.get_keyless(page).await;
        assert_eq!(answer.status.as_u16(), 200);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'"), "{policy}");
        let html = String::from_utf8(answer.body).unwrap();
        let addresses = fetched(&html);
        assert!(addresses.len() >= 4, "{html}");
        for address in addresses {
            assert!(!address.contains("//"), "{address} is elsewhere");
            let path = format!("{base}{address}").replace("docs/../", "");
            assert_eq!(app.get_keyless(&path).await.status.as_u16(), 200, "{path}");
        }
        assert!(!html.contains("<script>"), "the policy allows no script in the page");
    }
}

#[tokio::test]
async fn its_files_are_what_they_are_called() {
    let app = App::start().await;
    for (name, kind) in [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("start.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css"),
        ("favicon-32x32.png", "image/png"),
    ] {
        let answer = app.get_keyless(&format!("/docs/{name}")).await;
        assert_eq!(answer.header("content-type"), Some(kind), "{name}");
        assert!(answer.body.len() > 100, "{name}");
    }
    app.get_keyless("/docs/swagger-ui-standalone-preset.js").await.error(404, "not_found");
    app.get_keyless("/docs/..%2Fopenapi.json").await.error(404, "not_found");
}

#[tokio::test]
async fn the_page_of_errors_is_one_file() {
    let app = App::start().await;
    let answer = app.get_keyless("/docs/errors").await;
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let html = String::from_utf8(answer.body).unwrap();
    assert!(html.contains("<tr id=\"queue_full\">"));
    assert!(fetched(&html).iter().all(|address| address.starts_with('#')), "{html}");
}
