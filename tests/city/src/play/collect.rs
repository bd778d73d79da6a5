//! The end of the play: everything the mesh did is asked back through its own services and held against the truth.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Context as _;
use chrono::NaiveDate;
use minqing_proto::minqing::{
    dispatch::v1::{Referral, WorkOrder, WorkOrderState},
    feedback::v1::{
        Counterpart, Feedback, GetReconciliationRequest, GetTimelinessRequest, ListDifferencesRequest,
        ListFeedbackRequest, ReconciliationLine, TimelinessLine,
        feedback_books_service_client::FeedbackBooksServiceClient, feedback_service_client::FeedbackServiceClient,
    },
    mesh::v1::{GetBacklogRequest, operations_service_client::OperationsServiceClient},
    monitoring::v1::{
        GetHouseholdFactsRequest, ListWarningsRequest, Warning, monitoring_service_client::MonitoringServiceClient,
    },
    registry::v1::{ListChainEntriesRequest, ListHouseholdsRequest, registry_service_client::RegistryServiceClient},
};
use sqlx::Connection as _;

use super::{
    Play, Until,
    report::{Aid, FeedbackCount, IndicatorCount, ReferralCount, Report, WorkOrderCount},
    township::feed_of,
};
use crate::{
    calendar,
    city::Kind,
    dataset::Dataset,
    dataset::{Bureau, date},
    division::{County, HOME},
    feed_plant,
    indicator::Indicator,
    mesh::{ask, patiently},
    oracle::Case,
    person::age,
};

/// Persons asked for by one statement.
const KEYS: usize = 10_000;

/// Everything asked back.
#[derive(Default)]
pub(super) struct Books {
    pub warnings: Vec<Warning>,
    pub orders: Vec<WorkOrder>,
    pub referrals: Vec<Referral>,
    pub feedback: Vec<Feedback>,
    pub reconciliation: Vec<ReconciliationLine>,
    pub timeliness: Vec<TimelinessLine>,
    /// Lines of the register's class statuses, in words.
    pub classes: Vec<String>,
    /// Ages of warned households' members by key.
    pub ages: HashMap<String, i64>,
}

impl Play {
    pub(super) async fn collect(&mut self) -> anyhow::Result<Report> {
        let warnings = self.warnings().await?;
        let referrals = self.referrals(false).await?;
        let ages = self.ages(&warnings, &referrals).await?;
        let (reconciliation, timeliness) = self.reconciliation().await?;
        self.no_difference().await?;
        let books = Books {
            orders: self.work_orders(WorkOrderState::Unspecified).await?,
            feedback: self.feedback().await?,
            classes: self.classes().await?,
            warnings,
            referrals,
            reconciliation,
            timeliness,
            ages,
        };
        let mut report = Report::new(&self.city, &self.records, self.refusals);
        report.feeds = self.feeds.clone();
        [report.indicators, report.unplanned] = self.indicators(&books);
        report.work_orders = work_orders(&books.orders);
        report.referrals = self.referral_counts(&books).await?;
        report.feedback = self.feedback_counts(&books).await?;
        report.aid = aid(&books);
        report.field = self.field_hours(&books).await?;
        report.latency_ms.record_to_referral = self.latency().await?;
        report.outcome_digest = self.outcome_digest(&books);
        report.judge(&self.problems);
        Ok(report)
    }

    /// What can be judged of a play that was cut short: the rows and the warnings.
    pub(super) async fn collect_screened(&mut self) -> anyhow::Result<Report> {
        let warnings = self.warnings().await?;
        let ages = self.ages(&warnings, &[]).await?;
        let books = Books { warnings, ages, ..Books::default() };
        let mut report = Report::new(&self.city, &self.records, self.refusals);
        report.until = Until::Screened;
        report.feeds = self.feeds.clone();
        [report.indicators, report.unplanned] = self.indicators(&books);
        report.latency_ms.record_to_referral = self.latency().await?;
        report.judge(&self.problems);
        Ok(report)
    }

