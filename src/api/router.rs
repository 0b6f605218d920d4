//! Every route on one screen.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use sendyard_actors::engine::Engine;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::admin::Drain;
use super::auth::Keyring;
use super::directory::{self, Desk};
use super::errors::page;
use super::health::DiskRoom;
use super::messages::batch::{self, Batches};
use super::{
    accounts, admin, cancel, cancel_many, docs, health, list, message, messages, openapi, request_id,
    senders, stats, status, unbuilt, unknown,
};

/// Renders the page that Prometheus reads, in its text format.
pub type MetricsPage = Arc<dyn Fn() -> String + Send + Sync>;

/// What the front door stands before.
pub struct Front {
    /// The engine's handle.
    pub engine: Engine,
    /// Who may come in.
    pub keys: Arc<Keyring>,
    /// `/metrics` on this port; `None` where it has a port of its own.
    pub metrics: Option<MetricsPage>,
    /// How long a client may take over the body of one request.
    pub body_timeout: Duration,
    /// The disk of an embedded store.
    pub disk: Option<Arc<DiskRoom>>,
    /// The directory in force, and how it is changed; `None` where it is not.
    pub directory: Option<Arc<dyn Desk>>,
    /// How the process is asked to end; `None` where no token for it is configured.
    pub drain: Option<Drain>,
    /// Tickets for batches: so many at one time, and no more.
    pub batches: Batches,
}

/// The list: each route with its description, from the same line.
pub(super) fn routes() -> OpenApiRouter<Arc<Front>> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(messages::send))
        .routes(routes!(batch::send_batch))
        .routes(routes!(status::status))
        .routes(routes!(status::status_by_prefix))
        .routes(routes!(cancel::cancel))
        .routes(routes!(cancel::cancel_by_prefix))
        .routes(routes!(stats::stats))
        .route("/sms/queue/stats/", get(stats::stats))
        .routes(routes!(list::list))
        .route("/v1/messages/", get(list::list))
        .routes(routes!(cancel_many::cancel_many))
        .routes(routes!(message::message))
        .routes(routes!(unknown::settle))
        .routes(routes!(accounts::list))
        .route("/v1/accounts/", get(accounts::list))
        .routes(routes!(accounts::close))
        .routes(routes!(admin::drain))
        .routes(routes!(directory::show, directory::apply, directory::reset))
        .routes(routes!(senders::list))
        .route("/v1/senders/", get(senders::list))
        .routes(routes!(senders::show, senders::tune))
        .routes(routes!(senders::pause))
        .routes(routes!(senders::resume))
        .routes(routes!(health::health))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::document))
        .routes(routes!(docs::reference))
        .route("/docs/", get(docs::reference_below))
        .route("/docs/{asset}", get(docs::asset))
        .routes(routes!(page::error_page))
}

/// The whole front door, ready to be served.
pub fn router(front: Front) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .fallback(unbuilt::unknown_path)
        .method_not_allowed_fallback(unbuilt::unknown_method)
        // Around the fallbacks too: they must be set before it.
        .layer(from_fn(request_id::identify))
        .with_state(Arc::new(front))
}
