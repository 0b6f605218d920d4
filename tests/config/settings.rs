//! Settings: layers, and the sentences that refuse them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sendyard::config::{Config, DEFAULTS, Environment, StoreUrl};
use sendyard_actors::settings::Settings;

const FILE: &str = "sendyard.toml";

fn load(text: &str, environment: &Environment) -> Result<Config, String> {
    Config::from_layers(Some((Path::new(FILE), text)), environment).map_err(|refusal| refusal.to_string())
}

/// The sentence that refuses a file; `None` for a good one.
fn refusal(text: &str) -> Option<String> {
    load(text, &Environment::default()).err()
}

#[test]
fn the_defaults_are_a_whole_configuration() {
    let config = Config::load(None, &Environment::default()).unwrap();
    assert_eq!(config.engine, Settings::default(), "default.toml and the engine's own defaults agree");
    assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.metrics_listen, Some("127.0.0.1:9464".parse().unwrap()));
    assert_eq!(config.public_url, None);
    assert_eq!(config.body_timeout, Duration::from_secs(10));
    assert_eq!(config.store, StoreUrl::Redb(PathBuf::from("./sendyard-data")));
    assert_eq!(config.directory, PathBuf::from("directory.toml"));
}

/// No key has a default of its own, so a key that `default.toml` forgets is missing for everybody.
#[test]
fn every_key_of_the_defaults_is_known_and_each_can_be_set_by_the_environment() {
    let tables: toml::Table = DEFAULTS.parse().unwrap();
    for (section, table) in &tables {
        for (key, value) in table.as_table().unwrap() {
            let name = format!("SENDYARD__{}__{}", section.to_uppercase(), key.to_uppercase());
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let environment = Environment::from([(name.as_str(), text.as_str())]);
            Config::load(None, &environment).unwrap_or_else(|refusal| panic!("{name}={text}: {refusal}"));

            let wrong = Environment::from([(format!("{name}S").as_str(), "1")]);
            let sentence = Config::load(None, &wrong).expect_err(&name).to_string();
            assert!(sentence.starts_with(&format!("{section}.{key}s: unknown key")), "{sentence}");
        }
    }
}

#[test]
fn the_file_wins_over_the_defaults_and_the_environment_over_the_file() {
    let text = "engine.begin_by = \"3s\"\nengine.places_in_flight = 8\nmetrics.listen = \"\"";
    let environment = Environment::from([
        ("SENDYARD__ENGINE__PLACES_IN_FLIGHT", "16"),
        ("SENDYARD__STORE__URL", "memory:"),
        ("SENDYARD__HTTP__PUBLIC_URL", "https://sms.example.com/base"),
        ("SENDYARD_LOG_FORMAT", "json"),
    ]);
    let config = load(text, &environment).unwrap();
    assert_eq!(config.engine.begin_by, Duration::from_secs(3), "the file");
    assert_eq!(config.engine.places_in_flight, 16, "the environment");
    assert_eq!(config.engine.margin, Duration::from_secs(2), "the defaults");
    assert_eq!(config.metrics_listen, None);
    assert_eq!(config.store, StoreUrl::Memory);
    assert_eq!(config.public_url.unwrap().as_str(), "https://sms.example.com/base");
}

#[test]
fn durations_are_read_with_their_units() {
    for (text, expected) in [
        ("250ms", Duration::from_millis(250)),
        ("2s", Duration::from_secs(2)),
        ("1.5s", Duration::from_millis(1500)),
        ("10m", Duration::from_mins(10)),
        ("24h", Duration::from_hours(24)),
        ("30d", Duration::from_hours(30 * 24)),
        ("1h 30m", Duration::from_mins(90)),
    ] {
        let config = load(&format!("engine.evidence_deadline = {text:?}"), &Environment::default()).unwrap();
        assert_eq!(config.engine.evidence_deadline, expected, "{text}");
    }
}

