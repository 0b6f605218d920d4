//! The directory file, and the sentences that refuse it.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use sendyard::config::directory::ProviderSettings;
use sendyard::config::{Directory, Environment};
use sendyard_actors::domain::ids::{AccountName, AssistantId, OrganizationId, ProviderKind};
use sendyard_actors::domain::lanes::Weights;
use sendyard_actors::domain::message::UnknownPolicy;
use sendyard_actors::domain::pace::Limit;
use sha2::{Digest, Sha256};

/// Two organizations, each with an account; every case below changes one line of it.
const GOOD: &str = r#"
[[organizations]]
id = 1
name = "Acme"
api_keys = [{ name = "default", key = "env:ACME_API_KEY", scopes = ["sms:send", "sms:read", "senders:write"] }]

[[organizations]]
id = 2
name = "Globex"
api_keys = [
  { name = "default", key = "globex-key", scopes = ["sms:read"] },
  { name = "hashed", key = "sha256:f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7", scopes = ["admin"] },
]

[[accounts]]
name = "acme-twilio"
organization = 1
provider = "twilio"
base_url = "http://127.0.0.1:8090"
credentials = { account_sid = "AC0123456789abcdef0123456789abcdef", auth_token = "env:TWILIO_AUTH_TOKEN" }
limits = ["100/s"]

[[accounts]]
name = "globex-twilio"
organization = 2
provider = "twilio"
credentials = { account_sid = "AC11111111111111111111111111111111", api_key_sid = "SK22222222222222222222222222222222", api_key_secret = "quiet", messaging_service_sid = "MG33333333333333333333333333333333" }
unknown_outcome = "resend"

[[assistants]]
id = 7
organization = 1
name = "Support Bot"
account = "acme-twilio"

[[assistants]]
id = 8
organization = 2
name = "Sales Bot"
account = "globex-twilio"

[[numbers]]
number = "+1234567890"
assistant = 7
limits = ["10/s", "2000/min"]

[[numbers]]
number = "+15550100001"
assistant = 7
account = "acme-twilio"

[[numbers]]
number = "+15550100002"
assistant = 8
limits = []
"#;

fn environment() -> Environment {
    Environment::from([("ACME_API_KEY", "acme-key"), ("TWILIO_AUTH_TOKEN", "hush"), ("EMPTY", "")])
}

fn parse(text: &str) -> Result<Directory, String> {
    Directory::parse(Path::new("directory.toml"), text, &environment()).map_err(|refusal| refusal.to_string())
}

/// The sentence for [`GOOD`] with one place changed.
fn refusal(from: &str, to: &str) -> Option<String> {
    assert_eq!(GOOD.matches(from).count(), 1, "{from:?} is one place");
    parse(&GOOD.replace(from, to)).err()
}

#[test]
fn a_good_directory_is_read_whole() {
    let directory = parse(GOOD).unwrap();

    let digests: Vec<[u8; 32]> = directory.keys.iter().map(|key| key.digest).collect();
    let expected: Vec<[u8; 32]> =
        ["acme-key", "globex-key", "hello"].map(|key| Sha256::digest(key).into()).to_vec();
    assert_eq!(digests[..2], expected[..2]);
    assert_eq!(hex::encode(digests[2]), "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7");
    assert_eq!(directory.keys[1].organization, OrganizationId(2));

    let first = &directory.book.numbers[&"+1234567890".parse().unwrap()];
    assert_eq!((first.organization, first.assistant), (OrganizationId(1), AssistantId(7)));
    assert_eq!((first.account.as_str(), first.provider), ("acme-twilio", ProviderKind::Twilio));
    let limits = [(10, Duration::from_secs(1)), (2000, Duration::from_mins(1))];
    assert_eq!(first.limits, limits.map(|(units, window)| Limit::segments(units, window)));

    let account = &directory.book.accounts[&AccountName::from("globex-twilio")];
    assert_eq!(account.unknown_outcome, UnknownPolicy::Resend);
    assert_eq!(
        directory.book.accounts[&AccountName::from("acme-twilio")].unknown_outcome,
        UnknownPolicy::Hold
    );
}

