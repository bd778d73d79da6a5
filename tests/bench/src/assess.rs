//! One AssessHousehold call as an officer at the county sees it, classes only and everything, beside a bare echo.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use futures::future::try_join_all;
use minqing_proto::minqing::{
    identification::v1::{
        AssessHouseholdRequest, Assessment, identification_service_client::IdentificationServiceClient,
    },
    registry::v1::{
        ClassRow, HouseholdRow, ImportHeader, ImportHouseholdsRequest, ImportRows, ListHouseholdsRequest, MemberRow,
        import_households_request::Part, registry_service_client::RegistryServiceClient,
    },
    types::v1::AssistanceClass,
};
use serde_json::{Map, Value, json};
use tonic::{Request, transport::Channel};

use crate::{
    measure::{median, percentile, round},
    mesh::Mesh,
    people,
    query::echo,
};

/// Households to ask about, each of three, all in a class: monitoring tells identification the facts of such.
const HOUSEHOLDS: usize = 100;
const FIRST_ADULT: usize = 5_000_000;
const FIRST_CHILD: usize = 10_100_000;
const CALLS: usize = 100;
/// Longest wait for the facts to reach identification.
const PATIENCE: Duration = Duration::from_secs(120);

pub async fn run(mesh: &Mesh, repeats: usize) -> anyhow::Result<Value> {
    register(mesh).await?;
    let channel = mesh.channel("identification", "operator/county/621202").await?;
    let names = names(mesh).await?;
    wait_for_facts(&channel, &names).await?;
    let echo = echo::start().await?;
    let mut figures = Map::new();
    figures.insert("calls_a_run".to_owned(), json!(CALLS));
    for in_flight in [1_usize, 8] {
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for turn in 0..=repeats {
            let one = [
                ask(&channel, &names, (in_flight, false)).await?,
                ask(&channel, &names, (in_flight, true)).await?,
                echo::ask(echo, in_flight, CALLS).await?.times,
            ];
            if turn > 0 {
                for (all, run) in times.iter_mut().zip(one) {
                    all.push(run);
                }
            }
        }
        let mut of = Map::new();
        for (title, runs) in ["classes", "everything", "echo"].iter().zip(&times) {
            for p in [50.0, 99.0] {
                let middle = median(&runs.iter().map(|run| percentile(run, p)).collect::<Vec<_>>());
                of.insert(format!("{title}_p{p:.0}_ms"), json!(round(middle)));
            }
        }
        figures.insert(format!("in_flight_{in_flight}"), Value::Object(of));
    }
    let shown = assessed(&channel, &names[0], true).await?;
    figures.insert(
        "outcomes_of_one_answer".to_owned(),
        json!({"classes": shown.classes.len(), "exits": shown.exits.len(), "programmes": shown.programmes.len()}),
    );
    Ok(Value::Object(figures))
}

async fn register(mesh: &Mesh) -> anyhow::Result<()> {
    let today = mesh.today()?;
    let channel = mesh.channel("registry", "operator/county/621202").await?;
    let header = ImportHeader {
        request_id: uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, b"bench-assess").to_string(),
        batch_no: "bench-assess".to_owned(),
        division_code: "621202".to_owned(),
        as_of: today.clone(),
        row_count: i32::try_from(HOUSEHOLDS)?,
    };
    let rows = (0..HOUSEHOLDS).map(|n| household(n, &today)).collect();
    let parts = [Part::Header(header), Part::Rows(ImportRows { rows })];
    let parts = parts.map(|part| ImportHouseholdsRequest { part: Some(part) });
    let mut request = Request::new(tokio_stream::iter(parts));
    request.metadata_mut().insert("minqing-purpose", "collection".parse()?);
    request.set_timeout(Duration::from_secs(300));
    let answer = RegistryServiceClient::new(channel).import_households(request).await?.into_inner();
    ensure!(answer.refused == 0, "the register refused {} households: {:?}", answer.refused, answer.errors.first());
    Ok(())
}

fn household(n: usize, today: &str) -> HouseholdRow {
    let member = |person: usize, sex: i32, relation: &str| MemberRow {
        id_number: people::id_number(person),
        name: people::name(person),
        sex,
        relation: relation.to_owned(),
        joined_on: today.to_owned(),
        ..MemberRow::default()
    };
    HouseholdRow {
        household_no: format!("ASSESS-{n:06}"),
        division_code: "621202100000".to_owned(),
        area_kind: 2,
        address: "某村二社 1 号".to_owned(),
        declared_income_fen: 1_500_000,
        house_count: 1,
        members: vec![
            member(FIRST_ADULT + 2 * n, 1, "02"),
            member(FIRST_ADULT + 2 * n + 1, 1, "10"),
            member(FIRST_CHILD + n, 1, "20"),
        ],
        classes: vec![ClassRow {
            assistance_class: AssistanceClass::MinimumLiving.into(),
            valid_from: "2025-01-01".to_owned(),
            amount_fen: 30_000,
            ..ClassRow::default()
        }],
        ..HouseholdRow::default()
    }
}

/// Names of the households above, which other jobs' households stand among.
async fn names(mesh: &Mesh) -> anyhow::Result<Vec<String>> {
    let mut client = RegistryServiceClient::new(mesh.channel("registry", "operator/city").await?);
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let mut request = Request::new(ListHouseholdsRequest {
            division_code: "621202".to_owned(),
            page_size: 500,
            page_token: token,
            ..Default::default()
        });
        request.metadata_mut().insert("minqing-purpose", "relief_query".parse()?);
        let page = client.list_households(request).await?.into_inner();
        let mine = page.households.into_iter().filter(|h| h.household_no.starts_with("ASSESS-"));
        found.extend(mine.map(|h| h.name));
        token = page.next_page_token;
        if token.is_empty() {
            ensure!(found.len() == HOUSEHOLDS, "the register lists {} of {HOUSEHOLDS} households", found.len());
            return Ok(found);
        }
    }
}

async fn assessed(channel: &Channel, household: &str, everything: bool) -> anyhow::Result<Assessment> {
    let mut request =
        Request::new(AssessHouseholdRequest { household: household.to_owned(), everything, ..Default::default() });
    request.metadata_mut().insert("minqing-purpose", "case_work".parse()?);
    request.set_timeout(Duration::from_secs(30));
    let answer = IdentificationServiceClient::new(channel.clone()).assess_household(request).await?;
    answer.into_inner().assessment.context("an empty answer")
}

/// Until the last household's facts are known: before that an assessment has little to do.
async fn wait_for_facts(channel: &Channel, names: &[String]) -> anyhow::Result<()> {
    let began = Instant::now();
    for name in names {
        loop {
            let known = assessed(channel, name, false).await.is_ok_and(|assessment| {
                let facts = assessment.classes.iter().flat_map(|class| &class.facts);
                facts.filter(|fact| !fact.value.is_empty()).count() > 0
            });
            if known {
                break;
            }
            if began.elapsed() > PATIENCE {
                bail!("identification knew no facts of {name} within {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

/// Milliseconds of each call.
async fn ask(channel: &Channel, names: &[String], (in_flight, everything): (usize, bool)) -> anyhow::Result<Vec<f64>> {
    let next = AtomicUsize::new(0);
    let workers = (0..in_flight).map(|_| {
        let next = &next;
        async move {
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= CALLS {
                    return anyhow::Ok(times);
                }
                let sent = Instant::now();
                assessed(channel, &names[n % names.len()], everything).await?;
                times.push(sent.elapsed().as_secs_f64() * 1e3);
            }
        }
    });
    Ok(try_join_all(workers).await?.into_iter().flatten().collect())
}
