//! The township's field workers and the county desk's clerks: take work orders on, look at the household within one
//! to three working days, and say whether it is true. What they see is the oracle's truth, not what the data say.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use minqing_proto::minqing::dispatch::v1::{
    AcceptWorkOrderRequest, ListWorkOrdersRequest, Reason, RecordVerdictRequest, Verdict, VisitDetails, WorkOrder,
    WorkOrderState, dispatch_service_client::DispatchServiceClient,
};
use sha2::Digest as _;
use tonic::transport::Channel;

use super::{Play, chance};
use crate::{
    calendar,
    city::Kind,
    dataset::{Dataset, date, iso},
    division,
    household::hex,
    indicator::Indicator,
    mesh::{ask, patiently, request_id},
    oracle::{Case, Visit},
};

/// What the workers remember of the work orders.
#[derive(Default)]
pub(super) struct Township {
    /// Warnings a verdict was given on, by work order.
    covered: HashMap<String, HashSet<String>>,
    /// When a work order first asked for a check that has not been made.
    waiting: BTreeMap<String, NaiveDate>,
    verdicts: HashMap<String, u32>,
    open: usize,
}

impl Township {
    /// Nothing waits for a check.
    pub fn is_idle(&self) -> bool {
        self.open == 0
    }
}

impl Play {
    /// A working day in the townships; number of work orders handled.
    pub(super) async fn check_fields(&mut self, day: NaiveDate) -> anyhow::Result<usize> {
        let mut orders = Vec::new();
        for state in [
            WorkOrderState::Assigned,
            WorkOrderState::Accepted,
            WorkOrderState::Verified,
            WorkOrderState::FeedbackComplete,
        ] {
            orders.extend(self.work_orders(state).await?);
        }
        let mut todo: Vec<(String, WorkOrder)> = Vec::new();
        let mut still = BTreeMap::new();
        for order in orders {
            let covered = self.township.covered.get(&order.name);
            let fresh = order.reasons.iter().any(|r| !r.cleared && covered.is_none_or(|c| !c.contains(&r.warning)));
            if fresh {
                let since = self.township.waiting.get(&order.name).copied().unwrap_or(day);
                still.insert(order.name.clone(), since);
                todo.push((self.words(&order), order));
            }
        }
        self.township.open = todo.len();
        self.township.waiting = still;
        todo.sort_by(|a, b| a.0.cmp(&b.0));
        let mut handled = 0;
        for (words, order) in todo {
            handled += usize::from(self.handle(day, &words, &order).await?);
        }
        Ok(handled)
    }

    /// A work order's identity in words, the same in every play.
    fn words(&self, order: &WorkOrder) -> String {
        let place = self.households.place.get(&order.household);
        let no = place.map_or(order.subject.as_str(), |p| self.city.households[*p as usize].no.as_str());
        format!("{no} {}", order.opened_on)
    }

