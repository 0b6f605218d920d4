//! Vonage accounts in the directory file, and the sentences that refuse them.

use std::path::Path;

use secrecy::ExposeSecret;
use sendyard::config::directory::ProviderSettings;
use sendyard::config::{Directory, Environment};
use sendyard::providers::vonage::{Credentials, Settings};
use sendyard_actors::domain::ids::AccountName;

/// A key for tests alone.
const PRIVATE_KEY: &str = include_str!("../../src/providers/vonage/tests/pkcs8.pem");
const PUBLIC_KEY: &str = include_str!("../../src/providers/vonage/tests/public.pem");

const APPLICATION: &str = r#"application_id = "78d335fa-323d-4114-9c3d-d6f0d48968cf""#;
const BASIC: &str = r#"api_key = "abcd1234", api_secret = "hush""#;

fn parse(credentials: &str, more: &str) -> Result<Directory, String> {
    let text = format!(
        "[[organizations]]\nid = 1\nname = \"Acme\"\n[[accounts]]\nname = \"acme-vonage\"\norganization = 1\n\
         provider = \"vonage\"\ncredentials = {{ {credentials} }}\n{more}\n"
    );
    let in_one_line = PRIVATE_KEY.replace('\n', "\\n");
    let environment = Environment::from([
        ("VONAGE_PRIVATE_KEY", PRIVATE_KEY),
        ("IN_ONE_LINE", in_one_line.as_str()),
        ("PUBLIC_KEY", PUBLIC_KEY),
        ("VONAGE_API_SECRET", "quiet"),
    ]);
    Directory::parse(Path::new("directory.toml"), &text, &environment).map_err(|refusal| refusal.to_string())
}

fn settings(directory: &Directory) -> Settings {
    let account = directory.accounts[&AccountName::from("acme-vonage")].clone();
    let ProviderSettings::Vonage(settings) = account else { panic!("{account:?}") };
    settings
}

#[test]
fn an_application_signs_in_with_its_private_key_wherever_that_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("private.key");
    std::fs::write(&file, PRIVATE_KEY).unwrap();
    let written = [
        r#""env:VONAGE_PRIVATE_KEY""#.to_owned(),
        r#""env:IN_ONE_LINE""#.to_owned(),
        format!(r#""file:{}""#, file.display()),
        format!("'''{PRIVATE_KEY}'''"),
    ];
    for private_key in written {
        let credentials = format!("{APPLICATION}, private_key = {private_key}");
        let settings = settings(&parse(&credentials, "").unwrap());
        let Credentials::Application { application_id, .. } = settings.credentials else { panic!() };
        assert_eq!(application_id, "78d335fa-323d-4114-9c3d-d6f0d48968cf");
        assert_eq!(settings.base_url.as_str(), "https://api.nexmo.com/");
        assert!(settings.signature_secret.is_none());
        assert_eq!(settings.status_callback, None, "that is the configuration's");
    }
}

#[test]
fn an_account_signs_in_with_key_and_secret() {
    let credentials =
        r#"api_key = "abcd1234", api_secret = "env:VONAGE_API_SECRET", signature_secret = "sign""#;
    let settings = settings(&parse(credentials, "base_url = \"http://127.0.0.1:8090\"").unwrap());
    let Credentials::Basic { api_key, api_secret } = settings.credentials else { panic!() };
    assert_eq!((api_key.as_str(), api_secret.expose_secret()), ("abcd1234", "quiet"));
    assert_eq!(settings.signature_secret.unwrap().expose_secret(), "sign");
    assert_eq!(settings.base_url.as_str(), "http://127.0.0.1:8090/");
}

#[test]
fn mistakes_are_refused() {
    let either = ": expected either application_id with private_key, or api_key with api_secret";
    let no_key = ".private_key: not an unencrypted RSA private key of 2048 to 4096 bits in PEM form (PKCS#8 or \
                  PKCS#1)";
    let cases = [
        (String::new(), either),
        (APPLICATION.to_owned(), either),
        (r#"api_key = "abcd1234""#.to_owned(), either),
        (format!("{APPLICATION}, {BASIC}"), either),
        (format!(r#"{BASIC}, private_key = "env:VONAGE_PRIVATE_KEY""#), either),
        (
            r#"application_id = "my-app", private_key = "env:VONAGE_PRIVATE_KEY""#.to_owned(),
            ".application_id: expected a UUID",
        ),
        (format!(r#"{APPLICATION}, private_key = "env:PUBLIC_KEY""#), no_key),
        (format!(r#"{APPLICATION}, private_key = "hush""#), no_key),
        (format!(r#"{APPLICATION}, private_key = "file:/dev/zero""#), no_key),
        (format!(r#"{APPLICATION}, private_key = """#), ".private_key: expected a secret, found none"),
        (
            format!(r#"{APPLICATION}, private_key = "env:NOT_THERE""#),
            ".private_key: the environment variable NOT_THERE is not set",
        ),
        (
            format!(r#"{APPLICATION}, private_key = "file:/not/there""#),
            ".private_key: cannot read /not/there: No such file or directory (os error 2)",
        ),
        (r#"api_key = "ab:cd", api_secret = "s""#.to_owned(), ".api_key: expected letters and digits"),
        (r#"api_key = "ab", api_secret = """#.to_owned(), ".api_secret: expected a secret, found none"),
        (
            format!(r#"{BASIC}, signature_secret = "env:NOT_THERE""#),
            ".signature_secret: the environment variable NOT_THERE is not set",
        ),
        (
            format!(r#"{BASIC}, secret = "x""#),
            ".secret: unknown key, expected one of application_id, private_key, api_key, api_secret, \
             signature_secret",
        ),
    ];
    for (credentials, problem) in cases {
        let sentence = format!("accounts[0].credentials{problem}");
        assert_eq!(parse(&credentials, "").err(), Some(sentence), "{credentials}");
    }
    let wrong = parse(BASIC, "base_url = \"ftp://127.0.0.1\"").unwrap_err();
    let sentence = "expected a URL such as \"https://api.nexmo.com\", found \"ftp://127.0.0.1\"";
    assert_eq!(wrong, format!("accounts[0].base_url: {sentence}"));
}
