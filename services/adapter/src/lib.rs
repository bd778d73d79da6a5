//! The adapter SDK: everything an adapter to a bureau is but the bureau itself. It owns the one exchange contract over
//! gRPC, files and database tables, the checks of rows, the handing-out of referrals and verifications, and the receipts; a bureau's crate gives a
//! [`Bureau`] value (datasets, code tables, headers, quirks) and [`service`] makes a process of it.
//!
//! How a batch moves: transport → [`raw`] (sealed as it came) → [`row`] (checks, keys) → [`spool`] → register (names) →
//! monitoring (parts, close) → own tables with a signed [`receipt`]. Names and ID numbers pass through: but for what is
//! sealed for some days, they are not kept.

pub mod batch;
pub mod bureau;
pub mod codes;
pub mod configure;
pub mod core;
pub mod describe;
pub mod division;
pub mod exchange;
pub mod feedback;
pub mod files;
pub mod handout;
pub mod identity;
pub mod ledger;
pub mod peers;
pub mod places;
pub mod quality;
pub mod raw;
pub mod receipt;
pub mod referral;
pub mod report;
pub mod row;
pub mod spool;
pub mod store;
pub mod tables;
pub mod template;
pub mod trial;
pub mod verification;
pub mod waiting;
pub mod withdraw;

use std::sync::Arc;

use minqing_kit::{Context, Parts, delivery::Carrier, events::Consumer, reconcile::Reconciler};
use minqing_proto::minqing::bureau::v1::{
    exchange_service_server::ExchangeServiceServer, ledger_service_server::LedgerServiceServer,
    replay_service_server::ReplayServiceServer,
};

/// A result whose error is the kit's unless it says otherwise.
pub type Result<T, E = minqing_kit::Error> = std::result::Result<T, E>;

pub use crate::{
    bureau::{Bureau, CodeTable, ends_before_it_begins, is_no_month, month_as_number},
    row::{RawRow, Standard},
};
pub use minqing_kit::ServiceDef;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The adapter of a bureau as a service of the mesh.
pub fn service(bureau: Bureau) -> ServiceDef {
    ServiceDef {
        name: bureau.service_name(),
        identity: bureau.identity(),
        schema: bureau.schema(),
        migrations: &MIGRATIONS,
        build: Box::new(move |cx| Box::pin(async move { build(bureau, cx) })),
    }
}

fn build(bureau: Bureau, cx: Context) -> anyhow::Result<Parts> {
    let bureau = bureau.configured(cx.settings.bureau_file.as_deref())?;
    let folder = cx.settings.exchange_dir.as_deref().map(files::Folder::open).transpose()?;
    let database = cx.settings.exchange_database_url.as_deref().map(|url| tables::Database::new(url, &cx.metrics));
    let database = database.transpose()?.map(Arc::new);
    let core = Arc::new(core::Core::new(bureau, cx)?);
    let pushes_recalls = folder.is_some() || database.is_some();
    let mut parts = Parts::default();
    parts.routes.add_service(ExchangeServiceServer::new(exchange::Exchange(Arc::clone(&core))));
    parts.routes.add_service(LedgerServiceServer::new(ledger::Ledger(Arc::clone(&core))));
    parts.routes.add_service(ReplayServiceServer::new(raw::replay::Replay(Arc::clone(&core))));
    parts.consumers.push(Consumer {
        producer: "dispatch",
        types: vec![referral::ISSUED, referral::SETTLED],
        audience: Some(bureau.identity()),
        handler: Arc::new(referral::Dispatched { core: Arc::clone(&core), pushes_recalls }),
    });
    parts.consumers.push(Consumer {
        producer: "identification",
        types: vec![verification::ISSUED, verification::CANCELLED],
        audience: Some(bureau.identity()),
        handler: Arc::new(verification::Requested { core: Arc::clone(&core), pushes_recalls }),
    });
    parts.reconcilers.push(Arc::new(division::Refresh(Arc::clone(&core.divisions))));
    parts.reconcilers.push(Arc::new(raw::retention::Retention(Arc::clone(&core))));
    if let Some(folder) = &folder {
        parts.reconcilers.push(Arc::new(files::Watcher::new(Arc::clone(&core), folder.clone())));
    }
    let (lists, carrier): (Arc<dyn Reconciler>, Arc<dyn Carrier>) = match (database, folder) {
        // A bureau that lets us into its database finds referrals and lists there, even if it also has a folder.
        (Some(database), _) => {
            // Writing does not wait until a large batch is read.
            let outward = Arc::new(database.beside());
            parts.reconcilers.push(Arc::new(tables::Watcher::new(Arc::clone(&core), database)));
            let lists = tables::outbox::IdentityLists { core: Arc::clone(&core), database: Arc::clone(&outward) };
            let recalls = tables::outbox::RecallRows { core: Arc::clone(&core), database: Arc::clone(&outward) };
            parts.carriers.push(Arc::new(recalls));
            let (rows, database) = (Arc::clone(&core), Arc::clone(&outward));
            parts.carriers.push(Arc::new(tables::verification::VerificationRows { core: rows, database }));
            let (rows, database) = (Arc::clone(&core), Arc::clone(&outward));
            parts.carriers.push(Arc::new(tables::verification::CalledOffRows { core: rows, database }));
            (Arc::new(lists), Arc::new(tables::outbox::ReferralRows { core, database: outward }))
        }
        (None, Some(folder)) => {
            let lists = files::outbox::IdentityLists { core: Arc::clone(&core), folder: folder.clone() };
            parts
                .carriers
                .push(Arc::new(files::outbox::RecallFiles { core: Arc::clone(&core), folder: folder.clone() }));
            let (own, to) = (Arc::clone(&core), folder.clone());
            parts.carriers.push(Arc::new(files::verification::VerificationFiles { core: own, folder: to }));
            let (own, to) = (Arc::clone(&core), folder.clone());
            parts.carriers.push(Arc::new(files::verification::CalledOffFiles { core: own, folder: to }));
            (Arc::new(lists), Arc::new(files::outbox::ReferralFiles { core, folder }))
        }
        (None, None) => return Ok(parts),
    };
    if bureau.acts_on_referrals {
        parts.reconcilers.push(lists);
    }
    parts.carriers.push(carrier);
    Ok(parts)
}
