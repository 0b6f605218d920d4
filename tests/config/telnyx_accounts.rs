//! Telnyx accounts in the directory file, and the sentences that refuse them.

use std::path::Path;

use secrecy::ExposeSecret;
use sendyard::config::directory::ProviderSettings;
use sendyard::config::{Directory, Environment};
use sendyard::providers::telnyx::Settings;
use sendyard_actors::domain::ids::AccountName;

const ORGANIZATION: &str = "[[organizations]]\nid = 1\nname = \"Acme\"\n";

const FULL: &str = r#"api_key = "env:TELNYX_API_KEY", public_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", messaging_profile_id = "4000eba1-a0c0-4563-9925-b25e842a7cb6""#;

fn parse(credentials: &str, more: &str) -> Result<Directory, String> {
    let text = format!(
        "{ORGANIZATION}[[accounts]]\nname = \"acme-telnyx\"\norganization = 1\nprovider = \"telnyx\"\n\
         credentials = {{ {credentials} }}\n{more}\n"
    );
    let environment = Environment::from([("TELNYX_API_KEY", "KEY0123_hush"), ("SPACED", "KEY 0123")]);
    Directory::parse(Path::new("directory.toml"), &text, &environment).map_err(|refusal| refusal.to_string())
}

fn settings(directory: &Directory) -> Settings {
    let account = directory.accounts[&AccountName::from("acme-telnyx")].clone();
    let ProviderSettings::Telnyx(settings) = account else { panic!("{account:?}") };
    settings
}

fn limits(directory: &Directory) -> Vec<String> {
    let limits = &directory.book.accounts[&AccountName::from("acme-telnyx")].limits;
    limits.iter().map(ToString::to_string).collect()
}

#[test]
fn an_api_key_is_enough() {
    let settings = settings(&parse(r#"api_key = "KEY01""#, "").unwrap());
    assert_eq!(settings.base_url.as_str(), "https://api.telnyx.com/");
    assert_eq!(settings.api_key.expose_secret(), "KEY01");
    assert_eq!((settings.public_key, settings.messaging_profile_id), (None, None));
    assert_eq!(settings.status_callback, None, "that is the configuration's");
}

#[test]
fn a_whole_account_is_read_whole() {
    let settings = settings(&parse(FULL, "base_url = \"http://127.0.0.1:8090\"").unwrap());
    assert_eq!(settings.base_url.as_str(), "http://127.0.0.1:8090/");
    assert_eq!(settings.api_key.expose_secret(), "KEY0123_hush");
    assert_eq!(settings.public_key, Some(std::array::from_fn(|index| u8::try_from(index).unwrap())));
    assert_eq!(settings.messaging_profile_id.as_deref(), Some("4000eba1-a0c0-4563-9925-b25e842a7cb6"));
}

#[test]
fn an_account_without_limits_is_careful_and_an_empty_list_means_none() {
    let key = r#"api_key = "KEY01""#;
    assert_eq!(limits(&parse(key, "").unwrap()), ["50 sms/s", "15 mms/s"]);
    assert_eq!(limits(&parse(key, "limits = []").unwrap()), [""; 0]);
    assert_eq!(limits(&parse(key, "limits = [\"200/s\"]").unwrap()), ["200/s"]);
}

#[test]
fn mistakes_are_refused() {
    let cases = [
        ("", "", "this key is missing", "api_key"),
        (r#"api_key = """#, "", "expected a secret, found none", "api_key"),
        (r#"api_key = "env:NOT_THERE""#, "", "the environment variable NOT_THERE is not set", "api_key"),
        (r#"api_key = "env:SPACED""#, "", "expected visible ASCII characters without spaces", "api_key"),
        (r#"api_key = "k", public_key = "AAEC""#, "", "expected 32 bytes in base64", "public_key"),
        (r#"api_key = "k", public_key = "not base64""#, "", "expected 32 bytes in base64", "public_key"),
        (r#"api_key = "k", messaging_profile_id = "KEY0123""#, "", "expected a UUID", "messaging_profile_id"),
        (
            r#"api_key = "k", auth_token = "x""#,
            "",
            "unknown key, expected one of api_key, public_key, messaging_profile_id",
            "auth_token",
        ),
    ];
    for (credentials, more, problem, key) in cases {
        let sentence = format!("accounts[0].credentials.{key}: {problem}");
        assert_eq!(parse(credentials, more).err(), Some(sentence), "{credentials}");
    }
    let wrong = parse(r#"api_key = "k""#, "base_url = \"ftp://127.0.0.1\"").unwrap_err();
    let sentence = "expected a URL such as \"https://api.telnyx.com\", found \"ftp://127.0.0.1\"";
    assert_eq!(wrong, format!("accounts[0].base_url: {sentence}"));
}
