//! The village workers' rounds: every watched household is visited about every three weeks, unless it is planted that
//! nobody comes, and what a planted visit finds is ticked.

use std::collections::HashMap;

use chrono::NaiveDate;
use minqing_proto::minqing::dispatch::v1::{
    RecordVisitRequest, VisitDetails, VisitFinding, VisitGroup, dispatch_service_client::DispatchServiceClient,
};
use sha2::Digest as _;

use super::{Play, chance};
use crate::{
    calendar,
    city::Kind,
    dataset::iso,
    household::hex,
    indicator::Indicator,
    mesh::{ask, patiently, request_id},
    oracle::Visit,
};

/// Working days of a round.
const ROUND: u64 = 15;

/// A visit to make today.
struct Errand {
    household: u32,
    on: NaiveDate,
    ticked: bool,
}

impl Play {
    /// A working day's visits; how many.
    pub(super) async fn visit(&mut self, day: NaiveDate) -> anyhow::Result<usize> {
        let errands = self.errands(day);
        for errand in &errands {
            self.go(errand).await?;
        }
        Ok(errands.len())
    }

    fn errands(&self, day: NaiveDate) -> Vec<Errand> {
        let mut errands = Vec::new();
        if day == calendar::start() {
            // One that ticked a group on the last day that does not count any more is the near miss.
            let old = calendar::minus(day, self.city.thresholds.offices.visit_days + 1);
            for plant in self.city.plants.iter().filter(|p| p.indicator == Indicator::A27) {
                let on = if plant.kind == Kind::OneDay { old } else { day };
                errands.push(Errand { household: plant.household, on, ticked: plant.kind != Kind::Other });
            }
        }
        let (unvisited, last_day) = self.seldom_visited();
        let near_miss = unvisited.iter().filter(|(_, kind)| **kind != Kind::Fires && day == last_day);
        errands.extend(near_miss.map(|(household, _)| Errand { household: *household, on: day, ticked: false }));
        let turn = u64::from(calendar::working_between(calendar::start(), day)) % ROUND;
        for place in 0..u32::try_from(self.city.households.len()).unwrap_or(u32::MAX) {
            let no = &self.city.households[place as usize].no;
            let due = chance(self.city.settings.seed, &format!("round {no}")) % ROUND == turn;
            if due && !unvisited.contains_key(&place) && self.oracle.is_watched(place, day) {
                errands.push(Errand { household: place, on: day, ticked: false });
            }
        }
        errands
    }

    /// Households that the rounds pass by, and the last day on which a visit is in time.
    fn seldom_visited(&self) -> (HashMap<u32, Kind>, NaiveDate) {
        let plants = self.city.plants.iter().filter(|p| p.indicator == Indicator::P18);
        let last_day = calendar::plus(calendar::start(), self.city.thresholds.offices.visit_monthly_days);
        (plants.map(|p| (p.household, p.kind)).collect(), last_day)
    }

    /// The first day on which everything planted has come about.
    pub(super) fn all_come_about(&self) -> NaiveDate {
        let (unvisited, last_day) = self.seldom_visited();
        if unvisited.is_empty() { calendar::start() } else { calendar::plus(last_day, 1) }
    }

    async fn go(&mut self, errand: &Errand) -> anyhow::Result<()> {
        let home = &self.city.households[errand.household as usize];
        let words = format!("visit {} {} {}", home.no, iso(errand.on), errand.ticked);
        let Some(household) = self.households.name.get(&errand.household).cloned() else { return Ok(()) };
        let client =
            DispatchServiceClient::new(self.mesh.channel("dispatch", &format!("operator/township/{}", home.county))?);
        let minutes = 15 + i32::try_from(chance(self.city.settings.seed, &words) % 40).unwrap_or(0);
        let group = if errand.ticked { VisitGroup::Shock } else { VisitGroup::Unspecified };
        let finding = if errand.ticked { VisitFinding::NeedsHelp } else { VisitFinding::NothingNew };
        let body = RecordVisitRequest {
            request_id: request_id(self.city.settings.seed, &words),
            household: household.clone(),
            visited_on: iso(errand.on),
            visitor: "village-worker".to_owned(),
            details: Some(VisitDetails {
                minutes: Some(minutes),
                group_ticked: group as i32,
                ..VisitDetails::default()
            }),
            photo_digest: hex(&sha2::Sha256::digest(format!("photo {words}"))),
            finding: finding as i32,
        };
        patiently("record a visit", || {
            let (mut client, body, case_ref) = (client.clone(), body.clone(), household.clone());
            async move { client.record_visit(ask(body, "case_work", &case_ref)).await }
        })
        .await?;
        let (on, ticked) = (errand.on, errand.ticked);
        self.oracle.visited(errand.household, Visit { on, minutes, met: true, photo: true, ticked, check: false });
        Ok(())
    }
}
