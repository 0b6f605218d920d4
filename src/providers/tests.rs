//! What is the same for every way out: how a call can end, whatever the provider's words.

use futures::poll;
use sendyard_actors::domain::outcome::{Class, Doubt, Outcome, Slows};
use tokio::net::TcpListener;

use super::samples::{IMPATIENT, PATIENT, WayOut, bare, refused, slowing};
use super::scripted::{Reply, Scripted, answer};
use super::{client, telnyx, twilio, vonage};

/// Every provider that is built. A new one joins here.
const WAYS_OUT: [WayOut; 3] = [twilio::tests::WAY_OUT, telnyx::tests::WAY_OUT, vonage::tests::WAY_OUT];

#[tokio::test]
async fn an_answer_that_cannot_be_read_refuses_only_what_was_certainly_not_taken() {
    let unclear = Outcome::Unknown(Doubt::UnclearAnswer);
    let table = [
        ("200 OK", "", "<html>Welcome</html>", unclear.clone()),
        ("200 OK", "", "", unclear.clone()),
        ("200 OK", "", "[]", unclear.clone()),
        ("200 OK", "", "7", unclear.clone()),
        ("200 OK", "", r#"{"ok":true}"#, unclear.clone()),
        ("204 No Content", "", "", unclear.clone()),
        ("303 See Other", "location: /elsewhere\r\n", "", unclear.clone()),
        ("400 Bad Request", "", "<html>secret stuff</html>", bare(400, Class::Request)),
        (
            "400 Bad Request",
            "",
            r#"{"errors":7,"code":[],"type":{},"message":["x"]}"#,
            bare(400, Class::Request),
        ),
        ("401 Unauthorized", "", "", bare(401, Class::Configuration)),
        ("403 Forbidden", "", "no", bare(403, Class::Configuration)),
        ("404 Not Found", "", "nothing here", bare(404, Class::Configuration)),
        ("408 Request Timeout", "", "", unclear.clone()),
        ("429 Too Many Requests", "", "slow down", slowing(bare(429, Class::Retry), Slows::Account)),
        (
            "429 Too Many Requests",
            "retry-after: 7\r\n",
            "",
            slowing(
                refused(Class::Retry, None, "http status 429 without a message", Some(7)),
                Slows::Account,
            ),
        ),
        (
            "429 Too Many Requests",
            // A date, and so far away that it is cut.
            "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
            "",
            slowing(
                refused(Class::Retry, None, "http status 429 without a message", Some(3600)),
                Slows::Account,
            ),
        ),
        ("500 Internal Server Error", "", "", unclear.clone()),
        ("502 Bad Gateway", "retry-after: 1\r\n", "<html>bad gateway</html>", unclear),
    ];
    for way_out in &WAYS_OUT {
        for (status, headers, body, expected) in &table {
            let outcome = way_out.outcome_of_answer(status, headers, body).await;
            assert_eq!(outcome, *expected, "{} {status} {body}", way_out.kind);
        }
    }
}

#[tokio::test]
async fn a_yes_is_accepted_whole_and_with_any_status_of_success() {
    for way_out in &WAYS_OUT {
        let (_, yes) = way_out.yes;
        for status in ["200 OK", "201 Created", "202 Accepted"] {
            let outcome = way_out.outcome_of_answer(status, "", yes).await;
            assert_eq!(outcome, (way_out.accepted)(), "{} {status}", way_out.kind);
        }
        for end in (0..yes.len()).step_by(7) {
            let outcome = way_out.outcome_of_answer("200 OK", "", &yes[..end]).await;
            assert_eq!(outcome, Outcome::Unknown(Doubt::UnclearAnswer), "{} {}", way_out.kind, &yes[..end]);
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for way_out in &WAYS_OUT {
        let moved = Reply::Keep(answer("307 Temporary Redirect", "location: /elsewhere\r\n", ""));
        let mut provider = Scripted::start(vec![moved]).await;
        let outcome = way_out.start(provider.url()).send(way_out.hand_over("hi"), PATIENT).await;
        assert_eq!(outcome, bare(307, Class::Configuration), "{}", way_out.kind);
        provider.request().await;
        assert_eq!(provider.unread(), 0);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_leaves_it_unknown() {
    let lost = Outcome::Unknown(Doubt::ConnectionLost);
    let headers = "x-flood: 0123456789\r\n".repeat(2000);
    for way_out in &WAYS_OUT {
        let whole = way_out.yes_with("");
        let table = [
            ("no answer at all", Vec::new(), lost.clone()),
            ("half a status line", b"HTTP/1.1 20".to_vec(), lost.clone()),
            ("half a head", b"HTTP/1.1 201 Created\r\ncontent-le".to_vec(), lost.clone()),
            ("no HTTP", b"SSH-2.0-OpenSSH_9.0\r\n\r\n".to_vec(), lost.clone()),
            ("a flood of headers", way_out.yes_with(&headers), lost.clone()),
            ("half a body", whole[..whole.len() - 5].to_vec(), lost.clone()),
            (
                "half a body of a 500",
                b"HTTP/1.1 500 Oops\r\ncontent-length: 9\r\n\r\n{".to_vec(),
                lost.clone(),
            ),
            (
                "half a body of a 400, whose head has refused already",
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n{".to_vec(),
                bare(400, Class::Request),
            ),
        ];
        for (name, bytes, expected) in table {
            let outcome = way_out.outcome_of(Reply::Close(bytes), PATIENT).await;
            assert_eq!(outcome, expected, "{}: {name}", way_out.kind);
        }
    }
}

#[tokio::test]
async fn patience_bounds_the_whole_call() {
    let no_answer = Outcome::Unknown(Doubt::NoAnswer);
    let head = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 60000\r\n\r\n").into_bytes();
    let table = [
        ("silence", Reply::Hang(Vec::new())),
        ("a head without its body", Reply::Hang(head("200 OK"))),
        ("a body that drips", Reply::Drip(head("200 OK"))),
        ("a 503 whose body drips", Reply::Drip(head("503 Unavailable"))),
    ];
    for way_out in &WAYS_OUT {
        for (name, reply) in &table {
            let outcome = way_out.outcome_of(reply.clone(), IMPATIENT).await;
            assert_eq!(outcome, no_answer, "{}: {name}", way_out.kind);
        }
    }
}

#[tokio::test]
async fn a_huge_body_is_not_read_to_its_end() {
    let hundred_megabytes = b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n".to_vec();
    let no_length = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    for way_out in &WAYS_OUT {
        for head in [hundred_megabytes.clone(), no_length.clone()] {
            let yes_and_more = [head, way_out.yes.1.as_bytes().to_vec()].concat();
            let outcome = way_out.outcome_of(Reply::Pour(yes_and_more), PATIENT).await;
            assert_eq!(outcome, Outcome::Unknown(Doubt::UnclearAnswer), "{}", way_out.kind);
        }
        let (status, yes) = way_out.yes;
        let fits = format!("{yes}{}", " ".repeat(60_000));
        let outcome = way_out.outcome_of_answer(status, "", &fits).await;
        assert_eq!(outcome, (way_out.accepted)(), "{}", way_out.kind);
    }
}

#[tokio::test]
async fn what_was_never_written_is_refused() {
    for way_out in &WAYS_OUT {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Accepts, and never answers the TLS greeting.
        let silent_tls = format!("https://{address}").parse().unwrap();
        let short = client(1, IMPATIENT).unwrap();
        let slow = (way_out.at)(silent_tls, short).send(way_out.hand_over("hi"), PATIENT).await;

        drop(listener);
        let nobody = format!("http://{address}").parse().unwrap();
        let gone = way_out.start(nobody).send(way_out.hand_over("hi"), PATIENT).await;

        for outcome in [slow, gone] {
            let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
            assert_eq!((refusal.class, refusal.code.as_deref()), (Class::Retry, Some("connect")));
            assert!(refusal.detail.starts_with("cannot connect: "), "{}", refusal.detail);
            assert!(!refusal.detail.contains("127.0.0.1/"), "no URL: {}", refusal.detail);
        }

        let nowhere = "mailto:somebody".parse().unwrap();
        let wrong = way_out.start(nowhere).send(way_out.hand_over("hi"), PATIENT).await;
        let Outcome::Refused(refusal) = wrong else { panic!("{wrong:?}") };
        assert_eq!((refusal.class, refusal.code.as_deref()), (Class::Configuration, Some("request")));
    }
}

#[tokio::test]
async fn a_request_on_a_connection_that_dies_is_not_repeated() {
    for way_out in &WAYS_OUT {
        let script = vec![Reply::Keep(way_out.yes_with("")), Reply::Close(Vec::new())];
        let mut provider = Scripted::start(script).await;
        let started = way_out.start(provider.url());
        let first = started.send(way_out.hand_over("text-one"), PATIENT).await;
        assert_eq!(first, (way_out.accepted)());
        let second = started.send(way_out.hand_over("text-two"), PATIENT).await;
        assert_eq!(second, Outcome::Unknown(Doubt::ConnectionLost), "{}", way_out.kind);
        assert!(provider.request().await.contains("text-one"));
        assert!(provider.request().await.contains("text-two"));
        assert_eq!(provider.unread(), 0);
    }
}

#[tokio::test]
async fn the_first_poll_puts_the_request_on_its_way() {
    for way_out in &WAYS_OUT {
        let script = vec![Reply::Keep(way_out.yes_with("")), Reply::Hang(Vec::new())];
        let mut provider = Scripted::start(script).await;
        let started = way_out.start(provider.url());
        started.send(way_out.hand_over("text-one"), PATIENT).await;
        provider.request().await;

        let mut second = started.send(way_out.hand_over("text-two"), PATIENT);
        assert_eq!(provider.unread(), 0, "nothing is sent before the first poll");
        assert!(poll!(&mut second).is_pending());
        // The future is not polled again; on a connection that stands, the request arrives all the same.
        assert!(provider.request().await.contains("text-two"), "{}", way_out.kind);
    }
}

#[tokio::test]
async fn a_detail_holds_no_secret_and_is_bounded() {
    for way_out in &WAYS_OUT {
        let secret = way_out.secret;
        let echo = (way_out.no)(&format!("Authenticate with {secret}: {}", "é".repeat(400)));
        let outcome = way_out.outcome_of_answer("401 Unauthorized", "", &echo).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert!(refusal.detail.starts_with("Authenticate with [redacted]: é"), "{}", refusal.detail);
        assert!((511..=512).contains(&refusal.detail.len()));
    }
}

#[tokio::test]
async fn no_text_of_an_answer_brings_a_secret_into_a_record() {
    for way_out in &WAYS_OUT {
        let (status, yes) = way_out.yes;
        let bodies = [("400 Bad Request", (way_out.no)("no")), (status, yes.to_owned())];
        for (status, body) in bodies {
            let leaky = body.replace(":\"", &format!(":\"{} ", way_out.secret));
            let outcome = way_out.outcome_of_answer(status, "", &leaky).await;
            let shown = format!("{outcome:?}");
            assert!(!shown.contains(way_out.secret), "{}: {shown}", way_out.kind);
            assert!(shown.contains("[redacted]"), "{}: {shown}", way_out.kind);
        }
    }
}
