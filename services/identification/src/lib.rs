//! Identification (认定): which classes and programmes does this household meet, and why.
//!
//! It owns cases and decisions. A verified work order opens a case with an assessment of every class of the pack; while
//! the case is open, newer facts renew the assessment; a person decides. It consumes monitoring (facts), the register
//! (where a household is, which classes it holds) and dispatch (verified work orders), and emits `CaseOpened`,
//! `ClassGranted` and `ClassEnded`.

use std::sync::Arc;

use anyhow::Context as _;
use minqing_kit::{Context, Parts, ServiceDef};
use minqing_policy::Pack;
use minqing_proto::minqing::identification::v1::identification_service_server::IdentificationServiceServer;
use tonic::service::RoutesBuilder;

mod api;
mod app;
mod domain;
mod events;
mod store;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The service.
pub fn service() -> ServiceDef {
    ServiceDef {
        name: "identification".to_owned(),
        identity: "service/identification".to_owned(),
        schema: "identification".to_owned(),
        migrations: &MIGRATIONS,
        build: Box::new(|cx| Box::pin(build(cx))),
    }
}

async fn build(cx: Context) -> anyhow::Result<Parts> {
    let folder =
        cx.settings.policy_dir.as_ref().context("MINQING_POLICY_DIR is not set; set the policy pack's folder")?;
    let assessor = Arc::new(app::assess::Assessor::new(Pack::load(folder)?));
    let mut routes = RoutesBuilder::default();
    routes.add_service(IdentificationServiceServer::new(api::IdentificationRpc::new(&cx, assessor.clone())));
    Ok(Parts { routes, consumers: events::consumers(&assessor), ..Parts::default() })
}