#[test]
fn a_mistake_is_refused_with_one_sentence_that_starts_with_the_key() {
    let duration = r#"expected a duration above zero with its unit, such as "250ms", "2s", "10m" or "30d""#;
    let address = r#"expected an IP address and a port, such as "127.0.0.1:8080""#;
    let redis = r#"expected "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]", the same with "rediss" for TLS, "redis+unix:///SOCKET[?db=DATABASE]", "redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/SERVICE[/DATABASE]", or "redis+cluster://[USER:PASSWORD@]HOST[:PORT],…", found another form"#;
    let store = r#"expected "redb:DIR", "redis://HOST" or "memory:", found something else"#;
    let cases = [
        ("engine.begin_by = \"soon\"", format!("engine.begin_by: {duration}, found \"soon\"")),
        ("engine.begin_by = \"2\"", format!("engine.begin_by: {duration}, found \"2\"")),
        ("engine.begin_by = \"0s\"", format!("engine.begin_by: {duration}, found \"0s\"")),
        ("engine.begin_by = \"-2s\"", format!("engine.begin_by: {duration}, found \"-2s\"")),
        ("engine.begin_by = 2", format!("engine.begin_by: {duration}, found a whole number")),
        ("engine.lease = \"3 moons\"", format!("engine.lease: {duration}, found \"3 moons\"")),
        ("http.listen = \"localhost\"", format!("http.listen: {address}, found \"localhost\"")),
        ("http.listen = \"\"", format!("http.listen: {address}, found \"\"")),
        (
            "metrics.listen = \":9464\"",
            "metrics.listen: expected an IP address and a port, such as \"127.0.0.1:9464\", or an empty string, \
             found \":9464\""
                .to_owned(),
        ),
        (
            "http.public_url = \"sms.example.com\"",
            "http.public_url: expected a URL such as \"https://sms.example.com\", or an empty string, \
             found \"sms.example.com\""
                .to_owned(),
        ),
        (
            "engine.places_in_flight = 0",
            "engine.places_in_flight: expected a whole number of at least 1, found 0".to_owned(),
        ),
        (
            "engine.organization_queue_limit = 0",
            "engine.organization_queue_limit: expected a whole number of at least 1, found 0".to_owned(),
        ),
        (
            "engine.queue_limit = -1",
            "engine.queue_limit: expected a whole number of at least 1, found -1".to_owned(),
        ),
        (
            "engine.requests_in_flight = \"many\"",
            "engine.requests_in_flight: expected a whole number of at least 1, found a string".to_owned(),
        ),
        (
            "store.replicas = 17",
            "store.replicas: expected a whole number from 0 to 16, found 17".to_owned(),
        ),
        (
            "store.replicas = 1",
            "store.replicas: expected 0, as store.url names neither one Redis server nor a master behind Sentinel, \
             found 1"
                .to_owned(),
        ),
        (
            "[store]\nurl = \"redis+cluster://a,b\"\nreplicas = 1",
            "store.replicas: expected 0, as store.url names neither one Redis server nor a master behind Sentinel, \
             found 1"
                .to_owned(),
        ),
        ("store.url = \"redis://:secret@db/three\"", format!("store.url: {redis}")),
        ("store.url = \"rediss://\"", format!("store.url: {redis}")),
        ("store.url = \"redis+sentinel://:secret@a,b\"", format!("store.url: {redis}")),
        ("store.url = \"redis+cluster://:secret@a,b/0\"", format!("store.url: {redis}")),
        ("store.url = \"sqlite:x\"", format!("store.url: {store}")),
        ("store.url = \"redb:\"", format!("store.url: {store}")),
        ("directory.file = \"\"", "directory.file: expected a path, found \"\"".to_owned()),
        ("engine = 5", "engine: expected a table, found a whole number".to_owned()),
        ("http.admin_token = 12345", "http.admin_token: expected a string, found a whole number".to_owned()),
        (
            "http.admin_token = \"env:NOT_THERE\"",
            "http.admin_token: the environment variable NOT_THERE is not set".to_owned(),
        ),
        ("metrics.port = 9464", "metrics.port: unknown key, expected one of listen".to_owned()),
        (
            "[telemetry]\nlisten = \"\"",
            "telemetry: unknown key, expected one of http, metrics, store, engine, directory".to_owned(),
        ),
    ];
    for (text, sentence) in cases {
        assert_eq!(refusal(text).as_deref(), Some(sentence.as_str()), "{text}");
    }
}

#[test]
fn contradictions_are_refused() {
    let cases = [
        (
            "engine.idempotency_retention = \"31d\"",
            "engine.idempotency_retention: expected at most engine.message_retention (2592000s), as a key \
             answers with its message, found 2678400s",
        ),
        (
            "engine.begin_by = \"20s\"",
            "engine.begin_by: expected less than engine.attempt_deadline (20s), as an answer takes time too, \
             found 20s",
        ),
        (
            "engine.attempt_deadline = \"26s\"",
            "engine.attempt_deadline: expected at most 25s, by which the API answers, found 26s",
        ),
    ];
    for (text, sentence) in cases {
        assert_eq!(refusal(text).as_deref(), Some(sentence), "{text}");
    }
    load(
        "engine.attempt_deadline = \"25s\"\nengine.idempotency_retention = \"30d\"",
        &Environment::default(),
    )
    .expect("both are at the limit, and within it");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let sentence = refusal("[engine]\nbegin_by = \n").unwrap();
    assert!(sentence.starts_with("sendyard.toml, line 2: not TOML: "), "{sentence}");
    assert!(!sentence.contains('\n'), "{sentence}");
}

#[test]
fn a_file_that_cannot_be_read_is_refused_with_its_name() {
    let refusal = Config::load(Some(Path::new("no/such.toml")), &Environment::default()).unwrap_err();
    assert!(refusal.to_string().starts_with("no/such.toml: cannot be read: "), "{refusal}");
}

#[test]
fn a_token_of_digits_in_the_environment_stays_a_string() {
    let environment = Environment::from([("SENDYARD__HTTP__ADMIN_TOKEN", "0123456789")]);
    load("", &environment).unwrap();
}

#[test]
fn a_secret_in_the_environment_must_not_be_empty() {
    let environment = Environment::from([("TOKEN", "")]);
    let sentence = load("http.admin_token = \"env:TOKEN\"", &environment).unwrap_err();
    assert_eq!(sentence, "http.admin_token: the environment variable TOKEN is empty");
}
