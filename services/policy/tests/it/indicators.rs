//! The sixteen indicators.

use minqing_policy::Pack;
use uuid::Uuid;

use super::{
    hostile::{copy, replace},
    town::{COUNTY, Town, days_ago, fresh, today},
};

fn on(days: u64) -> String {
    format!("'{}'", days_ago(days))
}

async fn certificate(town: &mut Town, person: Uuid, values: (&str, &str, &str)) {
    let (category, grade, issued) = values;
    let fields = [
        ("certificate_suffix", "'42'"),
        ("category", category),
        ("grade", grade),
        ("issued_on", issued),
        ("valid_to", "'2030-01-01'"),
        ("state", "'valid'"),
    ];
    town.record(("disabled", "disability_certificate"), person, &fields).await;
}

async fn insured(town: &mut Town, person: Uuid, months: &[&str], base: &str) {
    for month in months {
        let month = format!("'{month}'");
        let fields =
            [("employer_code", "'91'"), ("kind", "'employee'"), ("base_fen", base), ("paid_month", month.as_str())];
        town.record(("hr", "insurance_payment"), person, &fields).await;
    }
}

async fn settlement(town: &mut Town, person: Uuid, (kind, day, own): (&str, &str, &str)) {
    let fields = [("visit_no", "'1'"), ("visit_kind", kind), ("settled_on", day), ("own_paid_fen", own)];
    town.record(("medical_insurance", "settlement"), person, &fields).await;
}

async fn monitored(town: &mut Town, person: Uuid, (state, entered): (&str, &str)) {
    let fields = [("kind", "'edge'"), ("entered_on", entered), ("risk_state", state), ("income_fen", "700000")];
    town.record(("rural", "monitored_household"), person, &fields).await;
}

#[tokio::test]
async fn a03_finds_severely_disabled_adults_outside_aid() {
    let mut town = Town::new().await;
    let (home, person) = town.household(500_000).await;
    certificate(&mut town, person, ("'physical'", "2", "'2020-01-01'")).await;
    let outcome = town.screen(home, Some(person), "A03").await;
    assert_eq!(outcome.verdict, Some(true));
    assert_eq!(outcome.conditions["severe_disability"], true);
    assert_eq!(outcome.facts["age"], "46");
    assert_eq!(outcome.parameters["severe_grade"], "2");

    let (home, person) = town.household(500_000).await;
    certificate(&mut town, person, ("'physical'", "3", "'2020-01-01'")).await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(false), "physical grade 3 is not severe");
    let (home, person) = town.household(500_000).await;
    certificate(&mut town, person, ("'mental'", "3", "'2020-01-01'")).await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(true), "mental grade 3 is");
    insured(&mut town, person, &["2026-07"], "300000").await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(false), "insured in the month of 90 days ago");
    town.run("update monitoring.record_hr_insurance_payment set paid_month = '2026-06'").await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(true), "a month earlier no longer counts");
    town.class(home, None, "minimum_living").await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(false), "already aided");
    let (home, person) = town.household(500_000).await;
    certificate(&mut town, person, ("'mental'", "1", "'2020-01-01'")).await;
    town.run(&format!("update monitoring.member set birth_on = '2008-10-27' where person_key = '{person}'")).await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(false), "eighteen only tomorrow");
    town.run(&format!("update monitoring.member set birth_on = '2008-10-26' where person_key = '{person}'")).await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(true), "eighteen today");
    town.stale("hr", "insurance_payment").await;
    let outcome = town.screen(home, Some(person), "A03").await;
    assert_eq!(outcome.verdict, None, "without the insurance feed nobody knows");
    assert_eq!(outcome.conditions["no_job"], serde_json::Value::Null);
    town.run("update monitoring.record_disabled_disability_certificate set ended_on = '2026-10-25'").await;
    assert_eq!(
        town.verdict(home, Some(person), "A03").await,
        Some(false),
        "a certificate that is gone decides in spite of it"
    );
}

