//! Traces by OTLP, with the feature `otel`: what the engine's spans say, sent to whom the environment names.
//!
//! **A message's trace has the message's own id**, as its 32 hexadecimal digits, and its first span has the second
//! half of it. So every process that has to do with a message adds to the same trace, now or hours later, and
//! none has to be told of it: neither the record nor a note between processes holds a trace. Who has the id of a
//! message has its trace. A client's own trace (`traceparent`) is linked to, not continued.
//!
//! Bounds: what cannot be sent in time is dropped, beyond the 2,048 spans that the processor keeps.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};
use sendyard_actors::telemetry::TRACE;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

/// Either names the receiver, as OpenTelemetry has it.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The way out of all traces of this process. To be ended before the process is.
#[derive(Clone)]
pub struct Traces {
    processor: Arc<BatchSpanProcessor>,
}

impl Traces {
    /// To the receiver that the environment names; `None` where it names none. Not to be called by a task: it
    /// makes a client that waits.
    pub fn from_environment() -> Result<Option<Self>, ExporterBuildError> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.into_iter().any(is_set) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&resource());
        Ok(Some(Self { processor: Arc::new(processor) }))
    }

    /// Listens to the spans of traces, and to nothing else.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let export = Export { processor: Arc::clone(&self.processor) };
        export.with_filter(Targets::new().with_target(TRACE, Level::DEBUG))
    }

    /// Sends what is left, for a few seconds at the most.
    pub fn end(&self) {
        // Whoever cannot be reached now was told of before.
        let _ = self.processor.shutdown();
    }
}

/// Who says it: the program, and this process of it.
fn resource() -> Resource {
    let mut resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", Uuid::new_v4().to_string()));
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("sendyard");
    }
    resource.build()
}

/// What a span has said so far.
#[derive(Debug)]
struct Seen {
    since: SystemTime,
    message: Option<Uuid>,
    fields: Vec<KeyValue>,
}

impl Seen {
    fn is(&self, name: &str, value: bool) -> bool {
        self.fields.iter().any(|field| field.key.as_str() == name && field.value == value.into())
    }

    fn text(&self, name: &str) -> Option<String> {
        let field = self.fields.iter().find(|field| field.key.as_str() == name)?;
        Some(field.value.as_str().into_owned())
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.push(KeyValue::new(field.name(), value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.push(KeyValue::new(field.name(), value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push(KeyValue::new(field.name(), i64::try_from(value).unwrap_or(i64::MAX)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let value = format!("{value:?}");
        if field.name() == "message_id" {
            self.message = Uuid::try_parse(&value).ok();
        }
        self.record_str(field, &value);
    }
}

struct Export {
    processor: Arc<BatchSpanProcessor>,
}

impl<S> Layer<S> for Export
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut seen = Seen { since: SystemTime::now(), message: None, fields: Vec::new() };
        attributes.record(&mut seen);
        span.extensions_mut().insert(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(seen) = span.extensions_mut().get_mut::<Seen>() {
            values.record(seen);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut seen) = span.extensions_mut().remove::<Seen>() else { return };
        let Some(message) = seen.message else { return };
        let mut links = SpanLinks::default();
        if let Some(request) = span.parent()
            && let Some(request) = request.extensions().get::<Seen>()
        {
            seen.fields.extend(request.text("id").map(|id| KeyValue::new("request_id", id)));
            links.links.extend(request.text("traceparent").and_then(link));
        }
        let is_first = span.name() == "accept" && seen.is("replayed", false) && is_accepted(&seen);
        self.processor.on_end(data(span.name(), message, is_first, seen, links));
    }
}

fn is_accepted(seen: &Seen) -> bool {
    seen.text("outcome").is_some_and(|outcome| outcome == "accepted")
}

fn data(name: &'static str, message: Uuid, is_first: bool, seen: Seen, links: SpanLinks) -> SpanData {
    let first = first_span(message);
    let (span, parent) = if is_first { (first, SpanId::INVALID) } else { (fresh_span(), first) };
    let status = if is_accepted(&seen) { Status::Ok } else { Status::error("") };
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(message.into_bytes()),
            span,
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: parent,
        parent_span_is_remote: true,
        span_kind: if name == "accept" { SpanKind::Server } else { SpanKind::Client },
        name: name.into(),
        start_time: seen.since,
        end_time: SystemTime::now(),
        attributes: seen.fields,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status,
        instrumentation_scope: InstrumentationScope::builder("sendyard").build(),
    }
}

/// Of the span in which the message was accepted. Never zero: its first bits are those of the kind of id.
fn first_span(message: Uuid) -> SpanId {
    let (_, low) = message.as_u64_pair();
    SpanId::from_bytes(low.to_be_bytes())
}

fn fresh_span() -> SpanId {
    first_span(Uuid::new_v4())
}

/// To the client's span, by the W3C's header.
fn link(traceparent: String) -> Option<Link> {
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent)]);
    let context = TraceContextPropagator::new().extract(&carrier);
    let client = context.span().span_context().clone();
    client.is_valid().then(|| Link::with_context(client))
}