#[test]
fn a_number_without_limits_is_careful_and_an_empty_list_means_none() {
    let directory = parse(GOOD).unwrap();
    let limits = |number: &str| {
        let limits = &directory.book.numbers[&number.parse().unwrap()].limits;
        limits.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(limits("+15550100001"), ["1 sms/s", "1 mms/s"]);
    assert_eq!(limits("+15550100002"), [""; 0]);
}

#[test]
fn a_fallback_account_is_no_account_twice() {
    let second = "[[accounts]]\nname = \"second\"\norganization = 1\nprovider = \"telnyx\"\n\
                  credentials = { api_key = \"KEYx\" }\n\n[[assistants]]\nid = 7\n";
    let fallback = |name: &str| {
        let text = GOOD.replace("[[assistants]]\nid = 7\n", second);
        let ours = "name = \"Support Bot\"\naccount = \"acme-twilio\"\n";
        let text = text.replace(ours, &format!("{ours}fallback_account = \"{name}\"\n"));
        let directory = parse(&text).unwrap();
        let route = &directory.book.numbers[&"+1234567890".parse().unwrap()];
        route.fallback.as_ref().map(|other| (other.account.to_string(), other.provider))
    };
    assert_eq!(fallback("second"), Some(("second".to_owned(), ProviderKind::Telnyx)));
    assert_eq!(fallback("acme-twilio"), None);
}

#[test]
fn twilio_is_signed_in_to_by_the_token_or_by_an_api_key() {
    let directory = parse(GOOD).unwrap();
    let settings = |name: &str| {
        let account = directory.accounts[&AccountName::from(name)].clone();
        let ProviderSettings::Twilio(settings) = account else { panic!("{account:?}") };
        settings
    };
    let token = settings("acme-twilio");
    assert_eq!(token.base_url.as_str(), "http://127.0.0.1:8090/");
    assert_eq!(token.user, "AC0123456789abcdef0123456789abcdef");
    assert_eq!(token.secret.expose_secret(), "hush");
    assert_eq!(token.messaging_service_sid, None);
    let key = settings("globex-twilio");
    assert_eq!(key.base_url.as_str(), "https://api.twilio.com/");
    assert_eq!(key.account_sid, "AC11111111111111111111111111111111");
    assert_eq!(key.user, "SK22222222222222222222222222222222");
    assert_eq!(key.secret.expose_secret(), "quiet");
    assert_eq!(key.messaging_service_sid.as_deref(), Some("MG33333333333333333333333333333333"));
}

#[test]
fn quiet_hours_are_those_of_every_number_of_their_organization() {
    let hours = "21:00-08:00@America/New_York";
    let text = GOOD.replace("name = \"Acme\"", &format!("name = \"Acme\"\nquiet_hours = \"{hours}\""));
    for (number, route) in &parse(&text).unwrap().book.numbers {
        let expected = (route.organization == OrganizationId(1)).then(|| hours.to_owned());
        assert_eq!(route.quiet_hours.as_ref().map(ToString::to_string), expected, "{number}");
    }
}

#[test]
fn an_empty_directory_is_good() {
    assert!(parse("").unwrap().book.numbers.is_empty());
}

#[test]
fn mistakes_of_organizations_and_keys_are_refused() {
    let cases = [
        ("id = 2", "id = 1", "organizations[1].id: organization 1 is listed twice"),
        ("name = \"Acme\"", "", "organizations[0].name: this key is missing"),
        (
            "name = \"Acme\"",
            "name = \"Acme\"\nquiet_hours = \"21:00-08:00\"",
            "organizations[0].quiet_hours: \"21:00-08:00\" names no zone: expected quiet hours such as \
             \"21:00-08:00@Europe/Berlin\"",
        ),
        (
            "name = \"hashed\"",
            "name = \"default\"",
            "organizations[1].api_keys[1].name: organization 2 has two keys named \"default\"",
        ),
        (
            "name = \"hashed\"",
            "name = \" \"",
            "organizations[1].api_keys[1].name: expected a name, found none",
        ),
        (
            "globex-key",
            "acme-key",
            "organizations[1].api_keys[0].key: the same key as organizations[0].api_keys[0]",
        ),
        ("globex-key", "", "organizations[1].api_keys[0].key: expected a secret, found none"),
        (
            "globex-key",
            "globex key",
            "organizations[1].api_keys[0].key: expected visible ASCII characters without spaces",
        ),
        (
            "env:ACME_API_KEY",
            "env:NOT_THERE",
            "organizations[0].api_keys[0].key: the environment variable NOT_THERE is not set",
        ),
        (
            "env:ACME_API_KEY",
            "env:EMPTY",
            "organizations[0].api_keys[0].key: the environment variable EMPTY is empty",
        ),
        (
            "sha256:f52f",
            "sha256:g52f",
            "organizations[1].api_keys[1].key: expected 64 hexadecimal digits after sha256:",
        ),
        (
            "sha256:f52f",
            "sha256:",
            "organizations[1].api_keys[1].key: expected 64 hexadecimal digits after sha256:",
        ),
        (
            "\"admin\"",
            "\"root\"",
            "organizations[1].api_keys[1].scopes[0]: expected one of sms:send, sms:read, senders:write, admin, \
             found \"root\"",
        ),
        (
            "\"admin\"",
            "",
            "organizations[1].api_keys[1].scopes: a key without a scope is of no use, expected some of sms:send, \
             sms:read, senders:write, admin",
        ),
        (
            "name = \"Acme\"",
            "name = \"Acme\"\ncolour = \"red\"",
            "organizations[0].colour: unknown key, expected one of id, name, limits, quiet_hours, api_keys",
        ),
        (
            "id = 2",
            "id = \"two\"",
            "organizations[1].id: expected a whole number from 0 to 4294967295, found a string",
        ),
    ];
    for (from, to, sentence) in cases {
        assert_eq!(refusal(from, to).as_deref(), Some(sentence), "{to}");
    }
}

#[test]
fn mistakes_of_accounts_are_refused() {
    let cases = [
        (
            "name = \"globex-twilio\"",
            "name = \"acme-twilio\"",
            "accounts[1].name: account acme-twilio is listed twice",
        ),
        ("name = \"globex-twilio\"", "name = \"\"", "accounts[1].name: expected a name, found none"),
        (
            "name = \"globex-twilio\"\norganization = 2",
            "name = \"globex-twilio\"\norganization = 3",
            "accounts[1].organization: there is no organization 3",
        ),
        (
            "provider = \"twilio\"\nbase_url",
            "provider = \"burki\"\nbase_url",
            "accounts[0].provider: expected one of twilio, telnyx, vonage, found \"burki\"",
        ),
        (
            "http://127.0.0.1:8090",
            "ftp://127.0.0.1",
            "accounts[0].base_url: expected a URL such as \"https://api.twilio.com\", found \"ftp://127.0.0.1\"",
        ),
        (
            "unknown_outcome = \"resend\"",
            "unknown_outcome = \"forget\"",
            "accounts[1].unknown_outcome: expected one of resend, hold, found \"forget\"",
        ),
    ];
    for (from, to, sentence) in cases {
        assert_eq!(refusal(from, to).as_deref(), Some(sentence), "{to}");
    }
    assert!(refusal("\"100/s\"", "\"fast\"").unwrap().starts_with("accounts[0].limits[0]: "));
}

#[test]
fn an_organization_may_have_limits_and_bad_ones_are_refused_by_their_key() {
    let with = |limits: &str| format!("name = \"Acme\"\nlimits = {limits}");
    let directory = parse(&GOOD.replace("name = \"Acme\"", &with("[\"200/s\", \"9000/day@UTC\"]"))).unwrap();
    assert_eq!(directory.book.limits_of(OrganizationId(1)).len(), 2);
    assert!(directory.book.limits_of(OrganizationId(2)).is_empty());
    for bad in ["0/s", "-1/s", "1/0s", "1/day@Nowhere", "99999999999/s"] {
        let said = refusal("name = \"Acme\"", &with(&format!("[\"200/s\", {bad:?}]"))).unwrap();
        assert!(said.starts_with("organizations[0].limits[1]: ") && said.contains(bad), "{said}");
    }
}

#[test]
fn mistakes_of_credentials_are_refused() {
    let either = "accounts[0].credentials: expected either auth_token, or api_key_sid with api_key_secret";
    let cases = [
        (
            "AC0123456789",
            "AD0123456789",
            "accounts[0].credentials.account_sid: expected AC and 32 hexadecimal digits",
        ),
        (
            "AC0123456789",
            "AC012345678",
            "accounts[0].credentials.account_sid: expected AC and 32 hexadecimal digits",
        ),
        ("SK2222", "SKxxxx", "accounts[1].credentials.api_key_sid: expected SK and 32 hexadecimal digits"),
        (
            "MG3333",
            "3333MG",
            "accounts[1].credentials.messaging_service_sid: expected MG and 32 hexadecimal digits",
        ),
        (
            "env:TWILIO_AUTH_TOKEN",
            "env:NOT_THERE",
            "accounts[0].credentials.auth_token: the environment variable NOT_THERE is not set",
        ),
        (", auth_token = \"env:TWILIO_AUTH_TOKEN\"", "", either),
        ("auth_token = ", "api_key_secret = ", either),
        ("auth_token = ", "api_key_secret = \"s\", auth_token = ", either),
        (
            "auth_token = ",
            "token = ",
            "accounts[0].credentials.token: unknown key, expected one of account_sid, auth_token, api_key_sid, \
             api_key_secret, messaging_service_sid",
        ),
        (
            "account_sid = \"AC0123456789abcdef0123456789abcdef\", ",
            "",
            "accounts[0].credentials.account_sid: this key is missing",
        ),
        (
            "auth_token = \"env:TWILIO_AUTH_TOKEN\"",
            "auth_token = 5",
            "accounts[0].credentials.auth_token: expected a string, found a whole number",
        ),
    ];
    for (from, to, sentence) in cases {
        assert_eq!(refusal(from, to).as_deref(), Some(sentence), "{to}");
    }
}

#[test]
fn mistakes_of_assistants_and_numbers_are_refused() {
    let cases = [
        ("id = 8", "id = 7", "assistants[1].id: assistant 7 is listed twice"),
        (
            "organization = 2\nname = \"Sales Bot\"",
            "organization = 3\nname = \"Sales Bot\"",
            "assistants[1].organization: there is no organization 3",
        ),
        (
            "account = \"globex-twilio\"",
            "account = \"nowhere\"",
            "assistants[1].account: there is no account \"nowhere\"",
        ),
        (
            "account = \"globex-twilio\"",
            "account = \"acme-twilio\"",
            "assistants[1].account: account \"acme-twilio\" is organization 1's, not organization 2's",
        ),
        (
            "account = \"globex-twilio\"",
            "account = \"globex-twilio\"\nfallback_account = \"nowhere\"",
            "assistants[1].fallback_account: there is no account \"nowhere\"",
        ),
        (
            "account = \"globex-twilio\"",
            "account = \"globex-twilio\"\nfallback_account = \"acme-twilio\"",
            "assistants[1].fallback_account: account \"acme-twilio\" is organization 1's, not organization 2's",
        ),
        (
            "account = \"globex-twilio\"",
            "account = \"globex-twilio\"\nsms_webhook_url = \"https://example.com\"",
            "assistants[1].sms_webhook_url: this version does not take in inbound messages, leave this key out",
        ),
        (
            "+15550100002",
            "5550100002",
            "numbers[2].number: not a phone number in E.164 form: a plus sign, then 2 to 15 digits, the first not 0",
        ),
        ("+15550100002", "+15550100001", "numbers[2].number: +15550100001 is listed twice"),
        ("assistant = 8", "assistant = 9", "numbers[2].assistant: there is no assistant 9"),
        (
            "assistant = 7\naccount = \"acme-twilio\"",
            "assistant = 7\naccount = \"globex-twilio\"",
            "numbers[1].account: account \"globex-twilio\" is organization 2's, not organization 1's",
        ),
        (
            "assistant = 7\naccount = \"acme-twilio\"",
            "assistant = 7\naccount = \"nowhere\"",
            "numbers[1].account: there is no account \"nowhere\"",
        ),
        ("limits = []", "limits = \"1/s\"", "numbers[2].limits: expected a list, found a string"),
        (
            "limits = []",
            "limit = []",
            "numbers[2].limit: unknown key, expected one of number, assistant, account, type, limits, campaign, lanes",
        ),
    ];
    for (from, to, sentence) in cases {
        assert_eq!(refusal(from, to).as_deref(), Some(sentence), "{to}");
    }
    assert!(refusal("\"2000/min\"", "\"2000/fortnight\"").unwrap().starts_with("numbers[0].limits[1]: "));
    for bad in ["0/s", "-1/s", "1/0s", "2000/day@America/Los_Diablos", "999999999/s", "1/99999h", "2000/day"]
    {
        let said = refusal("\"2000/min\"", &format!("{bad:?}")).unwrap();
        assert!(said.starts_with("numbers[0].limits[1]: ") && said.contains(bad), "{said}");
        let said = refusal("\"100/s\"", &format!("{bad:?}")).unwrap();
        assert!(said.starts_with("accounts[0].limits[0]: ") && said.contains(bad), "{said}");
    }
    let too_many = format!("{:?}", ["1/s"; 17]);
    assert!(refusal("[\"10/s\", \"2000/min\"]", &too_many).unwrap().starts_with("numbers[0].limits[16]: "));
}

#[test]
fn an_unknown_table_is_refused() {
    let sentence = parse("[[senders]]\nnumber = \"+12\"").unwrap_err();
    assert_eq!(
        sentence,
        "senders: unknown key, expected one of organizations, accounts, assistants, numbers"
    );
}

#[test]
fn a_number_may_name_its_type_and_weigh_its_lanes() {
    let with = |more: &str| parse(&GOOD.replacen("limits = []", more, 1));
    let number = "+15550100002".parse().unwrap();
    let directory = with("type = \"short_code\"\nlanes = { urgent = 20, bulk = 2 }").unwrap();
    let route = &directory.book.numbers[&number];
    let limits: Vec<String> = route.limits.iter().map(ToString::to_string).collect();
    assert_eq!(limits, ["100/s"]);
    assert_eq!(route.weights, Weights { urgent: 20, normal: 3, bulk: 2 });
    assert_eq!(with("limits = []").unwrap().book.numbers[&number].weights, Weights::default());

    let refusal = |more: &str| with(more).unwrap_err();
    assert!(refusal("type = \"landline\"").starts_with("numbers[2].type: expected one of "));
    let weight = "numbers[2].lanes.bulk: expected a whole number from 1 to 1000";
    assert_eq!(refusal("lanes = { bulk = 0 }"), weight);
    assert_eq!(refusal("lanes = { bulk = 1001 }"), weight);
    assert!(refusal("lanes = { slow = 1 }").starts_with("numbers[2].lanes.slow: unknown key"));
}

/// [`GOOD`] with its secrets where a directory that is applied may have them.
fn without_secrets() -> String {
    GOOD.replace("api_key_secret = \"quiet\"", "api_key_secret = \"env:TWILIO_AUTH_TOKEN\"")
}

#[test]
fn what_is_written_again_is_the_same_directory_without_secrets() {
    let first = parse(GOOD).unwrap();
    for secret in ["globex-key", "quiet"] {
        assert!(!first.text.contains(secret), "{}", first.text);
    }
    assert!(first.text.contains("\"env:ACME_API_KEY\""), "{}", first.text);
    let first = parse(&without_secrets()).unwrap();
    let again = parse(&first.text).unwrap();
    assert_eq!(again.text, first.text);
    assert_eq!(again.book, first.book);
    assert_eq!(again.ways_in, first.ways_in);
    let known = |directory: &Directory| {
        let keys = directory.keys.iter();
        keys.map(|key| (key.organization, key.name.clone(), key.digest, key.scopes)).collect::<Vec<_>>()
    };
    assert_eq!(known(&again), known(&first));
}

#[test]
fn a_directory_that_is_applied_holds_no_secret() {
    let first = parse(GOOD).unwrap();
    let apply = |text: &str| applied_over(&first, text);
    assert_eq!(apply(&without_secrets()), Ok(()));
    let said = apply(GOOD).unwrap_err();
    assert!(
        said.starts_with("accounts[1].credentials.api_key_secret: ") && !said.contains("quiet"),
        "{said}"
    );
    let said = apply(&first.text).unwrap_err();
    assert!(said.starts_with("accounts[1].credentials.api_key_secret: "), "hidden is no secret: {said}");
    assert!(apply("[[organisations]]").unwrap_err().starts_with("organisations: "));
    assert!(apply("[").unwrap_err().starts_with("the directory, line 1: not TOML"));
}

/// What was accepted for an account would go out, and be looked for, through another provider, or be shown to others.
#[test]
fn no_account_becomes_that_of_another_provider_or_organization() {
    let first = parse(GOOD).unwrap();
    let apply = |text: &str| applied_over(&first, text);
    let theirs = without_secrets()
        .replace("name = \"acme-twilio\"\norganization = 1", "name = \"acme-twilio\"\norganization = 2");
    let said = apply(&theirs).unwrap_err();
    assert!(
        said.starts_with("accounts[0].organization: account \"acme-twilio\" is organization 1's"),
        "{said}"
    );
    let telnyx = without_secrets().replacen("provider = \"twilio\"", "provider = \"telnyx\"", 1);
    let said = apply(&telnyx).unwrap_err();
    assert!(said.starts_with("accounts[0].provider: account \"acme-twilio\" is twilio's"), "{said}");
    let misspelt = without_secrets().replacen("provider = \"twilio\"", "provider = \"twillio\"", 1);
    let said = apply(&misspelt).unwrap_err();
    assert!(said.starts_with("accounts[0].provider: expected one of "), "{said}");
}

/// What is said of applying this text where the first one is in force.
fn applied_over(first: &Directory, text: &str) -> Result<(), String> {
    let applied = first.origin.read_applied(text, &first.book);
    applied.map(drop).map_err(|refusal| refusal.to_string())
}

#[test]
fn an_account_is_signed_in_to_anew_where_its_secret_or_its_address_is_another() {
    let first = parse(GOOD).unwrap();
    let name = AccountName::from("acme-twilio");
    for (from, to, differs) in [
        ("\"100/s\"", "\"50/s\"", false),
        ("env:TWILIO_AUTH_TOKEN", "env:ACME_API_KEY", true),
        ("127.0.0.1:8090", "127.0.0.1:8091", true),
        ("env:TWILIO_AUTH_TOKEN", "hush", false),
    ] {
        let other = parse(&GOOD.replace(from, to)).unwrap();
        assert_eq!(other.ways_in[&name] != first.ways_in[&name], differs, "{from} to {to}");
    }
}

#[test]
fn a_secret_may_be_in_a_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    let of_file = |text: &str| {
        std::fs::write(&file, text).unwrap();
        parse(&GOOD.replace("env:TWILIO_AUTH_TOKEN", &format!("file:{}", file.display())))
    };
    let name = AccountName::from("acme-twilio");
    let ProviderSettings::Twilio(settings) = &of_file("hush\n").unwrap().accounts[&name] else { panic!() };
    assert_eq!(settings.secret.expose_secret(), "hush", "without the end of the line");
    let said = of_file("\n").unwrap_err();
    assert!(said.starts_with("accounts[0].credentials.auth_token: the file "), "{said}");
    let said = refusal("env:TWILIO_AUTH_TOKEN", "file:/not/there").unwrap();
    assert!(said.starts_with("accounts[0].credentials.auth_token: cannot read /not/there"), "{said}");
}

/// How many routes are kept decides what a number costs.
#[test]
fn numbers_that_are_sent_from_alike_share_one_route() {
    let mut more = String::new();
    for index in 0..50 {
        write!(more, "\n[[numbers]]\nnumber = \"+1555020{index:04}\"\nassistant = 7\n").unwrap();
    }
    let book = parse(&format!("{GOOD}{more}")).unwrap().book;
    let route = |number: &str| std::sync::Arc::as_ptr(&book.numbers[&number.parse().unwrap()]);
    assert!((0..50).all(|index| route(&format!("+1555020{index:04}")) == route("+15550100001")));
    assert_ne!(route("+1234567890"), route("+15550100001"), "it has other limits");
}