#[tokio::test]
async fn a05_finds_job_loss_by_benefit_or_by_the_only_earners_insurance() {
    let mut town = Town::new().await;
    let limit = 2 * 58_500 * 12;
    let (home, person) = town.household(limit).await;
    let fields =
        |from: &'static str| [("registered_on", "'2026-01-01'"), ("benefit_from", from), ("benefit_fen", "100000")];
    town.record(("hr", "unemployment"), person, &fields("'2026-04-29'")).await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(true), "180 days ago, income at the line");
    town.run("update monitoring.record_hr_unemployment set benefit_from = '2026-04-28'").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(false), "181 days ago");
    town.run("update monitoring.record_hr_unemployment set benefit_from = '2026-09-01', row_ended_on = '2026-10-01'")
        .await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(false), "the registration has ended");
    town.run("update monitoring.record_hr_unemployment set row_ended_on = null").await;
    town.run("update monitoring.household set declared_income_fen = declared_income_fen + 1").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(false), "one fen above the line");
    town.run("update monitoring.household set declared_income_fen = null").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, None, "income never told");

    let (home, person) = town.household(100_000).await;
    insured(&mut town, person, &["2026-05", "2026-06"], "300000").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(true), "the only earner's insurance stopped");
    let second = fresh();
    town.member(home, second, "1985-01-01").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(false), "another member of labour age");
    town.run(&format!("update monitoring.member set birth_on = null where person_key = '{second}'")).await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, None, "whether the other is of labour age is unknown");
    town.run(&format!("update monitoring.member set birth_on = '1950-01-01' where person_key = '{second}'")).await;
    insured(&mut town, person, &["2026-10"], "300000").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(false), "insured again");
    town.stale("hr", "unemployment").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, None, "benefit unknown");
    town.class(home, Some(person), "destitute").await;
    assert_eq!(town.verdict(home, Some(person), "A05").await, Some(false), "aided, whatever the feeds say");
}

#[tokio::test]
async fn a08_and_a09_watch_own_medical_payments() {
    let mut town = Town::new().await;
    let (home, person) = town.household(2_000_000).await;
    settlement(&mut town, person, ("'outpatient'", "'2026-03-01'", "645000")).await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(false), "not watched");
    assert_eq!(town.verdict(home, Some(person), "A09").await, Some(false), "below an ordinary household's line");
    monitored(&mut town, person, ("'open'", "'2026-10-01'")).await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(true), "half the rural income, to the fen");
    town.run("update monitoring.record_medical_insurance_settlement set own_paid_fen = 644999").await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(false), "one fen under");
    town.run(
        "update monitoring.record_medical_insurance_settlement set visit_kind = 'inpatient', own_paid_fen = 500000",
    )
    .await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(true), "5,000 yuan in hospital");
    town.run(
        "update monitoring.record_medical_insurance_settlement set settled_on = '2025-12-31', own_paid_fen = 9000000",
    )
    .await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(false), "last year's cost does not count");
    town.run("update monitoring.record_medical_insurance_settlement set settled_on = '2026-10-26'").await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(true), "today's does");
    town.run("update monitoring.record_rural_monitored_household set risk_state = 'removed'").await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(false));
    assert_eq!(town.verdict(home, Some(person), "A09").await, Some(true), "ordinary again, and high");
    town.stale("rural", "monitored_household").await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, None, "watched or not is unknown");
    town.class(home, None, "edge").await;
    assert_eq!(town.verdict(home, Some(person), "A08").await, Some(true), "one true limb of an or decides");
    assert_eq!(town.verdict(home, Some(person), "A09").await, Some(false));

    let (home, person) = town.household(2_000_000).await;
    settlement(&mut town, person, ("'inpatient'", "'2026-03-01'", "999999")).await;
    town.run("update monitoring.feed set fresh_until = '2026-12-31'").await;
    assert_eq!(town.verdict(home, Some(person), "A09").await, Some(false), "one fen under, one stay");
    town.run(
        "update monitoring.record_medical_insurance_settlement set own_paid_fen = 1000000 where own_paid_fen = 999999",
    )
    .await;
    assert_eq!(town.verdict(home, Some(person), "A09").await, Some(true));
    town.run("update monitoring.household set area_kind = 'urban'").await;
    assert_eq!(town.verdict(home, Some(person), "A09").await, Some(false), "urban households have other lines");
    town.stale("medical_insurance", "settlement").await;
    town.run("update monitoring.household set area_kind = 'rural'").await;
    assert_eq!(town.verdict(home, Some(person), "A09").await, None);
}

