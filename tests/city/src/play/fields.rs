//! What the offices do with the mesh on a working day: fetch or find their referrals, sign, and report.

use std::{collections::HashSet, time::Duration};

use chrono::NaiveDate;
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeReferralsRequest, FeedbackRecord, FetchReferralsRequest, ReportFeedbackRequest,
        exchange_service_client::ExchangeServiceClient,
    },
    dispatch::v1::{ListReferralsRequest, Referral, dispatch_service_client::DispatchServiceClient},
    types::v1::FeedbackDecision,
};
use tokio::time::Instant;
use tonic::transport::Channel;

use super::{
    Play,
    bureau::{Answer, Paper},
    file,
};
use crate::{
    dataset::{Bureau, Transport, date, iso},
    indicator::Indicator,
    mesh::{Mesh, ask, patiently, request_id},
    oracle::{Record, ReferralTerm},
    table,
};

/// An hour of real time is longer than any play keeps a referral unsigned.
const LEASE_SECONDS: i32 = 3_600;
const LIMIT: Duration = Duration::from_secs(240);
const FEEDBACK_HEADER: [&str; 13] = [
    "记录编号",
    "转介编号",
    "身份证号",
    "项目代码",
    "处理结果",
    "原因代码",
    "法律依据",
    "救助金额分",
    "救助起始日期",
    "发放日期",
    "延期至",
    "办理日期",
    "依据材料摘要",
];

impl Play {
    /// Brings new referrals to their offices and has them signed for; number of papers moved.
    pub(super) async fn receive(&mut self, day: NaiveDate) -> anyhow::Result<usize> {
        let open = self.referrals(true).await?;
        for referral in &open {
            self.tell_oracle(referral);
        }
        let mut moved = 0;
        for bureau in Bureau::ALL {
            let waiting: HashSet<String> =
                open.iter().filter(|r| r.bureau == bureau.proto() as i32).map(|r| r.name.clone()).collect();
            let papers = self.papers(bureau, &waiting, day).await?;
            moved += papers.len();
            if let Some(office) = self.offices.get_mut(&bureau) {
                for paper in papers {
                    office.take(paper, &self.city, day);
                }
            }
        }
        for bureau in Bureau::ALL {
            moved += self.sign(bureau, day).await?;
        }
        Ok(moved)
    }

