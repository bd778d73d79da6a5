//! Monitoring (监测): what changed, who may need help, who may have to leave, what is unknown.
//!
//! It owns the bureaus' record sets, the roster by key, the warnings and the state of every feed. Records and roster
//! events change the data; the households touched are evaluated by the policy pack's SQL in the same transaction, or, where a
//! feed just became known, with their whole county soon after; each business date evaluates all of them once. A warning is open while its conditions hold and
//! stays as it is while they are unknown.
//!
//! Since the register's facts are here, packs are tried here too: checked, compared, simulated and back-tested, and
//! brought into use by two persons.

mod api;
mod app;
mod domain;
mod events;
mod store;
mod worker;

use std::sync::Arc;

use anyhow::Context as _;
use minqing_kit::frame::{Context, Parts, ServiceDef};
use minqing_policy::Pack;
use minqing_proto::minqing::monitoring::v1::{
    monitoring_service_server::MonitoringServiceServer, policy_service_server::PolicyServiceServer,
};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Largest message taken: 2,000 rows of a dataset.
const MAX_MESSAGE: usize = 16 << 20;

/// The service.
pub fn service() -> ServiceDef {
    ServiceDef {
        name: "monitoring".into(),
        identity: "service/monitoring".into(),
        schema: "monitoring".into(),
        migrations: &MIGRATIONS,
        build: Box::new(|context| Box::pin(build(context))),
    }
}

async fn build(context: Context) -> anyhow::Result<Parts> {
    let folder =
        context.settings.policy_dir.as_deref().context("MINQING_POLICY_DIR must name a policy pack's folder")?;
    let pack = Pack::load(folder)?;
    tracing::info!(pack = %pack.version_tag(), "policy pack loaded");
    let monitoring = Arc::new(
        app::Monitoring::open(context.db.clone(), context.clock.clone(), pack, context.settings.raw_days)
            .await
            .map_err(anyhow::Error::msg)?,
    );
    let mut parts = Parts {
        consumers: events::consumers(&monitoring),
        reconcilers: vec![
            Arc::new(worker::Screening(Arc::clone(&monitoring))),
            Arc::new(worker::Counties(Arc::clone(&monitoring))),
            Arc::new(worker::Records(Arc::clone(&monitoring))),
            Arc::new(worker::Facts(Arc::clone(&monitoring))),
            Arc::new(worker::Withdrawals(Arc::clone(&monitoring))),
            Arc::new(worker::Versions(Arc::clone(&monitoring))),
        ],
        ..Parts::default()
    };
    parts.routes.add_service(PolicyServiceServer::new(api::PolicyApi::new(Arc::clone(&monitoring))));
    let service = MonitoringServiceServer::new(api::Api(monitoring)).max_decoding_message_size(MAX_MESSAGE);
    parts.routes.add_service(service);
    Ok(parts)
}
