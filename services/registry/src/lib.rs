//! The relief register (救助登记): household files, class status over time, the chain of relief, divisions. Names and
//! ID numbers live here and nowhere else, sealed; every look at them leaves an audit row in the same transaction.
//!
//! A county's collection batch comes in through `app::import`; decisions and feedback come in as events
//! (`events`). Whatever changes a file emits `HouseholdChanged` with the file's whole state.

mod api;
mod app;
mod domain;
mod events;
mod store;
mod worker;

use std::sync::Arc;

use futures::FutureExt as _;
use minqing_kit::{Parts, ServiceDef};
use minqing_proto::minqing::registry::v1::{
    identity_service_server::IdentityServiceServer, registry_books_service_server::RegistryBooksServiceServer,
    registry_service_server::RegistryServiceServer,
};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What the frame needs to run the register.
pub fn service() -> ServiceDef {
    ServiceDef {
        name: "registry".into(),
        identity: "service/registry".into(),
        schema: "registry".into(),
        migrations: &MIGRATIONS,
        build: Box::new(|cx| {
            async move {
                let divisions = app::divisions::load(&cx.db).await?;
                let registry = Arc::new(app::Registry::new(&cx, divisions));
                let mut parts = Parts::default();
                parts.routes.add_service(RegistryServiceServer::new(api::RegistryRpc::new(Arc::clone(&registry))));
                parts.routes.add_service(RegistryBooksServiceServer::new(api::BooksRpc::new(Arc::clone(&registry))));
                parts.routes.add_service(IdentityServiceServer::new(api::IdentityRpc::new(Arc::clone(&registry))));
                parts.consumers = events::consumers(&registry);
                parts.reconcilers = worker::reconcilers(&registry);
                Ok(parts)
            }
            .boxed()
        }),
    }
}
