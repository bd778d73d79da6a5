//! Feedback (反馈): what became of it, who is late, do both sides' books agree.
//!
//! It owns the bureaus' receipts and feedback records. A record is taken once per number, superseded but never
//! deleted. It follows dispatch's referrals and emits `ReferralSigned` and `FeedbackRecorded`. Every night it compares
//! its books with the register's (`worker`) and tells, once a month is over, `MonthReconciled` and `BooksReconciled`.

use std::sync::Arc;

use anyhow::Context as _;
use minqing_kit::{Context, Parts, ServiceDef};
use minqing_policy::Pack;
use minqing_proto::minqing::feedback::v1::{
    feedback_books_service_server::FeedbackBooksServiceServer, feedback_service_server::FeedbackServiceServer,
};
use tonic::service::RoutesBuilder;

mod api;
mod app;
mod domain;
pub mod events;
mod store;
mod worker;

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
    routes.add_service(FeedbackBooksServiceServer::new(api::BooksRpc::new(&cx)));
    let books = worker::Books::new(&cx)?;
    Ok(Parts { routes, consumers: events::consumers(days), reconcilers: vec![Arc::new(books)], ..Parts::default() })
}
