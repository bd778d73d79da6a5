use std::collections::BTreeSet;

use minqing_proto::minqing::{
    bureau::{
        emergency::v1::{DisasterLoss, DisasterRelief},
        health::v1::{DeathCertificate, MajorDisease},
        hr::v1::{InsurancePayment, Unemployment},
    },
    monitoring::v1::Record,
    registry::v1::HouseholdChanged,
    types::v1::BatchMode::{self, Changes, Snapshot},
};
use rand::{SeedableRng, seq::SliceRandom};

use crate::{
    batches::monitored,
    records::loss,
    roster::certificate,
    town::{Town, car, household, minimum_living, row},
};

/// Something that reaches monitoring on the one business date.
#[derive(Clone)]
enum Step {
    Tell(HouseholdChanged),
    Deliver(&'static str, BatchMode, Vec<Record>),
}

fn steps() -> Vec<Step> {
    let mut aided = household(3, &[30, 31]);
    aided.classes.push(minimum_living());
    aided.vehicles.push(car());
    let paid = |month: &str| InsurancePayment {
        kind: "employee".into(),
        base_fen: 400_000,
        paid_month: month.into(),
        ..Default::default()
    };
    let jobless = Unemployment { benefit_from: "2026-10-01".into(), benefit_fen: 150_000, ..Default::default() };
    let relief = DisasterRelief { kind: "cash".into(), given_on: "2026-10-24".into(), ..Default::default() };
    let dead = DeathCertificate { certificate_no: "D1".into(), died_on: "2026-10-20".into(), ..Default::default() };
    let ill = MajorDisease { disease_code: "C50".into(), diagnosed_on: "2026-10-15".into(), ..Default::default() };
    let light = DisasterLoss { house_damage: "slight".into(), crop_loss_percent: 5, ..loss("2026-10-20") };
    vec![
        Step::Tell(household(1, &[10, 11])),
        Step::Tell(household(2, &[20])),
        Step::Tell(aided),
        Step::Tell(household(4, &[40, 41, 42])),
        Step::Deliver("emergency.disaster_loss", Changes, vec![row(1, 10, &loss("2026-10-20")), row(2, 20, &light)]),
        Step::Deliver("emergency.disaster_loss", Changes, vec![row(3, 40, &loss("2026-10-21"))]),
        Step::Deliver("emergency.disaster_relief", Changes, vec![row(4, 41, &relief)]),
        Step::Deliver("rural.monitored_household", Snapshot, vec![row(5, 20, &monitored("2026-01-01"))]),
        Step::Deliver("disabled.disability_certificate", Snapshot, vec![row(6, 11, &certificate("2026-10-10"))]),
        Step::Deliver("disabled.disability_subsidy", Changes, vec![]),
        Step::Deliver(
            "hr.insurance_payment",
            Changes,
            vec![row(7, 30, &paid("2026-09")), row(8, 30, &paid("2026-10"))],
        ),
        Step::Deliver("hr.unemployment", Changes, vec![row(9, 42, &jobless)]),
        Step::Deliver("health.death_certificate", Changes, vec![row(10, 31, &dead)]),
        Step::Deliver("health.major_disease", Changes, vec![row(11, 10, &ill)]),
    ]
}

async fn open_after(steps: Vec<Step>) -> (Town, BTreeSet<String>) {
    let town = Town::start().await;
    for step in steps {
        match step {
            Step::Tell(household) => town.tell([household]).await,
            Step::Deliver(dataset, mode, records) => {
                town.deliver(dataset, mode, "2026-10-26", records).await;
            }
        }
    }
    let open = town.open().await;
    (town, open)
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_in_any_order_come_to_what_one_full_screening_finds() {
    let (town, expected) = open_after(steps()).await;
    for indicator in ["A03", "A05", "A12", "A15", "A17", "A25", "C01", "C09", "C11"] {
        assert!(expected.iter().any(|word| word.starts_with(indicator)), "{indicator} is missing in {expected:?}");
    }
    town.screen().await;
    assert_eq!(town.open().await, expected);
    for seed in 0..6 {
        let mut shuffled = steps();
        shuffled.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        let (town, open) = open_after(shuffled).await;
        assert_eq!(open, expected, "seed {seed}");
        town.screen().await;
        assert_eq!(town.open().await, expected, "seed {seed}, screened");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bureaus_that_speak_at_once_come_to_the_same() {
    let (_, expected) = open_after(steps()).await;
    let town = Town::start().await;
    for step in steps() {
        if let Step::Deliver(dataset, ..) = step {
            town.deliver_nothing(dataset, "2026-10-25").await;
        }
    }
    let (told, delivered): (Vec<_>, Vec<_>) = steps().into_iter().partition(|step| matches!(step, Step::Tell(_)));
    let deliveries = delivered.into_iter().filter_map(|step| match step {
        Step::Deliver(dataset, mode, records) => Some(town.deliver(dataset, mode, "2026-10-26", records)),
        Step::Tell(_) => None,
    });
    let households = told.into_iter().filter_map(|step| match step {
        Step::Tell(household) => Some(household),
        Step::Deliver(..) => None,
    });
    futures::join!(futures::future::join_all(deliveries), town.tell(households));
    assert_eq!(town.open().await, expected);
}
