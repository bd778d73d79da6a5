//! Figures, asked for by name: `cargo nextest run -p minqing-monitoring --run-ignored only`.

use std::{io::Write as _, time::Instant};

use minqing_proto::minqing::{
    bureau::hr::v1::InsurancePayment,
    monitoring::v1::{BackTestPolicyRequest, PackFile, PackFiles, SimulatePoliciesRequest},
    types::v1::BatchMode::{Changes, Snapshot},
};

use crate::{
    batches::monitored,
    records::loss,
    roster::certificate,
    town::{Town, household, minimum_living, row},
    what_if::{patient, policies},
};

const HOUSEHOLDS: u128 = 5_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn a_county_of_5_000_households() {
    let town = Town::start().await;
    let mut out = std::io::stderr();
    let started = Instant::now();
    for first in (1..=HOUSEHOLDS).step_by(500) {
        town.tell((first..first + 500).map(|n| {
            let base = 1_000_000 + n * 10;
            let mut household = household(n, &[base, base + 1, base + 2]);
            if n % 8 == 0 {
                household.classes.push(minimum_living());
            }
            household
        }))
        .await;
    }
    writeln!(out, "roster of {HOUSEHOLDS} households, 15,000 members: {:?}", started.elapsed()).unwrap();

    let mut rows = Vec::new();
    for n in 1..=HOUSEHOLDS {
        for (month, name) in ["2026-07", "2026-08", "2026-09", "2026-10"].iter().enumerate() {
            let paid = InsurancePayment {
                employer_code: "E1".into(),
                kind: "employee".into(),
                base_fen: 400_000,
                paid_month: (*name).into(),
                ..Default::default()
            };
            rows.push(row(5_000_000 + n * 10 + month as u128, 1_000_000 + n * 10, &paid));
        }
    }
    let total = rows.len();
    let mut batch = town.batch("hr.insurance_payment", Snapshot, "2026-10-25");
    for round in ["new rows, feed unknown", "the same rows, nothing changed"] {
        let started = Instant::now();
        let mut parts = 0;
        for chunk in rows.chunks(1_000) {
            parts += 1;
            town.submit(&town.part(&batch, parts, chunk.to_vec())).await.unwrap();
        }
        let submitted = started.elapsed();
        let rate = total as f64 / submitted.as_secs_f64();
        writeln!(out, "{round}: {total} rows in {submitted:?}, {rate:.0} rows/s").unwrap();
        let closing = Instant::now();
        town.close(&batch, parts, i32::try_from(total).unwrap()).await.unwrap();
        writeln!(out, "  closed in {:?}", closing.elapsed()).unwrap();
        batch = town.batch("hr.insurance_payment", Snapshot, "2026-10-26");
    }

    let few: Vec<_> =
        (1..=500_u128).map(|n| row(9_000_000 + n, 1_000_000 + n * 10, &certificate("2026-10-10"))).collect();
    town.deliver_nothing("disabled.disability_subsidy", "2026-10-26").await;
    let started = Instant::now();
    town.deliver("disabled.disability_certificate", Changes, "2026-10-26", few).await;
    writeln!(out, "500 certificates with the county's first evaluation: {:?}", started.elapsed()).unwrap();
    let started = Instant::now();
    town.deliver("rural.monitored_household", Changes, "2026-10-26", vec![row(1, 1_000_010, &monitored("2026-01-01"))])
        .await;
    writeln!(out, "first monitored household with the county's first evaluation: {:?}", started.elapsed()).unwrap();
    town.deliver_nothing("emergency.disaster_loss", "2026-10-26").await;
    town.deliver_nothing("emergency.disaster_relief", "2026-10-26").await;
    for n in 1..=3_u128 {
        let started = Instant::now();
        let batch = town.batch("emergency.disaster_loss", Changes, "2026-10-26");
        let part = town.part(&batch, 1, vec![row(8_000_000 + n, 1_000_000 + n * 10, &loss("2026-10-20"))]);
        assert_eq!(town.submit(&part).await.unwrap().warnings_raised, 1);
        writeln!(out, "one record to its warning: {:?}", started.elapsed()).unwrap();
    }

    for day in 1..=2 {
        town.service.clock.advance_days(1);
        let started = Instant::now();
        let passes = town.screen().await;
        writeln!(out, "screening, day {day}: {:?} in {passes} passes", started.elapsed()).unwrap();
    }
}

/// The pack of Longnan with another standard for minimum living.
fn longnan_with(from: &str, to: &str) -> PackFiles {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policy/longnan"));
    let yaml_in = |folder: &std::path::Path| {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "yaml")).collect::<Vec<_>>()
    };
    let mut paths = yaml_in(folder);
    let below: Vec<_> = paths.extract_if(.., |path| path.is_dir()).flat_map(|path| yaml_in(&path)).collect();
    paths.extend(below);
    let file = |path: &std::path::PathBuf| PackFile {
        path: path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned(),
        text: std::fs::read_to_string(path).unwrap().replace(from, to),
    };
    PackFiles { files: paths.iter().map(file).collect() }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn a_what_if_over_5_000_households() {
    let town = Town::start().await;
    let mut out = std::io::stderr();
    for first in (1..=HOUSEHOLDS).step_by(500) {
        town.tell((first..first + 500).map(|n| {
            let base = 1_000_000 + n * 10;
            let mut household = household(n, &[base, base + 1, base + 2]);
            household.declared_income_fen = i64::try_from(n).unwrap() * 1_000;
            household
        }))
        .await;
    }
    for dataset in ["hr.insurance_payment", "hr.unemployment", "disabled.disability_certificate"] {
        town.deliver_nothing(dataset, "2026-10-25").await;
    }
    // The planner has to know the tables, as it does where they have been for a while.
    let mut admin = town.service.db.admin().await.unwrap();
    sqlx::raw_sql("analyze").execute(&mut admin).await.unwrap();
    let mut client = policies(&town, "operator/city");
    for (what, after) in [("another standard", "value: 60000"), ("the same pack", "value: 58500")] {
        let after = Some(longnan_with("value: 58500", after));
        let started = Instant::now();
        let request = SimulatePoliciesRequest { after, ..Default::default() };
        let mut messages = client.simulate_policies(patient(request)).await.unwrap().into_inner();
        let mut first = None;
        while let Some(message) = messages.message().await.unwrap() {
            first.get_or_insert_with(|| started.elapsed());
            if let Some(simulation) = message.simulation {
                assert_eq!(simulation.households, HOUSEHOLDS as i64);
            }
        }
        let took = started.elapsed();
        writeln!(out, "simulation, {what}: {took:?} over {HOUSEHOLDS} households; packs read in {first:?}").unwrap();
    }
    let started = Instant::now();
    let request = BackTestPolicyRequest { range_from: "2026-07-01".into(), ..Default::default() };
    let mut messages = client.back_test_policy(patient(request)).await.unwrap().into_inner();
    while messages.message().await.unwrap().is_some() {}
    writeln!(out, "back-test of 3 month ends: {:?} over {HOUSEHOLDS} households", started.elapsed()).unwrap();
}