#[tokio::test]
async fn a12_a13_and_a17_look_at_a_window_or_a_line() {
    let mut town = Town::new().await;
    let (home, person) = town.household(100_000).await;
    town.record(("health", "major_disease"), person, &[("diagnosed_on", &on(31))]).await;
    assert_eq!(town.verdict(home, Some(person), "A12").await, Some(true));
    town.run("update monitoring.record_health_major_disease set diagnosed_on = diagnosed_on - 1").await;
    assert_eq!(town.verdict(home, Some(person), "A12").await, Some(false), "one day too old");
    town.stale("health", "major_disease").await;
    assert_eq!(town.verdict(home, Some(person), "A12").await, None);
    town.class(home, Some(person), "minimum_living").await;
    assert_eq!(town.verdict(home, Some(person), "A12").await, Some(false), "reached by other indicators");

    let income = 3 * 58_500 * 12;
    let (home, person) = town.household(income - 1).await;
    let cost = |year: &'static str, tuition: &'static str| {
        [
            ("school_year", year),
            ("stage", "'vocational'"),
            ("tuition_fen", tuition),
            ("lodging_fen", "200000"),
            ("books_fen", "100000"),
            ("aid_fen", "300000"),
        ]
    };
    town.record(("education", "school_cost"), person, &cost("'2026-2027'", "1000000")).await;
    assert_eq!(town.verdict(home, Some(person), "A13").await, Some(true));
    town.run("update monitoring.record_education_school_cost set aid_fen = aid_fen + 1").await;
    assert_eq!(town.verdict(home, Some(person), "A13").await, Some(false), "one fen under the line");
    town.record(("education", "school_cost"), person, &cost("'2025-2026'", "9000000")).await;
    assert_eq!(town.verdict(home, Some(person), "A13").await, Some(false), "the newest year counts");
    town.run("update monitoring.record_education_school_cost set aid_fen = 0").await;
    assert_eq!(town.verdict(home, Some(person), "A13").await, Some(true));
    town.run(&format!("update monitoring.household set declared_income_fen = {income} where household_id = '{home}'"))
        .await;
    assert_eq!(town.verdict(home, Some(person), "A13").await, Some(false), "income at the line is not below it");
    town.run(&format!("update monitoring.household set declared_income_fen = 0 where household_id = '{home}'")).await;
    town.run("update monitoring.record_education_school_cost set stage = 'higher'").await;
    assert_eq!(town.verdict(home, Some(person), "A13").await, Some(false), "not senior high or vocational");
    town.stale("education", "school_cost").await;
    assert_eq!(town.verdict(home, Some(person), "A13").await, None);

    let (home, person) = town.household(100_000).await;
    certificate(&mut town, person, ("'visual'", "1", &on(30))).await;
    assert_eq!(town.verdict(home, Some(person), "A17").await, Some(true));
    town.run("update monitoring.record_disabled_disability_certificate set issued_on = issued_on - 1").await;
    assert_eq!(town.verdict(home, Some(person), "A17").await, Some(false), "one day too old");
    town.run("update monitoring.record_disabled_disability_certificate set issued_on = issued_on + 1").await;
    let subsidy = [("kind", "'care'"), ("amount_fen", "11000"), ("from_on", "'2026-10-20'")];
    town.record(("disabled", "disability_subsidy"), person, &subsidy).await;
    assert_eq!(town.verdict(home, Some(person), "A17").await, Some(false), "paid already");
    town.run("update monitoring.record_disabled_disability_subsidy set stopped_on = '2026-10-25'").await;
    assert_eq!(town.verdict(home, Some(person), "A17").await, Some(true), "stopped");
    town.class(home, None, "minimum_living").await;
    assert_eq!(town.verdict(home, Some(person), "A17").await, Some(false));
    town.run("delete from monitoring.class_status").await;
    town.stale("disabled", "disability_subsidy").await;
    assert_eq!(town.verdict(home, Some(person), "A17").await, None);
}

