//! Pushing: the counties' collection batches and the bureaus' feeds, each bureau in its own transport, all bureaus
//! side by side, one bureau's batches one after the other.

use std::collections::HashMap;

use chrono::NaiveDate;
use minqing_proto::minqing::{
    bureau::v1::{
        BatchHeader, BatchRows, ListRowErrorsRequest, SubmitBatchRequest,
        exchange_service_client::ExchangeServiceClient, submit_batch_request,
    },
    registry::v1::{
        ImportHeader, ImportHouseholdsRequest, ImportRows, ListHouseholdsRequest, ListImportErrorsRequest,
        import_households_request, registry_service_client::RegistryServiceClient,
    },
    types::v1::{BatchMode, RowError, RowReason},
};

use super::{Play, Tally, file};
use crate::{
    calendar,
    dataset::{Bureau, Transport, iso},
    defect,
    division::County,
    mesh::{Mesh, ask, ask_stream, patiently, request_id},
    plan::{self, Batch, Mode},
};

const PART_ROWS: usize = 500;
/// An answer with as many may have been cut; a row can have several.
const ERRORS_IN_ANSWER: usize = 1000;
/// Most problems that are kept, and most of what was missed.
const MOST_PROBLEMS: usize = 60;
const MOST_MISSED: usize = 1000;

/// What the mesh said of one batch: counts, and the refused rows with their reasons.
pub(super) struct Told {
    pub tally: Tally,
    pub refused: Vec<(i32, RowReason)>,
}

impl Play {
    /// Every county sends its households, a few bad rows among them.
    pub(super) async fn import(&mut self) -> anyhow::Result<()> {
        for county in self.city.counties.clone() {
            let (rows, dirty) = defect::collection(&self.city, county);
            let told = import(&self.mesh, self.city.settings.seed, county, rows).await?;
            self.note("civil_affairs", &dirty, &told);
            self.screen.line(&format!("[底册 register] {county}: {} 户 households", told.tally.accepted));
        }
        Ok(())
    }

    /// Learns the register's names of the households.
    pub(super) async fn learn_names(&mut self) -> anyhow::Result<()> {
        let places: HashMap<&str, u32> =
            self.city.households.iter().zip(0_u32..).map(|(home, place)| (home.no.as_str(), place)).collect();
        let client = RegistryServiceClient::new(self.mesh.channel("registry", "operator/admin")?);
        let mut page_token = String::new();
        loop {
            let body = ListHouseholdsRequest { page_size: 500, page_token, ..ListHouseholdsRequest::default() };
            let page = patiently("list households", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_households(ask(body, "audit", "")).await }
            })
            .await?;
            for household in page.households {
                if let Some(place) = places.get(household.household_no.as_str()) {
                    self.households.name.insert(*place, household.name.clone());
                    self.households.place.insert(household.name, *place);
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let (found, expected) = (self.households.name.len(), self.city.households.len());
        if found != expected {
            self.problems.push(format!("the register lists {found} of {expected} households"));
        }
        Ok(())
    }

    /// The day's batches of every bureau; rows sent.
    pub(super) async fn push(&mut self, day: NaiveDate) -> anyhow::Result<u64> {
        let seed = self.city.settings.seed;
        let mut planned: Vec<(Bureau, Vec<Batch>)> = Vec::new();
        for bureau in Bureau::ALL {
            planned.push((bureau, plan::batches(&self.city, bureau, day)?));
        }
        planned.retain(|(_, batches)| !batches.is_empty());
        let mesh = &self.mesh;
        let sent = futures::future::try_join_all(planned.iter().map(|(bureau, batches)| async move {
            if bureau.transport() != Transport::Grpc {
                // A bureau drops the day's files together.
                return futures::future::try_join_all(batches.iter().map(|batch| file::submit(mesh, batch))).await;
            }
            let mut told = Vec::with_capacity(batches.len());
            for batch in batches {
                told.push(submit(mesh, seed, batch).await?);
            }
            anyhow::Ok(told)
        }))
        .await?;
        let mut rows = 0;
        for ((bureau, batches), answers) in planned.iter().zip(sent) {
            for (batch, told) in batches.iter().zip(answers) {
                rows += told.tally.sent;
                self.note(bureau.text(), &batch.defects(), &told);
                let feed = self.feeds.entry(format!("{}.{}", bureau.text(), batch.dataset.name())).or_default();
                feed.batches += 1;
                feed.rows += told.tally.sent;
                feed.accepted += told.tally.accepted;
                feed.refused += told.tally.refused;
                feed.last_as_of = feed.last_as_of.clone().max(iso(batch.as_of));
                self.oracle.deliver(batch);
            }
        }
        Ok(rows)
    }

    /// Adds up what became of a batch, dirty rows against refused ones.
    fn note(&mut self, who: &'static str, dirty: &[(i32, RowReason)], told: &Told) {
        let sum = self.records.entry(who).or_default();
        sum.lines += told.tally.lines;
        sum.sent += told.tally.sent;
        sum.accepted += told.tally.accepted;
        sum.refused += told.tally.refused;
        sum.changed += told.tally.changed;
        let planted: HashMap<i32, RowReason> = dirty.iter().copied().collect();
        let mut refused: HashMap<i32, Vec<RowReason>> = HashMap::new();
        for (row, reason) in &told.refused {
            refused.entry(*row).or_default().push(*reason);
        }
        self.refusals.planted += planted.len() as u64;
        for (row, reasons) in &refused {
            match planted.get(row) {
                Some(expected) if reasons.contains(expected) => self.refusals.matched += 1,
                Some(expected) => self.problem(format!("{who}: a row was refused as {reasons:?}, not as {expected:?}")),
                None => {
                    self.refusals.wrong += 1;
                    self.problem(format!("{who}: a clean row was refused as {reasons:?}"));
                }
            }
        }
        for (row, reason) in &planted {
            if !refused.contains_key(row) {
                self.problem(format!("{who}: row {row} should have been refused as {reason:?}"));
            }
        }
    }

    /// Keeps a problem for the report; there is no use in thousands of the same.
    pub(super) fn problem(&mut self, text: String) {
        if self.problems.len() - self.missed < MOST_PROBLEMS {
            self.screen.line(&format!("! {text}"));
            self.problems.push(text);
        }
    }

    /// Keeps what was true and never raised, each by itself.
    pub(super) fn miss(&mut self, text: String) {
        if self.missed < MOST_MISSED {
            self.missed += 1;
            self.screen.line(&format!("! {text}"));
            self.problems.push(text);
        }
    }
}

async fn import(
    mesh: &Mesh,
    seed: u64,
    county: County,
    rows: Vec<minqing_proto::minqing::registry::v1::HouseholdRow>,
) -> anyhow::Result<Told> {
    let header = ImportHeader {
        request_id: request_id(seed, &format!("import {county}")),
        batch_no: format!("CJ{county}20261026"),
        division_code: county.to_owned(),
        as_of: iso(calendar::start()),
        row_count: i32::try_from(rows.len())?,
    };
    let lines = rows.len() as u64;
    let mut parts = vec![ImportHouseholdsRequest { part: Some(import_households_request::Part::Header(header)) }];
    parts.extend(rows.chunks(200).map(|some| ImportHouseholdsRequest {
        part: Some(import_households_request::Part::Rows(ImportRows { rows: some.to_vec() })),
    }));
    let client = RegistryServiceClient::new(mesh.channel("registry", &format!("operator/county/{county}"))?);
    let answer = patiently("import households", || {
        let (mut client, parts) = (client.clone(), parts.clone());
        async move { client.import_households(ask_stream(tokio_stream::iter(parts), "collection")).await }
    })
    .await?;
    let tally = Tally {
        lines,
        sent: positive(answer.sent),
        accepted: positive(answer.accepted),
        refused: positive(answer.refused),
        changed: positive(answer.changed),
    };
    let mut refused = reasons(&answer.errors);
    if answer.errors.len() >= ERRORS_IN_ANSWER {
        refused = all_errors(async |page_token| {
            let body = ListImportErrorsRequest { parent: answer.name.clone(), page_size: 500, page_token };
            let page = patiently("list import errors", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_import_errors(ask(body, "", "")).await }
            })
            .await?;
            Ok((page.errors, page.next_page_token))
        })
        .await?;
    }
    Ok(Told { tally, refused })
}

