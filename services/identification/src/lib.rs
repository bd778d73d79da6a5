//! Identification (认定): which classes does this household meet, and why. A verified warning opens a case; the policy
//! pack assesses the household from the facts monitoring computed; a county's operator decides. Nothing is refused
//! or ended by a machine.
//!
//! Facts, roster and verified work orders come in as events, in any order between their senders: an open case is
//! assessed again whenever one of them changes, so the outcome is the same (`app::assess`). What was known on each day
//! and which pack was in force are kept, so a past day can be assessed as it was (`store::history`, `app::packs`).

mod api;
mod app;
mod domain;
mod events;
mod store;
mod worker;

use std::sync::Arc;

use anyhow::Context as _;
use futures::FutureExt as _;
use minqing_kit::{Call, Parts, ServiceDef};
use minqing_policy::Pack;
use minqing_proto::minqing::identification::v1::{
    identification_service_server::IdentificationServiceServer, verification_service_server::VerificationServiceServer,
};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What the frame needs to run identification; the policy pack is read from the settings' folder.
pub fn service() -> ServiceDef {
    ServiceDef {
        name: "identification".into(),
        identity: "service/identification".into(),
        schema: "identification".into(),
        migrations: &MIGRATIONS,
        build: Box::new(|cx| {
            async move {
                let dir = cx.settings.policy_dir.clone();
                let dir = dir.context("identification needs a policy pack; set MINQING_POLICY_DIR to its folder")?;
                let pack = Pack::load(&dir)?;
                tracing::info!(pack = pack.version_tag(), "policy pack loaded");
                let identification = Arc::new(app::Identification::new(&cx, pack));
                identification.note_pack(&Call::worker("identification", "start")).await?;
                let mut parts = Parts::default();
                let rpc = api::IdentificationRpc::new(Arc::clone(&identification));
                parts.routes.add_service(IdentificationServiceServer::new(rpc));
                let rpc = api::VerificationRpc::new(Arc::clone(&identification));
                parts.routes.add_service(VerificationServiceServer::new(rpc));
                parts.consumers = events::consumers(&identification);
                parts.reconcilers = worker::reconcilers(&identification);
                Ok(parts)
            }
            .boxed()
        }),
    }
}