#[tokio::test]
async fn a15_a20_and_a25_are_about_the_household() {
    let mut town = Town::new().await;
    let (home, person) = town.household(100_000).await;
    let loss = |damage: &'static str, crop: &'static str, ended: &str| {
        let ended = ended.to_owned();
        (damage, crop, ended)
    };
    let (damage, crop, ended) = loss("'none'", "50", &on(30));
    let fields = [
        ("event_code", "'E1'"),
        ("ended_on", ended.as_str()),
        ("house_damage", damage),
        ("crop_loss_percent", crop),
        ("livestock_loss_percent", "0"),
    ];
    town.record(("emergency", "disaster_loss"), person, &fields).await;
    assert_eq!(town.verdict(home, None, "A15").await, Some(true), "half the crop, 30 days ago");
    town.run("update monitoring.record_emergency_disaster_loss set crop_loss_percent = 49").await;
    assert_eq!(town.verdict(home, None, "A15").await, Some(false));
    town.run("update monitoring.record_emergency_disaster_loss set house_damage = 'collapsed'").await;
    assert_eq!(town.verdict(home, None, "A15").await, Some(true));
    town.run("update monitoring.record_emergency_disaster_loss set row_ended_on = row_ended_on - 1").await;
    assert_eq!(town.verdict(home, None, "A15").await, Some(false), "one day too old");
    town.run("update monitoring.record_emergency_disaster_loss set row_ended_on = row_ended_on + 1").await;
    let relief = [("event_code", "'E1'"), ("kind", "'emergency'"), ("amount_fen", "50000"), ("given_on", &on(31))];
    town.record(("emergency", "disaster_relief"), person, &relief).await;
    assert_eq!(town.verdict(home, None, "A15").await, Some(true), "relief before the event ended is another's");
    town.run("update monitoring.record_emergency_disaster_relief set given_on = given_on + 1").await;
    assert_eq!(town.verdict(home, None, "A15").await, Some(false), "already relieved");
    town.stale("emergency", "disaster_relief").await;
    assert_eq!(town.verdict(home, None, "A15").await, None);

    let (home, person) = town.household(100_000).await;
    let house = [("house_code", "'H1'"), ("grade", "'C'"), ("only_house", "true"), ("surveyed_on", "'2026-01-01'")];
    town.record(("housing", "rural_house_safety"), person, &house).await;
    assert_eq!(town.verdict(home, None, "A20").await, Some(false), "not in the six groups");
    town.class(home, None, "rigid_expenditure").await;
    assert_eq!(town.verdict(home, None, "A20").await, Some(true));
    town.run("update monitoring.record_housing_rural_house_safety set grade = 'B'").await;
    assert_eq!(town.verdict(home, None, "A20").await, Some(false));
    town.run("update monitoring.record_housing_rural_house_safety set grade = 'D', only_house = false").await;
    assert_eq!(town.verdict(home, None, "A20").await, Some(false), "there is another house");
    town.run("update monitoring.record_housing_rural_house_safety set only_house = true").await;
    let plan = [("plan_year", "'2026'"), ("kind", "'repair'"), ("planned_on", "'2026-02-01'"), ("grant_fen", "0")];
    town.record(("housing", "house_renovation"), person, &plan).await;
    assert_eq!(town.verdict(home, None, "A20").await, Some(false), "in the plan");
    town.run("delete from monitoring.record_housing_house_renovation").await;
    town.stale("housing", "house_renovation").await;
    assert_eq!(town.verdict(home, None, "A20").await, None);

    let (home, person) = town.household(100_000).await;
    monitored(&mut town, person, ("'returned'", &on(90))).await;
    assert_eq!(town.verdict(home, None, "A25").await, Some(true));
    town.run("update monitoring.record_rural_monitored_household set entered_on = entered_on + 1").await;
    assert_eq!(town.verdict(home, None, "A25").await, Some(false), "89 days");
    town.run("update monitoring.record_rural_monitored_household set entered_on = '2026-01-01'").await;
    town.class(home, Some(person), "destitute").await;
    assert_eq!(town.verdict(home, None, "A25").await, Some(false), "a decision is on file");
    town.run("delete from monitoring.class_status").await;
    town.stale("rural", "monitored_household").await;
    assert_eq!(town.verdict(home, None, "A25").await, None);
}

#[tokio::test]
async fn a29_finds_unaided_cancer_patients_in_or_near_the_low_income_set() {
    let mut town = Town::new().await;
    let line = 58_500 * 12 * 3 / 2;
    let (home, person) = town.household(line - 1).await;
    town.record(("women", "two_cancer_patient"), person, &[("diagnosed_on", "'2026-01-01'"), ("aided_fen", "0")]).await;
    assert_eq!(town.verdict(home, Some(person), "A29").await, Some(true));
    town.run("update monitoring.household set declared_income_fen = declared_income_fen + 1").await;
    assert_eq!(town.verdict(home, Some(person), "A29").await, Some(false), "at the edge line, not below");
    town.class(home, None, "return_to_poverty").await;
    assert_eq!(town.verdict(home, Some(person), "A29").await, Some(true), "in the set");
    town.run("update monitoring.record_women_two_cancer_patient set aided_fen = 1").await;
    assert_eq!(town.verdict(home, Some(person), "A29").await, Some(false), "aided");
    town.stale("women", "two_cancer_patient").await;
    assert_eq!(town.verdict(home, Some(person), "A29").await, None);
}