    /// Every referral, or only those not settled.
    pub(super) async fn referrals(&self, open_only: bool) -> anyhow::Result<Vec<Referral>> {
        let client = DispatchServiceClient::new(self.mesh.channel("dispatch", "operator/admin")?);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let body =
                ListReferralsRequest { open_only, page_size: 500, page_token, ..ListReferralsRequest::default() };
            let page = patiently("list referrals", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_referrals(ask(body, "", "")).await }
            })
            .await?;
            all.extend(page.referrals);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The last day is worked out here once more; the mesh's own must agree.
    fn tell_oracle(&mut self, referral: &Referral) {
        let Some(household) = self.households.place.get(&referral.household).copied() else {
            self.problem(format!("a referral names the unknown household of {}", referral.programme));
            return;
        };
        let (Some(issued_on), Some(due_on)) = (date(&referral.issued_on), date(&referral.due_on)) else { return };
        let days = match referral.level {
            1 => 5,
            2 => 15,
            3 => 20,
            _ => 30,
        };
        let expected = crate::calendar::add_working(issued_on, days);
        if expected != due_on {
            self.problem(format!("{} issued on {issued_on} is due on {due_on}, not {expected}", referral.programme));
        }
        self.oracle
            .referred(&referral.name, ReferralTerm { household, issued_on, due_on, signed_on: None, settled_on: None });
    }

    /// Referrals new to an office, however they come.
    async fn papers(
        &mut self,
        bureau: Bureau,
        waiting: &HashSet<String>,
        day: NaiveDate,
    ) -> anyhow::Result<Vec<Paper>> {
        let Some(office) = self.offices.get(&bureau) else { return Ok(Vec::new()) };
        let missing: HashSet<String> = waiting.difference(&office.seen).cloned().collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let seen = office.seen.clone();
        let letters = match bureau.transport() {
            Transport::Grpc => self.fetch(bureau, &missing, day).await?,
            _ => wait_for_letters(&self.mesh, bureau, &seen, &missing).await?,
        };
        let mut papers = Vec::new();
        for letter in letters {
            let who = letter.persons.first().and_then(|id| self.households.person.get(id)).copied();
            let (Some((household, member)), Some(issued_on), Some(due_on)) =
                (who, date(&letter.issued_on), date(&letter.due_on))
            else {
                self.problem(format!("{} got a referral that names nobody it knows", bureau.text()));
                continue;
            };
            let personal = Indicator::of(&letter.indicator).is_some_and(Indicator::personal);
            papers.push(Paper {
                referral: letter.referral,
                household,
                member: personal.then_some(member),
                programme: letter.programme,
                indicator: letter.indicator,
                level: letter.level,
                issued_on,
                due_on,
            });
        }
        Ok(papers)
    }

    /// Fetches until nothing is missing; what an earlier answer lost comes again by its request id.
    async fn fetch(
        &mut self,
        bureau: Bureau,
        missing: &HashSet<String>,
        day: NaiveDate,
    ) -> anyhow::Result<Vec<file::Letter>> {
        let client = exchange(&self.mesh, bureau)?;
        let (mut left, mut letters, end) = (missing.clone(), Vec::new(), Instant::now() + LIMIT);
        while !left.is_empty() {
            let office = self.offices.get_mut(&bureau);
            let number = office.map_or(0, |o| {
                o.fetches += 1;
                o.fetches
            });
            let id = request_id(self.city.settings.seed, &format!("fetch {} {} {number}", bureau.text(), iso(day)));
            let body = FetchReferralsRequest { request_id: id, page_size: 100, lease_seconds: LEASE_SECONDS };
            let page = patiently("fetch referrals", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.fetch_referrals(ask(body, "referral", "")).await }
            })
            .await?;
            if page.referrals.is_empty() {
                anyhow::ensure!(Instant::now() < end, "{} was never handed {} referrals", bureau.text(), left.len());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            for referral in page.referrals {
                left.remove(&referral.name);
                letters.push(file::Letter {
                    referral: referral.name,
                    programme: referral.programme,
                    level: referral.level,
                    indicator: referral.reason,
                    issued_on: referral.issued_on,
                    due_on: referral.due_on,
                    persons: referral.persons.into_iter().map(|p| p.id_number).collect(),
                });
            }
        }
        Ok(letters)
    }

    async fn sign(&mut self, bureau: Bureau, day: NaiveDate) -> anyhow::Result<usize> {
        let Some(office) = self.offices.get(&bureau) else { return Ok(0) };
        let due = office.to_sign(day);
        if due.is_empty() {
            return Ok(0);
        }
        let refused = match bureau.transport() {
            Transport::Grpc => acknowledge(&self.mesh, self.city.settings.seed, (bureau, day), &due).await?,
            _ => hand_in_receipts(&self.mesh, (bureau, day), &due).await?,
        };
        if refused > 0 {
            self.problem(format!("{} receipts of {} were refused", refused, bureau.text()));
        }
        if let Some(office) = self.offices.get_mut(&bureau) {
            due.iter().for_each(|referral| office.signed(referral));
        }
        due.iter().for_each(|referral| self.oracle.signed(referral, day));
        Ok(due.len())
    }

    /// The offices' decisions of the day; number of answers given.
    pub(super) async fn answer(&mut self, day: NaiveDate) -> anyhow::Result<usize> {
        let mut given = 0;
        for bureau in Bureau::ALL {
            let Some(office) = self.offices.get(&bureau) else { continue };
            let answers = office.to_answer(&self.city, day);
            if answers.is_empty() {
                continue;
            }
            let refused = match bureau.transport() {
                Transport::Grpc => report(&self.mesh, self.city.settings.seed, (bureau, day), &answers).await?,
                _ => hand_in_feedback(&self.mesh, (bureau, day), &answers).await?,
            };
            for (n, answer) in answers.iter().enumerate() {
                if let Some((_, why)) = refused.iter().find(|(at, _)| *at == n) {
                    self.problem(format!("{} feedback was refused: {why}", bureau.text()));
                    continue;
                }
                given += 1;
                let settles = self.offices.get_mut(&bureau).is_some_and(|office| office.answered(answer));
                if settles {
                    self.oracle.settled(&answer.referral, day);
                }
                self.tell_record(answer);
            }
        }
        Ok(given)
    }
}

impl Play {
    /// What a bureau told of a household, for the oracle.
    fn tell_record(&mut self, answer: &Answer) {
        let unasked = || self.households.person.get(&answer.id_number).map(|(household, _)| *household);
        let household = self.oracle.household_of(&answer.referral).or_else(unasked);
        let (Some(household), Some(handled_on)) = (household, date(&answer.handled_on)) else { return };
        let record = Record {
            refused: answer.decision == FeedbackDecision::Refused,
            papers: !answer.evidence_digest.is_empty(),
            amount_fen: answer.amount_fen,
            handled_on,
            paid_on: date(&answer.paid_on),
        };
        self.oracle.recorded(household, record);
    }
}

fn exchange(mesh: &Mesh, bureau: Bureau) -> anyhow::Result<ExchangeServiceClient<Channel>> {
    Ok(ExchangeServiceClient::new(mesh.channel(&bureau.adapter(), &format!("bureau/{}", bureau.text()))?))
}

async fn wait_for_letters(
    mesh: &Mesh,
    bureau: Bureau,
    seen: &HashSet<String>,
    missing: &HashSet<String>,
) -> anyhow::Result<Vec<file::Letter>> {
    super::until(&format!("{} referrals for {} in the outbox", missing.len(), bureau.text()), LIMIT, || {
        let letters = file::letters(mesh, bureau, seen)?;
        let there: HashSet<&String> = letters.iter().map(|l| &l.referral).collect();
        Ok(missing.iter().all(|name| there.contains(name)).then_some(letters))
    })
    .await
}