    async fn warnings(&self) -> anyhow::Result<Vec<Warning>> {
        let client = MonitoringServiceClient::new(self.mesh.channel("monitoring", "operator/admin")?);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let body = ListWarningsRequest { page_size: 500, page_token, ..ListWarningsRequest::default() };
            let page = patiently("list warnings", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_warnings(ask(body, "", "")).await }
            })
            .await?;
            all.extend(page.warnings);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Ages of a household's members by their keys: outside the mesh a key says nothing, an age tells the member.
    pub(super) async fn ages_of(&self, household: &str) -> anyhow::Result<HashMap<String, i64>> {
        let client = MonitoringServiceClient::new(self.mesh.channel("monitoring", "operator/admin")?);
        let body = GetHouseholdFactsRequest { household: household.to_owned() };
        let answer = patiently("get household facts", || {
            let (mut client, body) = (client.clone(), body.clone());
            async move { client.get_household_facts(ask(body, "audit", household)).await }
        })
        .await?;
        let age = |facts: &[minqing_proto::minqing::types::v1::FactValue]| {
            facts.iter().find(|f| f.name == "age").and_then(|f| f.value.parse().ok())
        };
        Ok(answer.persons.iter().filter_map(|p| Some((p.person_key.clone(), age(&p.facts)?))).collect())
    }

    /// Ages of those that warnings and referrals are about, from monitoring's roster: a call for each household would take
    /// a large city an hour.
    async fn ages(&self, warnings: &[Warning], referrals: &[Referral]) -> anyhow::Result<HashMap<String, i64>> {
        let keys = warnings.iter().map(|w| &w.person_key).chain(referrals.iter().map(|r| &r.person_key));
        let keys: BTreeSet<&String> = keys.filter(|key| !key.is_empty()).collect();
        let keys: Vec<&String> = keys.into_iter().collect();
        let schema = self.schema("monitoring")?;
        let births =
            format!("select person_key::text, birth_on from {schema}.member where person_key = any($1::uuid[])");
        let mut connection = sqlx::PgConnection::connect(&self.mesh.file.admin_database_url).await?;
        let mut ages = HashMap::new();
        for chunk in keys.chunks(KEYS) {
            let query = sqlx::query_as(sqlx::AssertSqlSafe(births.clone())).bind(chunk);
            let found: Vec<(String, NaiveDate)> = query.fetch_all(&mut connection).await?;
            ages.extend(found.into_iter().map(|(key, birth)| (key, i64::from(age(birth, calendar::start())))));
        }
        connection.close().await?;
        Ok(ages)
    }

    /// Where a service keeps its tables.
    fn schema(&self, service: &str) -> anyhow::Result<&str> {
        let place = self.mesh.file.services.get(service).with_context(|| format!("the mesh has no {service}"))?;
        let good = place.schema.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        anyhow::ensure!(good, "{} is no schema", place.schema);
        Ok(&place.schema)
    }

    /// The member a key stands for; of several of the same age the one something is known about.
    pub(super) async fn member_of(&self, place: u32, person_key: &str) -> anyhow::Result<Option<u8>> {
        let Some(name) = self.households.name.get(&place) else { return Ok(None) };
        let ages = self.ages_of(name).await?;
        let candidates = self.members_aged(place, ages.get(person_key).copied());
        let mut cases = Vec::new();
        self.oracle.cases_of(place, calendar::end(), &mut cases);
        let told = candidates.iter().find(|m| cases.iter().any(|c| c.member == Some(**m)));
        Ok(told.or_else(|| candidates.first()).copied())
    }

    /// Members of an age; all of them when the age is not known.
    fn members_aged(&self, place: u32, age: Option<i64>) -> Vec<u8> {
        let members = self.city.households[place as usize].members.iter().zip(0_u8..);
        // Nobody has a birthday after the play's first day and before its last.
        let fits = members.filter(|(p, _)| age.is_none_or(|a| i64::from(p.age(calendar::start())) == a));
        fits.map(|(_, place)| place).collect()
    }

    async fn feedback(&self) -> anyhow::Result<Vec<Feedback>> {
        let client = FeedbackServiceClient::new(self.mesh.channel("feedback", "operator/admin")?);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let body = ListFeedbackRequest { page_size: 500, page_token, ..ListFeedbackRequest::default() };
            let page = patiently("list feedback", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_feedback(ask(body, "", "")).await }
            })
            .await?;
            all.extend(page.feedback);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    async fn reconciliation(&self) -> anyhow::Result<(Vec<ReconciliationLine>, Vec<TimelinessLine>)> {
        let client = FeedbackServiceClient::new(self.mesh.channel("feedback", "operator/admin")?);
        let books = patiently("get the reconciliation", || {
            let mut client = client.clone();
            async move { client.get_reconciliation(ask(GetReconciliationRequest::default(), "", "")).await }
        })
        .await?;
        let times = patiently("get the timeliness", || {
            let mut client = client.clone();
            async move { client.get_timeliness(ask(GetTimelinessRequest {}, "", "")).await }
        })
        .await?;
        Ok((books.lines, times.lines))
    }

    /// Every event had its time before the next night, so no night may have found a difference, not even for a while.
    async fn no_difference(&mut self) -> anyhow::Result<()> {
        let client = FeedbackBooksServiceClient::new(self.mesh.channel("feedback", "operator/admin")?);
        let found = patiently("list differences", || {
            let mut client = client.clone();
            let asked = ListDifferencesRequest { counterpart: Counterpart::Registry as i32, ..Default::default() };
            async move { client.list_differences(ask(asked, "", "")).await }
        })
        .await?;
        if found.compared_on.is_empty() {
            self.problem("feedback never compared its books with the register's".to_owned());
        }
        for one in found.differences {
            self.problem(format!("the books differ in {} of {}: {:?}", one.record_no, one.month, one.kind()));
        }
        Ok(())
    }

    /// Class statuses of every household as the register has them, without ids.
    async fn classes(&self) -> anyhow::Result<Vec<String>> {
        let client = RegistryServiceClient::new(self.mesh.channel("registry", "operator/admin")?);
        let (mut lines, mut page_token) = (Vec::new(), String::new());
        loop {
            let body = ListHouseholdsRequest { page_size: 500, page_token, ..ListHouseholdsRequest::default() };
            let page = patiently("list households", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_households(ask(body, "audit", "")).await }
            })
            .await?;
            for home in page.households {
                for held in &home.classes {
                    let birth = home.members.iter().find(|m| m.name == held.person).map(|m| m.birth_on.as_str());
                    lines.push(format!(
                        "C {} {} {} {} {} {}",
                        home.household_no,
                        held.assistance_class,
                        birth.unwrap_or("-"),
                        held.valid_from,
                        held.valid_to,
                        held.amount_fen
                    ));
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(lines);
            }
        }
    }

    /// Counts of the planted indicators, and of every other one that was raised or should have been.
    fn indicators(&mut self, books: &Books) -> [BTreeMap<String, IndicatorCount>; 2] {
        let mut counts: BTreeMap<Indicator, IndicatorCount> =
            Indicator::ALL.iter().map(|i| (*i, IndicatorCount::default())).collect();
        let mut unplanned: BTreeMap<String, IndicatorCount> = BTreeMap::new();
        let (mut raised, mut wrong) = (HashSet::new(), Vec::new());
        let mut late = HashSet::new();
        for warning in &books.warnings {
            let Some(indicator) = Indicator::of(&warning.indicator) else {
                unplanned.entry(warning.indicator.clone()).or_default().warnings += 1;
                wrong.push(format!("{} was raised, which no data can make true", warning.indicator));
                continue;
            };
            let Some(day) = date(&warning.raised_on) else { continue };
            let right = if warning.household.is_empty() {
                let feed = feed_of(&warning.subject);
                late.extend(feed.map(|(dataset, county)| (indicator, dataset, county)));
                feed.is_some_and(|feed| self.oracle.feed_held_on(indicator, feed, day))
            } else {
                let cases = self.cases_meant(indicator, warning, books);
                raised.extend(cases.iter().copied());
                cases.iter().any(|case| self.oracle.held_on(*case, day))
            };
            if let Some(count) = counts.get_mut(&indicator) {
                count.warnings += 1;
                count.right += u64::from(right);
            }
            if !right {
                wrong.push(self.describe(warning, day));
            }
        }
        wrong.into_iter().for_each(|text| self.problem(text));
        self.count_planted(&mut counts, &raised);
        self.count_true(&mut counts, &raised);
        self.count_feeds(&mut counts, &late);
        let (planted, beside): (Vec<_>, Vec<_>) =
            counts.into_iter().partition(|(i, count)| Indicator::planted().contains(i) || count.planted > 0);
        let seen = beside.into_iter().filter(|(_, count)| count.warnings + count.true_cases > 0);
        unplanned.extend(seen.map(|(indicator, count)| (indicator.text().to_owned(), count)));
        let planted = planted.into_iter().map(|(indicator, count)| (indicator.text().to_owned(), count.rated()));
        [planted.collect(), unplanned.into_iter().map(|(indicator, count)| (indicator, count.rated())).collect()]
    }

    /// The cases a warning may mean.
    pub(super) fn cases_meant(&self, indicator: Indicator, warning: &Warning, books: &Books) -> Vec<Case> {
        let Some(household) = self.households.place.get(&warning.household).copied() else { return Vec::new() };
        if warning.person_key.is_empty() {
            return vec![Case { indicator, household, member: None }];
        }
        let age = books.ages.get(&warning.person_key).copied();
        let members = self.members_aged(household, age).into_iter();
        members.map(|member| Case { indicator, household, member: Some(member) }).collect()
    }

    fn describe(&self, warning: &Warning, day: NaiveDate) -> String {
        let place = self.households.place.get(&warning.household);
        let no = place.map_or("?", |p| self.city.households[*p as usize].no.as_str());
        let planted: Vec<String> = self
            .city
            .plants
            .iter()
            .filter(|p| Some(&p.household) == place)
            .map(|p| format!("{} {:?}", p.indicator, p.kind))
            .collect();
        format!("{} on {no} {} of {day} is not true ({})", warning.indicator, warning.subject, planted.join(", "))
    }

    /// Planted cases found, and near misses that fired.
    fn count_planted(&self, counts: &mut BTreeMap<Indicator, IndicatorCount>, raised: &HashSet<Case>) {
        for plant in &self.city.plants {
            let case = Case { indicator: plant.indicator, household: plant.household, member: plant.member };
            let Some(count) = counts.get_mut(&plant.indicator) else { continue };
            let hit = raised.contains(&case);
            if plant.kind == Kind::Fires {
                count.planted += 1;
                count.hits += u64::from(hit);
            } else {
                count.near_misses += 1;
                count.near_misses_fired += u64::from(hit && !self.oracle.ever_held(case));
            }
        }
    }

    /// Anything true that was never raised.
    fn count_true(&mut self, counts: &mut BTreeMap<Indicator, IndicatorCount>, raised: &HashSet<Case>) {
        let mut missed = Vec::new();
        for (case, days) in self.oracle.all_held() {
            let Some(count) = counts.get_mut(&case.indicator) else { continue };
            count.true_cases += 1;
            if !raised.contains(case) {
                count.missed += 1;
                let no = &self.city.households[case.household as usize].no;
                missed.push(format!("{} on {no} held from {:?} and was never raised", case.indicator, days.first()));
            }
        }
        missed.sort();
        missed.into_iter().for_each(|text| self.miss(text));
    }

    fn count_feeds(
        &mut self,
        counts: &mut BTreeMap<Indicator, IndicatorCount>,
        raised: &HashSet<(Indicator, Dataset, County)>,
    ) {
        let told = |dataset: Dataset, county: County| raised.contains(&(Indicator::P11, dataset, county));
        if let Some(count) = counts.get_mut(&Indicator::P11) {
            for (dataset, county) in self.oracle.late_feeds() {
                count.planted += 1;
                count.hits += u64::from(told(*dataset, *county));
            }
            // Feeds that came on their last day are the near misses of the late ones.
            let in_time = self.oracle.feeds_in_time();
            count.near_misses = in_time.len() as u64;
            count.near_misses_fired = in_time.iter().filter(|(d, c)| told(*d, *c)).count() as u64;
        }
        for (indicator, dataset, kind) in feed_plant::ALL.into_iter().filter(|_| feed_plant::has_room(&self.city)) {
            let Some(count) = counts.get_mut(&indicator) else { continue };
            let told = raised.contains(&(indicator, dataset, HOME));
            if kind == Kind::Fires {
                count.planted += 1;
                count.hits += u64::from(told);
            } else {
                count.near_misses += 1;
                count.near_misses_fired += u64::from(told);
            }
        }
        let mut missed = Vec::new();
        for fault in self.oracle.feed_faults() {
            let Some(count) = counts.get_mut(&fault.0) else { continue };
            count.true_cases += 1;
            if !raised.contains(fault) {
                count.missed += 1;
                missed.push(format!("{} of {} in {} was never raised", fault.0, fault.1.name(), fault.2));
            }
        }
        missed.into_iter().for_each(|text| self.miss(text));
    }

    async fn referral_counts(&self, books: &Books) -> anyhow::Result<BTreeMap<String, ReferralCount>> {
        let mut counts = BTreeMap::new();
        for bureau in Bureau::ALL {
            let sent = books.referrals.iter().filter(|r| r.bureau == bureau.proto() as i32).count() as u64;
            let lines = books.reconciliation.iter().filter(|l| l.bureau == bureau.proto() as i32);
            let receipts = lines.map(|l| u64::try_from(l.receipts).unwrap_or(0)).sum();
            let channel = self.mesh.channel(&bureau.adapter(), "operator/admin")?;
            let backlog = patiently("get the backlog", || {
                let mut client = OperationsServiceClient::new(channel.clone());
                async move { client.get_backlog(ask(GetBacklogRequest {}, "", "")).await }
            })
            .await?;
            let dead_letters = u64::try_from(backlog.dead_letters).unwrap_or(0);
            counts.insert(bureau.text().to_owned(), ReferralCount { sent, receipts, dead_letters });
        }
        Ok(counts)
    }

    /// What the bureaus reported against what stands in the households' chains.
    async fn feedback_counts(&self, books: &Books) -> anyhow::Result<BTreeMap<String, FeedbackCount>> {
        let households: BTreeSet<&String> =
            books.feedback.iter().map(|f| &f.household).filter(|h| !h.is_empty()).collect();
        let mut entries: HashMap<i32, u64> = HashMap::new();
        let client = RegistryServiceClient::new(self.mesh.channel("registry", "operator/admin")?);
        for household in households {
            let mut page_token = String::new();
            loop {
                let body = ListChainEntriesRequest { parent: household.clone(), page_size: 500, page_token };
                let page = patiently("list chain entries", || {
                    let (mut client, body) = (client.clone(), body.clone());
                    async move { client.list_chain_entries(ask(body, "audit", household)).await }
                })
                .await?;
                for entry in &page.entries {
                    *entries.entry(entry.bureau).or_default() += u64::from(!entry.kind.starts_with("class_"));
                }
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
        }
        let counts = self.offices.values().map(|office| {
            let chain_entries = entries.get(&(office.bureau.proto() as i32)).copied().unwrap_or(0);
            (office.bureau.text().to_owned(), FeedbackCount { reported: office.reported.len() as u64, chain_entries })
        });
        Ok(counts.collect())
    }

    /// From the commit of a record to the referral at the bureau's adapter, for referrals without a field check.
    async fn latency(&self) -> anyhow::Result<super::report::Percentiles> {
        let mut connection = sqlx::PgConnection::connect(&self.mesh.file.admin_database_url).await?;
        let mut all: Vec<f64> = Vec::new();
        for bureau in Bureau::ALL {
            let schema = self.schema(&bureau.adapter())?;
            let text = format!(
                "select (extract(epoch from stored_at - record_accepted_at) * 1000)::float8 \
                 from {schema}.referral where record_accepted_at is not null"
            );
            let some: Vec<f64> = sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_all(&mut connection).await?;
            all.extend(some);
        }
        connection.close().await?;
        Ok(super::report::Percentiles::of(all))
    }
}