#[tokio::test]
async fn c01_c09_and_c11_ask_whether_a_class_is_still_deserved() {
    let mut town = Town::new().await;
    let (home, person) = town.household(100_000).await;
    town.record(("health", "death_certificate"), person, &[("certificate_no", "'1'"), ("died_on", &on(0))]).await;
    assert_eq!(town.verdict(home, Some(person), "C01").await, Some(false), "nothing is paid");
    town.class(home, None, "minimum_living").await;
    assert_eq!(town.verdict(home, Some(person), "C01").await, Some(true));
    town.run("update monitoring.class_status set amount_fen = 0").await;
    assert_eq!(town.verdict(home, Some(person), "C01").await, Some(false));
    town.class(home, Some(person), "destitute").await;
    assert_eq!(town.verdict(home, Some(person), "C01").await, Some(true), "paid in person");
    town.run("update monitoring.record_health_death_certificate set died_on = died_on + 1").await;
    assert_eq!(town.verdict(home, Some(person), "C01").await, Some(false), "not before the day");
    town.stale("health", "death_certificate").await;
    assert_eq!(town.verdict(home, Some(person), "C01").await, None);

    let (home, person) = town.household(100_000).await;
    town.class(home, None, "minimum_living").await;
    insured(&mut town, person, &["2026-07", "2026-08"], "208000").await;
    assert_eq!(town.verdict(home, Some(person), "C09").await, Some(true));
    town.run("update monitoring.record_hr_insurance_payment set base_fen = 207999 where paid_month = '2026-08'").await;
    assert_eq!(town.verdict(home, Some(person), "C09").await, Some(false), "one month a fen under the minimum wage");
    insured(&mut town, person, &["2026-07", "2026-06"], "208000").await;
    assert_eq!(town.verdict(home, Some(person), "C09").await, Some(false), "a month twice is one, and June is too old");
    insured(&mut town, person, &["2026-09"], "208000").await;
    town.run("update monitoring.class_status set assistance_class = 'edge'").await;
    assert_eq!(town.verdict(home, Some(person), "C09").await, Some(false));
    town.run("update monitoring.class_status set assistance_class = 'minimum_living'").await;
    assert_eq!(town.verdict(home, Some(person), "C09").await, Some(true));
    town.stale("hr", "insurance_payment").await;
    assert_eq!(town.verdict(home, Some(person), "C09").await, None);

    let (home, _) = town.household(100_000).await;
    town.class(home, None, "minimum_living").await;
    assert_eq!(town.verdict(home, None, "C11").await, Some(false));
    town.run(&format!("insert into monitoring.vehicle values ('{home}', 'tricycle', 'private', '2026-10-01')")).await;
    assert_eq!(town.verdict(home, None, "C11").await, Some(false));
    town.run("update monitoring.vehicle set kind = 'car'").await;
    assert_eq!(town.verdict(home, None, "C11").await, Some(true));
    town.run("update monitoring.class_status set assistance_class = 'edge'").await;
    assert_eq!(town.verdict(home, None, "C11").await, Some(false));
}

#[tokio::test]
async fn p02_and_p11_watch_the_officials() {
    let mut town = Town::new().await;
    let (home, _) = town.household(100_000).await;
    assert_eq!(town.verdict(home, None, "P02").await, Some(false));
    town.run(&format!(
        "insert into monitoring.referral (household_id, bureau, programme, issued_on, due_on) values ('{home}', 'hr', 'P-RS-01', \
         '2026-09-01', '{}')",
        today()
    ))
    .await;
    assert_eq!(town.verdict(home, None, "P02").await, Some(false), "due today");
    town.run("update monitoring.referral set due_on = due_on - 1").await;
    assert_eq!(town.verdict(home, None, "P02").await, Some(true));
    town.run("update monitoring.referral set settled_on = '2026-10-26'").await;
    assert_eq!(town.verdict(home, None, "P02").await, Some(false));

    town.run("update monitoring.feed set due_on = '2026-10-25' where dataset = 'unemployment'").await;
    town.run("update monitoring.feed set due_on = null where dataset = 'disaster_loss'").await;
    let sql = town.pack.feed_screening_sql().to_owned();
    let rows: Vec<(String, String, String, String, Option<bool>)> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "select bureau, dataset, county_code, indicator, verdict from ({sql}) f where indicator = 'P11' \
         and verdict is not false order by dataset"
    )))
    .bind(today())
    .bind(None::<String>)
    .bind(None::<String>)
    .bind(None::<String>)
    .fetch_all(&mut town.conn)
    .await
    .unwrap();
    let owned = |b: &str, d: &str, v| (b.to_owned(), d.to_owned(), COUNTY.to_owned(), "P11".to_owned(), v);
    assert_eq!(rows, [owned("emergency", "disaster_loss", None), owned("hr", "unemployment", Some(true))]);
}

