//! A real Prometheus on an engine in this process, for what no fault from outside brings about: actors that
//! fail again and again, a provider that says that it has what failed here, and processors so busy that
//! mailboxes are not looked into.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum_server::Handle;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sendyard_actors::domain::message::{Kind, State};
use sendyard_actors::domain::outcome::{Acceptance, Class};
use sendyard_actors::engine::SendRequest;
use sendyard_actors::telemetry;
use tokio::runtime;

use super::load::FIRES_WITHIN;
use super::prometheus::Prometheus;
use crate::engine::yard::{Builder, FROM, Line, Yard, number};
use crate::process::yard::eventually;

/// Beside the usual number.
const MORE: usize = 5;

/// Longer than a message may lie in a mailbox.
const BUSY: Duration = Duration::from_millis(1200);

/// The metrics, served by a thread that is not as busy as the engine.
struct Page {
    addr: SocketAddr,
    handle: Handle<SocketAddr>,
}

impl Page {
    fn serve(page: PrometheusHandle) -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let (addr, handle) = (socket.local_addr().unwrap(), Handle::new());
        let server_handle = handle.clone();
        thread::spawn(move || {
            let router = Router::new().route("/metrics", get(move || async move { page.render() }));
            runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
                let server = axum_server::from_tcp(socket).unwrap().handle(server_handle);
                server.serve(router.into_make_service()).await.unwrap();
            });
        });
        Self { addr, handle }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

fn recorder() -> metrics_exporter_prometheus::PrometheusRecorder {
    let mut builder = PrometheusBuilder::new();
    for metric in telemetry::METRICS {
        if let telemetry::Kind::Histogram(bounds) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds).unwrap();
        }
    }
    builder.build_recorder()
}

/// Takes the processor for a while each time that it is its turn, for ever. It is due again at once.
async fn take_the_processor() {
    std::future::poll_fn::<(), _>(|context| {
        thread::sleep(BUSY);
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn faults_of_the_engine_fire_theirs() {
    let recorder = recorder();
    let (_here, page) = (metrics::set_default_local_recorder(&recorder), recorder.handle());
    telemetry::describe();
    // It looks at timers and sockets after each task, so that they are not forgotten for the busy one.
    let runtime = runtime::Builder::new_current_thread().enable_all().event_interval(1).build().unwrap();
    runtime.block_on(watched(page));
}

async fn watched(page: PrometheusHandle) {
    let numbers: Vec<String> = (0..MORE).map(|index| format!("+1234567{index:03}")).collect();
    let builder = Builder {
        more_numbers: numbers.clone(),
        script: vec![Line::Accept(Duration::from_millis(10))],
        ..Builder::default()
    };
    let yard = builder.start().await;
    let served = Page::serve(page.clone());
    let Some(prometheus) = Prometheus::start(&[served.addr]).await else { return };
    for from in &numbers {
        send(&yard, from).await;
    }
    eventually("all was well for a while", FIRES_WITHIN, async || {
        assert!(prometheus.active().await.is_empty());
        let scrapes = prometheus.query("count_over_time(sendyard_senders{state=\"live\"}[1h]) > 20").await;
        (!scrapes.is_empty()).then_some(())
    })
    .await;

    yard.provider.play(vec![Line::Refuse(Class::Recipient, Duration::ZERO)]);
    let failed = yard.queue("+15550200001", "no").await.id;
    yard.until(failed, State::Failed).await;
    let acceptance =
        Acceptance { provider_id: "SM1".to_owned(), provider_status: "sent".into(), segments: None };
    yard.engine.evidence(failed, None, acceptance).await.unwrap();
    for from in numbers.iter().map(String::as_str).chain([FROM]) {
        yard.engine.make_sender_panic(number(from));
    }
    prometheus.until_firing(&["SendyardEvidenceAgainstUs", "SendyardRestartLoop"], FIRES_WITHIN).await;

    assert!(!prometheus.active().await.contains("SendyardSlowMailboxes"));
    let busy = tokio::spawn(take_the_processor());
    eventually("a mailbox was not looked into for a second", FIRES_WITHIN, async || {
        let rendered = page.render();
        let line = |metric: &str, le: &str| {
            let start = format!(r#"sendyard_mailbox_{metric}_bucket{{actor="sender",le="{le}"}} "#);
            rendered
                .lines()
                .find_map(|line| line.strip_prefix(&start))
                .and_then(|count| count.parse::<u64>().ok())
        };
        let asked = line("wait_seconds", "+Inf")?;
        let both = line("depth", "+Inf")? == asked;
        (both && asked > line("wait_seconds", "1")?).then_some(())
    })
    .await;
    busy.abort();
    prometheus.until_firing(&["SendyardSlowMailboxes"], FIRES_WITHIN).await;
}

async fn send(yard: &Yard, from: &str) {
    let request = Yard::request("+15550200000", "hello", Kind::Queued);
    yard.engine.send(SendRequest { from: number(from), ..request }).await.expect("accepted");
}
