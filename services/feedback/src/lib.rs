//! Feedback (反馈): what became of it, who is late, do both sides' books agree.
//!
//! It owns the bureaus' receipts and feedback records. A record is taken once per number, superseded but never
//! deleted. It follows dispatch's referrals and emits `ReferralSigned` and `FeedbackRecorded`.

use anyhow::Context as _;
use minqing_kit::{Context, Parts, ServiceDef};
use minqing_policy::Pack;
use minqing_proto::minqing::feedback::v1::feedback_service_server::FeedbackServiceServer;
use tonic::service::RoutesBuilder;

mod api;
mod app;
mod domain;
pub mod events;
mod store;

pub use app::calendar::WorkingDays;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The service.
pub fn service() -> ServiceDef {
    ServiceDef {
        name: "feedback".to_owned(),
        identity: "service/feedback".to_owned(),
        schema: "feedback".to_owned(),
        migrations: &MIGRATIONS,
        build: Box::new(|cx| Box::pin(build(cx))),
    }
}

async fn build(cx: Context) -> anyhow::Result<Parts> {
    let folder =
        cx.settings.policy_dir.as_ref().context("MINQING_POLICY_DIR is not set; set the policy pack's folder")?;
    let days = WorkingDays::new(Pack::load(folder)?);
    let mut routes = RoutesBuilder::default();
    routes.add_service(FeedbackServiceServer::new(api::FeedbackRpc::new(&cx)));
    Ok(Parts { routes, consumers: events::consumers(days), ..Parts::default() })
}
