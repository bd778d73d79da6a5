//! When the mesh is quiet: every event numbered and read by everyone who reads it, every periodic worker done with
//! the day, every file taken in, and nothing different at a second look.

use std::{collections::HashMap, time::Duration};

use chrono::NaiveDate;
use minqing_proto::minqing::mesh::v1::{
    GetBacklogRequest, GetBacklogResponse, operations_service_client::OperationsServiceClient,
};
use tokio::time::Instant;

use super::Play;
use crate::{
    dataset::{Bureau, Transport, iso},
    mesh::ask,
};

const LOOK: Duration = Duration::from_millis(25);
/// A large county's daily screening takes its time.
const LIMIT: Duration = Duration::from_secs(1_800);
/// Workers whose pass is about a business date and says which.
const DAILY: [&str; 3] = ["screening", "deadlines", "books"];

impl Play {
    /// Waits until the mesh has nothing left to do for the day.
    pub(super) async fn quiet(&self, day: NaiveDate) -> anyhow::Result<()> {
        let end = Instant::now() + LIMIT;
        let mut before: Option<String> = None;
        loop {
            let seen = self.backlogs().await;
            let busy = match &seen {
                Ok(all) => busy(all, day),
                Err(error) => Some(format!("{error:#}")),
            };
            match (busy, seen) {
                (None, Ok(all)) => {
                    let now = snapshot(&all);
                    if before.as_ref() == Some(&now) {
                        return Ok(());
                    }
                    before = Some(now);
                }
                (reason, _) => {
                    before = None;
                    let reason = reason.unwrap_or_default();
                    anyhow::ensure!(Instant::now() < end, "the mesh did not come to rest on {day}: {reason}");
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn backlogs(&self) -> anyhow::Result<Vec<GetBacklogResponse>> {
        let asked = self.mesh.file.services.keys().map(|service| async move {
            let channel = self.mesh.channel(service, "operator/admin")?;
            let mut client = OperationsServiceClient::new(channel);
            let mut request = ask(GetBacklogRequest {}, "", "");
            // A process that was just killed must not hold the others up.
            request.set_timeout(Duration::from_secs(5));
            let answer = client.get_backlog(request).await;
            answer.map(tonic::Response::into_inner).map_err(|s| anyhow::anyhow!("{service}: {:?}", s.code()))
        });
        futures::future::try_join_all(asked).await
    }
}

/// Why the mesh is not at rest; none when it is.
fn busy(all: &[GetBacklogResponse], day: NaiveDate) -> Option<String> {
    let heads: HashMap<&str, i64> = all.iter().map(|b| (b.service.as_str(), b.head_position)).collect();
    let today = iso(day);
    for one in all {
        let service = &one.service;
        if one.business_date != today {
            return Some(format!("{service} still has {}", one.business_date));
        }
        if one.unnumbered_events > 0 {
            return Some(format!("{service} has {} events without a position", one.unnumbered_events));
        }
        if let Some(behind) =
            one.consumers.iter().find(|c| heads.get(c.producer.as_str()).is_some_and(|h| c.position < *h))
        {
            return Some(format!("{service} reads {} at {}", behind.producer, behind.position));
        }
        let undone = |r: &&minqing_proto::minqing::mesh::v1::ReconcilerStatus| {
            !r.caught_up || (DAILY.contains(&r.name.as_str()) && !r.detail.contains(&today))
        };
        if let Some(worker) = one.reconcilers.iter().find(undone) {
            return Some(format!("{service} {} is not done: {}", worker.name, worker.detail));
        }
        if carries(service) && one.pending_deliveries > 0 {
            return Some(format!("{service} has {} files to write", one.pending_deliveries));
        }
    }
    None
}

/// Whether a process delivers by itself; the others wait until their bureau asks.
fn carries(service: &str) -> bool {
    let bureau = Bureau::ALL.into_iter().find(|b| b.adapter() == service);
    bureau.is_some_and(|b| b.transport() != Transport::Grpc)
}

fn snapshot(all: &[GetBacklogResponse]) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .map(|b| format!("{} {} {} {}", b.service, b.head_position, b.pending_deliveries, b.dead_letters))
        .collect();
    lines.sort();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use minqing_proto::minqing::mesh::v1::{ConsumerProgress, ReconcilerStatus};

    use super::*;

    fn idle(service: &str, head: i64) -> GetBacklogResponse {
        GetBacklogResponse {
            service: service.to_owned(),
            head_position: head,
            business_date: "2026-10-26".to_owned(),
            ..GetBacklogResponse::default()
        }
    }

    #[test]
    fn the_mesh_is_at_rest_only_when_everybody_is_done_with_the_day() {
        let day = crate::calendar::start();
        let reader = |position| GetBacklogResponse {
            consumers: vec![ConsumerProgress { producer: "registry".to_owned(), position }],
            ..idle("monitoring", 3)
        };
        assert!(busy(&[idle("registry", 9), reader(9)], day).is_none());
        assert!(busy(&[idle("registry", 9), reader(8)], day).unwrap().contains("reads registry"));
        let worker = |detail: &str| GetBacklogResponse {
            reconcilers: vec![ReconcilerStatus {
                name: "screening".to_owned(),
                caught_up: true,
                detail: detail.to_owned(),
                passes: 3,
            }],
            ..idle("monitoring", 0)
        };
        assert!(busy(&[worker("through 2026-10-25")], day).is_some());
        assert!(busy(&[worker("through 2026-10-26")], day).is_none());
        assert!(busy(&[GetBacklogResponse { business_date: "2026-10-25".to_owned(), ..idle("hr", 0) }], day).is_some());
        assert!(busy(&[GetBacklogResponse { pending_deliveries: 1, ..idle("adapter-hr", 0) }], day).is_some());
        assert!(busy(&[GetBacklogResponse { pending_deliveries: 1, ..idle("adapter-rural", 0) }], day).is_none());
    }
}
