//! When the mesh is quiet: every event numbered and read by everyone who reads it, every periodic worker done with
//! the day, every file taken in, and nothing different at a second look.

use std::{collections::BTreeMap, time::Duration};

use chrono::NaiveDate;
use minqing_proto::minqing::mesh::v1::{
    ConsumerProgress, GetBacklogRequest, GetBacklogResponse, ReconcilerStatus,
    operations_service_client::OperationsServiceClient,
};
use tokio::time::Instant;

use super::Play;
use crate::{
    dataset::{Bureau, Transport, iso},
    mesh::ask,
};

const LOOK: Duration = Duration::from_millis(10);
/// How long the mesh may be busy with a day: at least, and with each household of the city.
const LIMIT: Duration = Duration::from_secs(1_800);
const LIMIT_PER_HOUSEHOLD: Duration = Duration::from_millis(10);
/// Workers whose pass is about a business date and says which.
const DAILY: [&str; 4] = ["screening", "deadlines", "books", "yields"];

impl Play {
    /// Waits until the mesh has nothing left to do for the day. Who is busy is asked alone until it is not; then everybody
    /// is asked again, and nothing may have moved meanwhile.
    pub(super) async fn quiet(&self, day: NaiveDate) -> anyhow::Result<()> {
        let households = u32::try_from(self.city.households.len()).unwrap_or(u32::MAX);
        let end = Instant::now() + LIMIT + LIMIT_PER_HOUSEHOLD * households;
        let (mut all, mut before) = (BTreeMap::new(), None);
        loop {
            let seen = match busy(&all, day) {
                Some((service, _)) if all.contains_key(&service) => self.look(&service).await.map(|one| vec![one]),
                _ => self.look_at_all().await,
            };
            let whole = seen.as_ref().is_ok_and(|seen| seen.len() == self.mesh.file.services.len());
            let reason = match seen {
                Err(error) => {
                    (all, before) = (BTreeMap::new(), None);
                    Some(format!("{error:#}"))
                }
                Ok(seen) => {
                    all.extend(seen.into_iter().map(|one| (one.service.clone(), one)));
                    busy(&all, day).map(|(service, reason)| format!("{service} {reason}"))
                }
            };
            let now = reason.is_none().then(|| snapshot(&all));
            if whole && now.is_some() && now == before {
                return Ok(());
            }
            if let Some(reason) = &reason {
                anyhow::ensure!(Instant::now() < end, "the mesh did not come to rest on {day}: {reason}");
                tokio::time::sleep(LOOK).await;
            }
            before = now;
        }
    }

    async fn look_at_all(&self) -> anyhow::Result<Vec<GetBacklogResponse>> {
        futures::future::try_join_all(self.mesh.file.services.keys().map(|service| self.look(service))).await
    }

    async fn look(&self, service: &str) -> anyhow::Result<GetBacklogResponse> {
        let channel = self.mesh.channel(service, "operator/admin")?;
        let mut client = OperationsServiceClient::new(channel);
        let mut request = ask(GetBacklogRequest {}, "", "");
        // A process that was just killed must not hold the others up.
        request.set_timeout(Duration::from_secs(5));
        let answer = client.get_backlog(request).await;
        answer.map(tonic::Response::into_inner).map_err(|s| anyhow::anyhow!("{service}: {:?}", s.code()))
    }
}

/// Who is not at rest, and why; none when the mesh is.
fn busy(all: &BTreeMap<String, GetBacklogResponse>, day: NaiveDate) -> Option<(String, String)> {
    let today = iso(day);
    all.values().find_map(|one| why(one, all, &today).map(|reason| (one.service.clone(), reason)))
}

fn why(one: &GetBacklogResponse, all: &BTreeMap<String, GetBacklogResponse>, today: &str) -> Option<String> {
    if one.business_date != today {
        return Some(format!("still has {}", one.business_date));
    }
    if one.unnumbered_events > 0 {
        return Some(format!("has {} events without a position", one.unnumbered_events));
    }
    let behind = |c: &&ConsumerProgress| all.get(&c.producer).is_some_and(|p| c.position < p.head_position);
    if let Some(behind) = one.consumers.iter().find(behind) {
        return Some(format!("reads {} at {}", behind.producer, behind.position));
    }
    let undone =
        |r: &&ReconcilerStatus| !r.caught_up || (DAILY.contains(&r.name.as_str()) && !r.detail.contains(today));
    if let Some(worker) = one.reconcilers.iter().find(undone) {
        return Some(format!("{} is not done: {}", worker.name, worker.detail));
    }
    (carries(&one.service) && one.pending_deliveries > 0)
        .then(|| format!("has {} files to write", one.pending_deliveries))
}

/// Whether a process delivers by itself; the others wait until their bureau asks.
fn carries(service: &str) -> bool {
    let bureau = Bureau::ALL.into_iter().find(|b| b.adapter() == service);
    bureau.is_some_and(|b| b.transport() != Transport::Grpc)
}

/// What may not move between two looks.
type Snapshot = Vec<(String, i64, i64, i64)>;

fn snapshot(all: &BTreeMap<String, GetBacklogResponse>) -> Snapshot {
    let line = |b: &GetBacklogResponse| (b.service.clone(), b.head_position, b.pending_deliveries, b.dead_letters);
    all.values().map(line).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

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
        let reader = |position| GetBacklogResponse {
            consumers: vec![ConsumerProgress { producer: "registry".to_owned(), position }],
            ..idle("monitoring", 3)
        };
        assert!(reason([idle("registry", 9), reader(9)]).is_none());
        assert!(reason([idle("registry", 9), reader(8)]).unwrap().contains("reads registry"));
        let worker = |detail: &str| GetBacklogResponse {
            reconcilers: vec![ReconcilerStatus {
                name: "screening".to_owned(),
                caught_up: true,
                detail: detail.to_owned(),
                passes: 3,
            }],
            ..idle("monitoring", 0)
        };
        assert!(reason([worker("through 2026-10-25")]).is_some());
        assert!(reason([worker("through 2026-10-26")]).is_none());
        assert!(reason([GetBacklogResponse { business_date: "2026-10-25".to_owned(), ..idle("hr", 0) }]).is_some());
        assert!(reason([GetBacklogResponse { pending_deliveries: 1, ..idle("adapter-hr", 0) }]).is_some());
        assert!(reason([GetBacklogResponse { pending_deliveries: 1, ..idle("adapter-rural", 0) }]).is_none());
    }

    fn reason<const N: usize>(seen: [GetBacklogResponse; N]) -> Option<String> {
        let all = seen.into_iter().map(|one| (one.service.clone(), one)).collect();
        busy(&all, crate::calendar::start()).map(|(_, reason)| reason)
    }
}