    pub(super) async fn work_orders(&self, state: WorkOrderState) -> anyhow::Result<Vec<WorkOrder>> {
        let client = DispatchServiceClient::new(self.mesh.channel("dispatch", "operator/admin")?);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let body = ListWorkOrdersRequest {
                state: state as i32,
                page_size: 200,
                page_token,
                ..ListWorkOrdersRequest::default()
            };
            let page = patiently("list work orders", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_work_orders(ask(body, "", "")).await }
            })
            .await?;
            all.extend(page.work_orders);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Signs on the first day, checks after one to three.
    async fn handle(&mut self, day: NaiveDate, words: &str, order: &WorkOrder) -> anyhow::Result<bool> {
        let since = self.township.waiting.get(&order.name).copied().unwrap_or(day);
        let times = self.township.verdicts.get(&order.name).copied().unwrap_or(0);
        let draw = chance(self.city.settings.seed, &format!("check {words} {times}"));
        let most = if order.level == 1 { 2 } else { 3 };
        let client = self.desk(order)?;
        if order.state == WorkOrderState::Assigned as i32 && since == day && !draw.is_multiple_of(4) {
            self.accept(&client, words, order).await?;
        }
        if calendar::working_between(since, day) < 1 + u32::try_from(draw % most).unwrap_or(0) {
            return Ok(false);
        }
        let verdict = self.verdict(day, order, draw);
        let household = self.households.place.get(&order.household).copied();
        let minutes = household.map(|home| self.minutes(home, times, draw));
        let body = RecordVerdictRequest {
            request_id: request_id(self.city.settings.seed, &format!("verdict {words} {times}")),
            name: order.name.clone(),
            verdict: verdict as i32,
            checked_on: iso(day),
            checker: "village-worker".to_owned(),
            person_seen: verdict != Verdict::CannotFind,
            evidence_digest: hex(&sha2::Sha256::digest(format!("photo {words} {times}"))),
            visit: minutes.map(|minutes| VisitDetails { minutes: Some(minutes), ..VisitDetails::default() }),
        };
        let found_false = match verdict {
            Verdict::NotTrue => self.fresh_cases(order).await?,
            _ => Vec::new(),
        };
        let met = body.person_seen;
        let answer = patiently("record a verdict", || {
            let (mut client, body) = (client.clone(), body.clone());
            let case_ref = order.name.clone();
            async move { client.record_verdict(ask(body, "case_work", &case_ref)).await }
        })
        .await?;
        if let (Some(home), Some(minutes)) = (household, minutes) {
            self.oracle.visited(home, Visit { on: day, minutes, met, photo: true, ticked: false, check: true });
            let red = answer.work_order.is_some_and(|order| order.level == 1);
            let found = matches!(verdict, Verdict::VerifiedTrue | Verdict::VerifiedPartly);
            if let (true, true, Some(opened_on)) = (red, found, date(&order.opened_on)) {
                self.oracle.found_red(home, opened_on);
            }
        }
        found_false.into_iter().for_each(|case| self.oracle.found_not_true(case, day));
        *self.township.verdicts.entry(order.name.clone()).or_default() += 1;
        let covered = self.township.covered.entry(order.name.clone()).or_default();
        covered.extend(order.reasons.iter().map(|r| r.warning.clone()));
        self.township.waiting.remove(&order.name);
        Ok(true)
    }

    /// How long a check takes: hardly any time where that was planted, at the first one.
    fn minutes(&self, household: u32, times: u32, draw: u64) -> i32 {
        let least = self.city.thresholds.offices.visit_minutes;
        let planted = self.city.plants.iter().find(|p| p.household == household && p.indicator == Indicator::P15);
        match planted {
            Some(plant) if times == 0 => least - i32::from(plant.kind == Kind::Fires),
            _ => 20 + i32::try_from(draw / 3 % 60).unwrap_or(0),
        }
    }

    async fn accept(
        &self,
        client: &DispatchServiceClient<Channel>,
        words: &str,
        order: &WorkOrder,
    ) -> anyhow::Result<()> {
        let body = AcceptWorkOrderRequest {
            request_id: request_id(self.city.settings.seed, &format!("accept {words}")),
            name: order.name.clone(),
        };
        patiently("accept a work order", || {
            let (mut client, body) = (client.clone(), body.clone());
            async move { client.accept_work_order(ask(body, "", "")).await }
        })
        .await?;
        Ok(())
    }

    /// The desk that has the work order: its township's, or its county's.
    fn desk(&self, order: &WorkOrder) -> anyhow::Result<DispatchServiceClient<Channel>> {
        let county = order.assigned_to.get(..6).unwrap_or_default();
        let level = if order.assigned_to.ends_with("000000") { "county" } else { "township" };
        Ok(DispatchServiceClient::new(self.mesh.channel("dispatch", &format!("operator/{level}/{county}"))?))
    }

    /// What stands in a work order and was not looked at yet.
    fn fresh<'a>(&self, order: &'a WorkOrder) -> impl Iterator<Item = &'a Reason> + use<'a, '_> {
        let covered = self.township.covered.get(&order.name);
        order.reasons.iter().filter(move |r| !r.cleared && covered.is_none_or(|c| !c.contains(&r.warning)))
    }

    /// The same as cases; none of a feed.
    async fn fresh_cases(&self, order: &WorkOrder) -> anyhow::Result<Vec<Case>> {
        let Some(household) = self.households.place.get(&order.household).copied() else { return Ok(Vec::new()) };
        let mut cases = Vec::new();
        for reason in self.fresh(order) {
            let Some(indicator) = Indicator::of(&reason.indicator) else { continue };
            let member = match reason.person_key.as_str() {
                "" => None,
                key => self.member_of(household, key).await?,
            };
            cases.push(Case { indicator, household, member });
        }
        Ok(cases)
    }

    /// True when any of the reasons not yet looked at is true today, whatever the data say; now and then people are away
    /// or decline.
    fn verdict(&self, day: NaiveDate, order: &WorkOrder, draw: u64) -> Verdict {
        let household = self.households.place.get(&order.household).copied();
        let seen = household.map_or_else(Vec::new, |home| self.oracle.cases_at_the_door(home, day));
        let holds = self.fresh(order).any(|reason| {
            let Some(indicator) = Indicator::of(&reason.indicator) else { return false };
            if order.household.is_empty() {
                return feed_of(&order.subject).is_some_and(|feed| self.oracle.feed_holds(indicator, feed, day));
            }
            seen.iter().any(|c| c.indicator == indicator)
        });
        if !holds {
            return Verdict::NotTrue;
        }
        let planted = |place: &u32| self.city.plants.iter().any(|p| p.household == *place);
        let home = self.households.place.get(&order.household);
        match draw / 7 % 40 {
            _ if home.is_none_or(planted) => Verdict::VerifiedTrue,
            0 => Verdict::RefusesHelp,
            1 => Verdict::CannotFind,
            2..5 => Verdict::VerifiedPartly,
            _ => Verdict::VerifiedTrue,
        }
    }
}

/// The feed a subject names: `bureau.dataset` and a county, in whatever writing.
pub(super) fn feed_of(subject: &str) -> Option<(Dataset, division::County)> {
    let county = division::counties().into_iter().find(|c| subject.contains(c))?;
    let named = |d: &&Dataset| {
        let name = format!("{}.{}", d.bureau().text(), d.name());
        subject.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_')).any(|word| word == name)
    };
    Dataset::ALL.iter().find(named).map(|d| (*d, county))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_known_by_its_subject() {
        for subject in
            ["hr.insurance_payment 621221000000", "hr.insurance_payment/621221", "hr.insurance_payment@621221000000"]
        {
            assert_eq!(feed_of(subject), Some((Dataset::InsurancePayment, "621221")), "{subject}");
        }
        assert_eq!(feed_of("hr.unknown 621221"), None);
    }
}