fn work_orders(orders: &[WorkOrder]) -> WorkOrderCount {
    let closed = orders.iter().filter(|o| o.state == WorkOrderState::Closed as i32).count() as u64;
    let late = orders.iter().filter(|o| o.late).count() as u64;
    WorkOrderCount { opened: orders.len() as u64, closed, late }
}

/// What the bureaus gave, and how late they were.
fn aid(books: &Books) -> BTreeMap<String, Aid> {
    let mut all = BTreeMap::new();
    for bureau in Bureau::ALL {
        let mut aid = Aid::default();
        for line in books.reconciliation.iter().filter(|l| l.bureau == bureau.proto() as i32) {
            aid.granted += u64::try_from(line.granted).unwrap_or(0);
            aid.amount_fen += line.amount_fen;
        }
        let times = books.timeliness.iter().find(|t| t.bureau == bureau.proto() as i32);
        aid.overdue = times.map_or(0, |t| u64::try_from(t.overdue).unwrap_or(0));
        let settled_late =
            |r: &&Referral| r.bureau == bureau.proto() as i32 && !r.settled_on.is_empty() && r.settled_on > r.due_on;
        aid.settled_late = books.referrals.iter().filter(settled_late).count() as u64;
        all.insert(bureau.text().to_owned(), aid);
    }
    all
}
