//! A receiver of traces on the loopback: OTLP over HTTP, as protocol buffers.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use tokio::net::TcpListener;

use super::protobuf::{all, number, one};

/// A span with what said it.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) begins: u64,
    pub(crate) ends: u64,
    pub(crate) texts: HashMap<String, String>,
    /// Traces that it is linked to.
    pub(crate) links: Vec<String>,
    /// The process.
    pub(crate) instance: String,
    pub(crate) service: String,
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    bytes: Vec<u8>,
}

/// The running receiver.
pub(crate) struct Receiver {
    addr: SocketAddr,
    received: Arc<Mutex<Received>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let router = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&received));
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = socket.local_addr().unwrap();
        tokio::spawn(async move {
            axum_server::from_tcp(socket.into_std().unwrap()).unwrap().serve(router.into_make_service()).await
        });
        Self { addr, received }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.received.lock().unwrap().spans.clone()
    }

    /// Every byte so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.received.lock().unwrap().bytes.clone()
    }
}

async fn receive(State(received): State<Arc<Mutex<Received>>>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mut received = received.lock().unwrap();
    received.bytes.extend_from_slice(&body);
    // ExportTraceServiceRequest, ResourceSpans, ScopeSpans, Span.
    for resource_spans in all(&body, 1) {
        let resource = texts(one(resource_spans, 1), 1);
        let of_process = |name: &str| resource.get(name).cloned().unwrap_or_default();
        for scope_spans in all(resource_spans, 2) {
            for span in all(scope_spans, 2) {
                received.spans.push(Span {
                    trace: hex::encode(one(span, 1)),
                    id: hex::encode(one(span, 2)),
                    parent: hex::encode(one(span, 4)),
                    name: text(one(span, 5)),
                    begins: number(span, 7),
                    ends: number(span, 8),
                    texts: texts(span, 9),
                    links: all(span, 13).into_iter().map(|link| hex::encode(one(link, 1))).collect(),
                    instance: of_process("service.instance.id"),
                    service: of_process("service.name"),
                });
            }
        }
    }
}

/// The attributes in the fields of this number that are texts.
fn texts(bytes: &[u8], number: u64) -> HashMap<String, String> {
    let attributes = all(bytes, number).into_iter();
    attributes.map(|attribute| (text(one(attribute, 1)), text(one(one(attribute, 2), 1)))).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