async fn submit(mesh: &Mesh, seed: u64, batch: &Batch) -> anyhow::Result<Told> {
    let bureau = batch.dataset.bureau();
    let header = BatchHeader {
        request_id: request_id(seed, &format!("batch {} {}", batch.dataset.name(), batch.batch_no)),
        batch_no: batch.batch_no.clone(),
        dataset: batch.dataset.name().to_owned(),
        mode: match batch.mode {
            Mode::Snapshot => BatchMode::Snapshot,
            Mode::Changes => BatchMode::Changes,
        } as i32,
        division_code: format!("{}000000", batch.county),
        as_of: iso(batch.as_of),
        row_count: i32::try_from(batch.lines.len())?,
        signature: None,
    };
    let mut parts = vec![SubmitBatchRequest { part: Some(submit_batch_request::Part::Header(header)) }];
    parts.extend(batch.lines.chunks(PART_ROWS).map(|some| SubmitBatchRequest {
        part: Some(submit_batch_request::Part::Rows(BatchRows { rows: some.iter().map(|l| l.row.any()).collect() })),
    }));
    let client = ExchangeServiceClient::new(mesh.channel(&bureau.adapter(), &format!("bureau/{}", bureau.text()))?);
    let what = format!("submit {}", batch.dataset.name());
    let answer = patiently(&what, || {
        let (mut client, parts) = (client.clone(), parts.clone());
        async move { client.submit_batch(ask_stream(tokio_stream::iter(parts), "")).await }
    })
    .await?;
    let kept = answer.batch.unwrap_or_default();
    let tally = Tally {
        lines: batch.lines.len() as u64,
        sent: positive(kept.sent),
        accepted: positive(kept.accepted),
        refused: positive(kept.refused),
        changed: positive(kept.changed),
    };
    let mut refused = reasons(&answer.errors);
    if answer.errors.len() >= ERRORS_IN_ANSWER {
        refused = all_errors(async |page_token| {
            let body = ListRowErrorsRequest { parent: kept.name.clone(), page_size: 500, page_token };
            let page = patiently("list row errors", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_row_errors(ask(body, "", "")).await }
            })
            .await?;
            Ok((page.errors, page.next_page_token))
        })
        .await?;
    }
    Ok(Told { tally, refused })
}

/// Every refused row, page by page: `page` gives that of a token, and the token of the next.
async fn all_errors(
    page: impl AsyncFn(String) -> anyhow::Result<(Vec<RowError>, String)>,
) -> anyhow::Result<Vec<(i32, RowReason)>> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let (errors, next) = page(page_token).await?;
        all.extend(reasons(&errors));
        if next.is_empty() {
            return Ok(all);
        }
        page_token = next;
    }
}

fn reasons(errors: &[RowError]) -> Vec<(i32, RowReason)> {
    errors.iter().map(|e| (e.row, e.reason())).collect()
}

fn positive(count: i32) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