async fn acknowledge(mesh: &Mesh, seed: u64, who: (Bureau, NaiveDate), due: &[String]) -> anyhow::Result<usize> {
    let client = exchange(mesh, who.0)?;
    let mut refused = 0;
    for (n, some) in due.chunks(100).enumerate() {
        let body = AcknowledgeReferralsRequest {
            request_id: request_id(seed, &format!("sign {} {} {n}", who.0.text(), iso(who.1))),
            referrals: some.to_vec(),
            operator: format!("{}-clerk", who.0.text()),
        };
        let answer = patiently("acknowledge referrals", || {
            let (mut client, body) = (client.clone(), body.clone());
            async move { client.acknowledge_referrals(ask(body, "", "")).await }
        })
        .await?;
        refused += answer.results.iter().filter(|r| !r.accepted).count();
    }
    Ok(refused)
}

async fn hand_in_receipts(mesh: &Mesh, who: (Bureau, NaiveDate), due: &[String]) -> anyhow::Result<usize> {
    let lines: Vec<Vec<String>> = due.iter().map(|r| vec![r.clone(), format!("{}-clerk", who.0.text())]).collect();
    let bytes = table::form(&["转介编号", "签收人"], &lines)?;
    let outcome = file::hand_in(mesh, who.0, &format!("receipt_{}.csv", iso(who.1)), &bytes).await?;
    Ok(usize::try_from(outcome.count("refused"))?)
}

/// Places of refused answers with the reason.
type RefusedAnswers = Vec<(usize, String)>;

async fn report(
    mesh: &Mesh,
    seed: u64,
    who: (Bureau, NaiveDate),
    answers: &[Answer],
) -> anyhow::Result<RefusedAnswers> {
    let client = exchange(mesh, who.0)?;
    let mut refused = Vec::new();
    for (n, some) in answers.chunks(200).enumerate() {
        let body = ReportFeedbackRequest {
            request_id: request_id(seed, &format!("feedback {} {} {n}", who.0.text(), iso(who.1))),
            records: some.iter().map(record).collect(),
        };
        let answer = patiently("report feedback", || {
            let (mut client, body) = (client.clone(), body.clone());
            async move { client.report_feedback(ask(body, "", "")).await }
        })
        .await?;
        let wrong = answer.results.into_iter().enumerate().filter(|(_, r)| !r.accepted);
        refused.extend(wrong.map(|(at, r)| (n * 200 + at, format!("{}: {}", r.field, r.message))));
    }
    Ok(refused)
}

fn record(answer: &Answer) -> FeedbackRecord {
    FeedbackRecord {
        record_no: answer.record_no.clone(),
        referral: answer.referral.clone(),
        id_number: answer.id_number.clone(),
        programme: answer.programme.clone(),
        decision: answer.decision as i32,
        reason_code: answer.reason_code.clone(),
        legal_basis: answer.legal_basis.clone(),
        amount_fen: answer.amount_fen,
        service_count: answer.service_count,
        period_from: answer.period_from.clone(),
        period_to: String::new(),
        paid_on: answer.paid_on.clone(),
        deferred_to: answer.deferred_to.clone(),
        handled_on: answer.handled_on.clone(),
        supersedes: String::new(),
        evidence_digest: answer.evidence_digest.clone(),
    }
}

async fn hand_in_feedback(mesh: &Mesh, who: (Bureau, NaiveDate), answers: &[Answer]) -> anyhow::Result<RefusedAnswers> {
    let services = answers.iter().any(|a| a.service_count > 0);
    let mut headers = FEEDBACK_HEADER.to_vec();
    if services {
        headers.push("服务次数");
    }
    let lines: Vec<Vec<String>> = answers
        .iter()
        .map(|a| {
            let amount = if a.amount_fen == 0 { String::new() } else { a.amount_fen.to_string() };
            let mut line = vec![
                a.record_no.clone(),
                a.referral.clone(),
                a.id_number.clone(),
                a.programme.clone(),
                word(a.decision).to_owned(),
                a.reason_code.clone(),
                a.legal_basis.clone(),
                amount,
                a.period_from.clone(),
                a.paid_on.clone(),
                a.deferred_to.clone(),
                a.handled_on.clone(),
                a.evidence_digest.clone(),
            ];
            if services {
                line.push(if a.service_count == 0 { String::new() } else { a.service_count.to_string() });
            }
            line
        })
        .collect();
    let bytes = table::form(&headers, &lines)?;
    let outcome = file::hand_in(mesh, who.0, &format!("feedback_{}.csv", iso(who.1)), &bytes).await?;
    let refused = outcome.lines.iter().filter_map(|l| {
        let row: usize = l[0].parse().ok()?;
        Some((row.checked_sub(1)?, format!("{}: {}", l[1], l[3])))
    });
    Ok(refused.collect())
}

/// A bureau's word for a decision.
fn word(decision: FeedbackDecision) -> &'static str {
    match decision {
        FeedbackDecision::Granted => "给予救助",
        FeedbackDecision::Refused => "不予救助",
        FeedbackDecision::AlreadyAided => "已享受",
        FeedbackDecision::Deferred => "延期办理",
        FeedbackDecision::CannotReach => "无法联系",
        _ => "非本部门职责",
    }
}
