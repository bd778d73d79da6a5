//! The start of a process, step by step; what was begun is ended again when a later step fails.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use minqing_proto::minqing::mesh::v1::{
    event_log_service_server::EventLogServiceServer, operations_service_server::OperationsServiceServer,
};

use super::{Context, Overrides, Parts, Peers, Running, ServiceDef, running::Workers};
use crate::{
    admin,
    clock::{FileClock, SharedClock, SystemClock},
    db::Db,
    events::{self, EventLog},
    id::SystemIds,
    keys::Keyring,
    lifecycle::{self, Lifecycle},
    metrics::Metrics,
    operations::Operations,
    reconcile::Reconcilers,
    server::{Limits, Server},
    settings::{ClockSource, Settings},
    telemetry,
    tls::Identity,
};

/// Runs a service until SIGTERM or SIGINT; an error when it cannot start or one of its tasks crashes.
pub async fn run(def: ServiceDef, settings: Settings) -> anyhow::Result<()> {
    telemetry::hook_panics();
    let name = def.name.clone();
    let running = start(def, settings, Overrides::default()).await?;
    tracing::info!(service = name, addr = %running.addr, admin = %running.admin_addr, "started");
    tokio::select! {
        signal = lifecycle::stop_signal() => signal?,
        () = running.context.lifecycle.soft().cancelled() => {}
    }
    tracing::info!(service = name, "stopping");
    running.stop().await
}

/// Starts a service in this process.
pub async fn start(def: ServiceDef, settings: Settings, over: Overrides) -> anyhow::Result<Running> {
    let lifecycle = Lifecycle::new();
    let name = def.name.clone();
    let started = begin(def, settings, over, lifecycle.clone()).await;
    match started {
        Ok(running) => Ok(running),
        Err(e) => {
            // The tasks begun so far have nothing to drain.
            let _ = lifecycle.stop(std::time::Duration::ZERO).await;
            Err(e.context(format!("{name} cannot start")))
        }
    }
}

async fn begin(def: ServiceDef, settings: Settings, over: Overrides, lifecycle: Lifecycle) -> anyhow::Result<Running> {
    let telemetry = telemetry::init(&def.name, &settings)?;
    let metrics = Metrics::new();
    let identity = Identity::load(&settings.tls_dir)?;
    metrics.certificate_ends.set(identity.ends()?);
    let keys = Keyring::load(&settings.keys_file).context("the keys cannot be used; check MINQING_KEYS_FILE")?;
    let clock = match over.clock {
        Some(clock) => clock,
        None => clock(&settings)?,
    };
    let ids = over.ids.unwrap_or_else(|| Arc::new(SystemIds));
    // First the admin port, so that probes are answered while the database migrates.
    let (admin_addr, readiness) = admin::start(settings.admin_listen, metrics.clone(), &lifecycle).await?;
    let db = Db::open(&settings.database_url, &def.schema, def.migrations, clock.clone(), ids.clone())
        .await
        .context("the database cannot be used; check MINQING_DATABASE_URL, and that role and schema exist")?;
    let context = Context {
        name: def.name,
        identity: def.identity,
        db,
        clock,
        ids,
        keys: Arc::new(keys),
        lifecycle: lifecycle.clone(),
        metrics: metrics.clone(),
        peers: Arc::new(Peers::new(identity.clone(), settings.peers.clone())),
        reconcilers: Arc::new(OnceLock::new()),
        settings: Arc::new(settings),
    };
    let parts = (def.build)(context.clone()).await?;
    let (routes, workers) = assemble(&context, parts, over.manual)?;
    let server = Server {
        own: context.identity.clone(),
        identity,
        routes,
        edge: None,
        limits: Limits::default(),
        metrics,
        lifecycle,
    };
    let addr = server.start(context.settings.listen).await?;
    let manual = if over.manual {
        Some(workers)
    } else {
        workers.spawn(&context);
        None
    };
    readiness.ready().await;
    Ok(Running { addr, admin_addr, context, manual, readiness, telemetry })
}

fn clock(settings: &Settings) -> anyhow::Result<SharedClock> {
    Ok(match &settings.clock {
        ClockSource::System => Arc::new(SystemClock),
        ClockSource::File(path) => Arc::new(
            FileClock::open(path)
                .with_context(|| format!("MINQING_CLOCK names {}, which cannot be used", path.display()))?,
        ),
    })
}

/// Adds to a service's parts what every service has.
fn assemble(context: &Context, parts: Parts, manual: bool) -> anyhow::Result<(tonic::service::Routes, Workers)> {
    let Parts { mut routes, consumers, reconcilers, carriers } = parts;
    events::check_consumers(&consumers)?;
    let reconcilers = context.reconcilers.get_or_init(|| Reconcilers::new(reconcilers)).clone();
    let operations = Operations::new(&context.name, context.db.clone(), consumers.clone(), reconcilers.clone());
    routes.add_service(OperationsServiceServer::new(operations));
    routes.add_service(EventLogServiceServer::new(EventLog::new(context.db.clone())));
    let workers = Workers::new(context, consumers, reconcilers, carriers, manual)?;
    Ok((routes.routes(), workers))
}