#[tokio::test]
async fn p12_goes_by_the_last_month_that_was_reconciled() {
    let mut town = Town::new().await;
    let (home, _) = town.household(100_000).await;
    assert_eq!(town.pack.resting()["mesh.reconciliation"], ["P12".to_owned()].into());
    let row = format!("insert into monitoring.reconciliation_state (household_id) values ('{home}')");
    town.run(&row).await;
    assert_eq!(town.verdict(home, None, "P12").await, None, "no month was compared");
    town.run("update monitoring.reconciliation_state set month_ended_on = '2026-09-30'").await;
    assert_eq!(town.verdict(home, None, "P12").await, None, "nobody knew the household then");
    for (difference, verdict) in [(0, Some(false)), (1, Some(true)), (2, Some(true))] {
        town.run(&format!("update monitoring.reconciliation_state set difference = {difference}")).await;
        assert_eq!(town.verdict(home, None, "P12").await, verdict);
    }
    town.run("update monitoring.reconciliation_state set month_ended_on = '2026-10-31'").await;
    assert_eq!(town.verdict(home, None, "P12").await, None, "of a day before, nothing is known");
}

/// A20's verdict with this last condition, in a listed household whose dangerous house may be in the plan.
async fn planned(town: &mut Town, home: Uuid, condition: &str) -> (Option<bool>, serde_json::Value) {
    let dir = copy();
    replace(dir.path(), "indicators/a.yaml", ("expr: not in_renovation_plan", condition));
    town.pack = Pack::load(dir.path()).unwrap_or_else(|errors| panic!("{errors}"));
    let outcome = town.screen(home, None, "A20").await;
    (outcome.verdict, outcome.conditions["not_planned"].clone())
}

#[tokio::test]
async fn unknown_is_never_turned_into_no() {
    use serde_json::Value::{Bool, Null};
    let mut town = Town::new().await;
    let (home, person) = town.household(100_000).await;
    town.class(home, None, "edge").await;
    let house = [("house_code", "'H1'"), ("grade", "'D'"), ("only_house", "true"), ("surveyed_on", "'2026-01-01'")];
    town.record(("housing", "rural_house_safety"), person, &house).await;
    let case = "expr: case when in_renovation_plan then false else true end";
    assert_eq!(planned(&mut town, home, case).await, (Some(true), Bool(true)));
    town.stale("housing", "house_renovation").await;
    assert_eq!(planned(&mut town, home, case).await, (None, Null), "case does not fall through to else");
    town.stale("medical_insurance", "settlement").await;
    for extreme in
        ["expr: 'greatest(0, household_own_payment_year) >= 0'", "expr: 'least(0, household_own_payment_year) <= 0'"]
    {
        assert_eq!(planned(&mut town, home, extreme).await, (None, Null), "an extreme of an unknown is unknown");
    }
    let assumed = "expr: not in_renovation_plan\n    unless_unknown: true";
    assert_eq!(planned(&mut town, home, assumed).await, (Some(true), Null), "assumed, and shown as unknown");
    let admitted = "expr: in_renovation_plan is null";
    assert_eq!(planned(&mut town, home, admitted).await, (Some(true), Bool(true)));
}

#[tokio::test]
async fn a_county_without_a_feed_row_and_a_past_date_without_parameters_are_unknown() {
    let mut town = Town::new().await;
    let (home, person) = town.household(100_000).await;
    certificate(&mut town, person, ("'physical'", "1", "'2020-01-01'")).await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, Some(true));
    town.run("update monitoring.household set county_code = '621221000000'").await;
    assert_eq!(town.verdict(home, Some(person), "A03").await, None, "nothing ever came for the county");
    town.run("update monitoring.household set county_code = '110101000000'").await;
    let outcome = town.screen(home, None, "C11").await;
    assert_eq!(outcome.verdict, Some(false), "the register needs no feed and no parameter");
    assert_eq!(
        town.screen(home, Some(person), "A13").await.parameters["minimum_living_standard"],
        serde_json::Value::Null
    );
}
