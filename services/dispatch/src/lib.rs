//! Dispatch (派发): who must do what by when.
//!
//! It owns work orders, referrals and visits. Warnings of a household merge into its one open work order; the township
//! checks and gives a verdict; referrals go to the bureaus; the last answer closes the chain. What is late goes up a level.
//! It consumes registry, monitoring and feedback, and emits `WorkOrderOpened`, `WorkOrderVerified`, `WorkOrderClosed`,
//! `WorkOrderEscalated`, `ReferralIssued` (to the bureau's adapter), `ReferralSettled`, `VisitRecorded`,
//! `WarningQuieted` and `IndicatorYieldFell`.

use std::sync::Arc;

use anyhow::Context as _;
use minqing_kit::{Context, Parts, ServiceDef};
use minqing_policy::Pack;
use minqing_proto::minqing::dispatch::v1::dispatch_service_server::DispatchServiceServer;
use tonic::service::RoutesBuilder;

mod api;
mod app;
mod domain;
pub mod events;
mod store;
mod worker;

pub use app::rules::Rules;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The service.
pub fn service() -> ServiceDef {
    ServiceDef {
        name: "dispatch".to_owned(),
        identity: "service/dispatch".to_owned(),
        schema: "dispatch".to_owned(),
        migrations: &MIGRATIONS,
        build: Box::new(|cx| Box::pin(build(cx))),
    }
}

async fn build(cx: Context) -> anyhow::Result<Parts> {
    let folder =
        cx.settings.policy_dir.as_ref().context("MINQING_POLICY_DIR is not set; set the policy pack's folder")?;
    let rules = Rules::new(Pack::load(folder)?);
    let mut routes = RoutesBuilder::default();
    routes.add_service(DispatchServiceServer::new(api::DispatchRpc::new(&cx, rules.clone())));
    let deadlines = worker::Deadlines { db: cx.db.clone(), clock: cx.clock.clone(), rules: rules.clone() };
    let yields = worker::Yields { db: cx.db.clone(), clock: cx.clock.clone(), rules: rules.clone() };
    Ok(Parts {
        routes,
        consumers: events::consumers(&rules),
        reconcilers: vec![Arc::new(deadlines), Arc::new(yields)],
        ..Parts::default()
    })
}
