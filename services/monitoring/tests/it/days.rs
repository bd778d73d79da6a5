//! Evaluating only what a day or a batch can have changed comes to what evaluating everybody by everything comes to: after
//! every day, and after every batch and event on it, the open warnings are those that the pack's statements over the whole
//! register raise and clear, with the days on which they do.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDate};
use minqing_policy::{Kind, Pack, SESSION_SETTINGS, catalogue};
use minqing_proto::minqing::{
    feedback::v1::Feedback,
    monitoring::v1::Record,
    registry::v1::{HouseholdChanged, RosterClass, RosterVehicle},
    types::v1::{AreaKind, AssistanceClass, BatchMode, FeedbackDecision},
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind as ProtoKind, Value};
use rand::{Rng as _, SeedableRng, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::{
    deeds::{issued, record, recorded, signed, tell, visit, visited},
    town::{COUNTY, Town, VILLAGE, household, member},
};

const HOUSEHOLDS: u128 = 40;

/// Days on which the town lives: ordinary ones, some missed, the turns of month, quarter, year and school year. More than a
/// week lies before some: they evaluate everybody.
const DAYS: [&str; 10] = [
    "2026-10-26",
    "2026-10-27",
    "2026-10-31",
    "2026-11-01",
    "2026-11-02",
    "2026-12-31",
    "2027-01-01",
    "2027-02-28",
    "2027-03-01",
    "2027-09-01",
];

/// Household, person, indicator.
type Subject = (Uuid, Option<Uuid>, String);

fn pack() -> Pack {
    Pack::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policy/longnan")).unwrap()
}

struct Play {
    town: Town,
    pack: Pack,
    rng: ChaCha8Rng,
    /// Days by which rules count.
    spans: Vec<u64>,
    /// By source: texts its rules speak of.
    codes: BTreeMap<String, Vec<String>>,
    rows: u128,
    deeds: u128,
    /// Open warnings, with the day on which each was raised, as evaluating everything comes to.
    expected: BTreeMap<Subject, NaiveDate>,
    raised: usize,
    cleared: usize,
}

impl Play {
    async fn start(seed: u64) -> Play {
        let pack = pack();
        let days = pack.parameters().iter().filter(|parameter| parameter.unit == "days");
        let values =
            days.flat_map(|parameter| parameter.values.iter().filter_map(|entry| entry.value.parse::<u64>().ok()));
        let spans = values.filter(|days| *days < 800).chain([0, 30, 365, 366]).collect();
        let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for fact in pack.facts() {
            let texts = [fact.expr.as_deref(), fact.filter.as_deref()].into_iter().flatten();
            let quoted = texts.flat_map(|text| text.split('\'').skip(1).step_by(2)).map(str::to_owned);
            codes.entry(fact.source.clone().unwrap_or_default()).or_default().extend(quoted);
        }
        let town = Town::start().await;
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (rows, deeds, expected) = (0, 0, BTreeMap::new());
        Play { town, pack, rng, spans, codes, rows, deeds, expected, raised: 0, cleared: 0 }
    }

    /// A day near one on which a rule that counts days turns, now or soon.
    fn date(&mut self) -> NaiveDate {
        let soon = self.town.today() + Days::new(self.rng.random_range(0..8));
        let span = *self.spans.choose(&mut self.rng).unwrap();
        let past = soon - Days::new(span);
        if self.rng.random_bool(0.1) { soon + Days::new(span.min(90)) } else { past }
    }

    fn go_to(&self, day: NaiveDate) {
        self.town.service.clock.set(format!("{day}T09:00:00+08:00").parse().unwrap());
    }

    fn household(&mut self, n: u128) -> HouseholdChanged {
        let persons: Vec<u128> = (0..self.rng.random_range(1..=4)).map(|place| n * 10 + place).collect();
        let mut home = household(n, &[]);
        for person in persons {
            let birth = self.date();
            let years = *[0, 3, 6, 16, 18, 20, 59, 60, 70, 80].choose(&mut self.rng).unwrap();
            let birth = birth.with_year(birth.year() - years).unwrap_or(birth);
            let mut one = member(person, &birth.to_string());
            one.sex = self.rng.random_range(1..=2);
            one.joined_on = self.date().to_string();
            home.members.push(one);
        }
        home.area_kind = if self.rng.random_bool(0.3) { AreaKind::Urban.into() } else { AreaKind::Rural.into() };
        home.declared_income_fen = self.rng.random_range(0..3_000_000);
        home.financial_assets_fen = self.rng.random_range(0..20_000_000);
        for class in [
            AssistanceClass::MinimumLiving,
            AssistanceClass::Destitute,
            AssistanceClass::Edge,
            AssistanceClass::RigidExpenditure,
            AssistanceClass::ReturnToPoverty,
            AssistanceClass::OtherHardship,
        ] {
            if self.rng.random_bool(0.2) {
                let valid_from = self.date().to_string();
                let amount_fen = self.rng.random_range(0..60_000);
                let person_key = String::new();
                home.classes.push(RosterClass { assistance_class: class.into(), person_key, valid_from, amount_fen });
            }
        }
        if self.rng.random_bool(0.2) {
            let registered_on = self.date().to_string();
            home.vehicles.push(RosterVehicle { kind: "car".into(), vehicle_use: "private".into(), registered_on });
        }
        home
    }

    fn text(&mut self, source: &str, field: &FieldDescriptor) -> String {
        let day = self.date();
        if field.name().contains("month") {
            return format!("{:04}-{:02}", day.year(), day.month());
        }
        if field.name().contains("year") {
            let year = if day.month() >= 9 { day.year() } else { day.year() - 1 };
            return if field.name().contains("school") {
                format!("{year}-{}", year + 1)
            } else {
                day.year().to_string()
            };
        }
        let known = self.codes.get(source).and_then(|codes| codes.choose(&mut self.rng)).cloned();
        known.filter(|_| self.rng.random_bool(0.9)).unwrap_or_else(|| "other".to_owned())
    }

    /// A row of a dataset, its values near what rules ask for.
    fn row(&mut self, set: &catalogue::RecordSet) -> Record {
        let message = minqing_proto::contract::dataset_message(&set.bureau, &set.dataset).unwrap();
        let mut body = DynamicMessage::new(message.clone());
        for column in &set.columns {
            if self.rng.random_bool(0.08) {
                continue;
            }
            let field = message.get_field_by_name(&column.field).unwrap();
            let number: i64 = match column.kind {
                Kind::Money => self.rng.random_range(0..2_500_000),
                _ if column.field.ends_with("month") => {
                    let day = self.date();
                    i64::from(day.year()) * 100 + i64::from(day.month())
                }
                _ => self.rng.random_range(0..8),
            };
            let value = match (column.kind, field.kind()) {
                (Kind::Date, _) => Value::String(self.date().to_string()),
                (Kind::Text, _) => Value::String(self.text(&set.name(), &field)),
                (Kind::Boolean, _) => Value::Bool(self.rng.random_bool(0.5)),
                (_, ProtoKind::Int32) => Value::I32(i32::try_from(number).unwrap()),
                _ => Value::I64(number),
            };
            body.set_field(&field, value);
        }
        self.rows += 1;
        // Some rows are told again with other contents.
        let key = if self.rng.random_bool(0.2) { self.rng.random_range(1..=self.rows) } else { self.rows };
        let person = self.rng.random_range(1..=HOUSEHOLDS) * 10 + self.rng.random_range(0..2);
        Record {
            record_key: Uuid::from_u128((1 << 100) + key).to_string(),
            person_key: if set.division.is_some() { String::new() } else { Uuid::from_u128(person).to_string() },
            division_code: if set.division.is_some() { COUNTY.into() } else { VILLAGE.into() },
            body: body.encode_to_vec(),
        }
    }

    /// A batch, a family's news or something the mesh did.
    async fn happens(&mut self) {
        match self.rng.random_range(0..10) {
            0 => {
                let n = self.rng.random_range(1..=HOUSEHOLDS);
                let changed = self.household(n);
                self.town.tell([changed]).await;
            }
            1 | 2 => self.deed().await,
            _ => {
                let set = catalogue::record_sets().choose(&mut self.rng).unwrap();
                let many = self.rng.random_range(0..25);
                let mut rows: Vec<Record> = (0..many).map(|_| self.row(set)).collect();
                rows.sort_by(|a, b| a.record_key.cmp(&b.record_key));
                rows.dedup_by(|a, b| a.record_key == b.record_key);
                let mode = if self.rng.random_bool(0.15) { BatchMode::Snapshot } else { BatchMode::Changes };
                let today = self.town.today().to_string();
                if rows.is_empty() {
                    self.town.deliver_nothing(&set.name(), &today).await;
                } else {
                    self.town.deliver(&set.name(), mode, &today, rows).await;
                }
            }
        }
    }

    async fn deed(&mut self) {
        self.deeds += 1;
        let (n, home) = (self.deeds, self.rng.random_range(1..=HOUSEHOLDS));
        let on = self.date().min(self.town.today()).to_string();
        match self.rng.random_range(0..4) {
            0 => visited(&self.town, &visit(n, home, &on, Some(5))),
            1 => {
                let event = issued(n, home, &on);
                tell(&self.town, "dispatch", &event.referral, &event);
            }
            2 => {
                let event = signed(self.rng.random_range(1..=n));
                tell(&self.town, "feedback", &event.referral, &event);
            }
            _ => {
                let granted = record(n, home, FeedbackDecision::Granted);
                recorded(&self.town, &Feedback { handled_on: on.clone(), paid_on: on, ..granted });
            }
        }
        self.town.service.running.consume_once().await.unwrap();
    }

    /// Evaluates everybody by everything and compares with the warnings there are. Where more than one thing happened since,
    /// what is unknown now depends on what it was between: then only what is known is compared.
    async fn agrees(&mut self, when: &str, only_known: bool) {
        let today = self.town.today();
        let mut conn = self.town.service.db.admin().await.unwrap();
        let ids: Vec<Uuid> = (1..=HOUSEHOLDS).map(Uuid::from_u128).collect();
        let true_now = subjects(&mut conn, self.pack.hits_sql(), (&ids, today)).await;
        let false_now = subjects(&mut conn, self.pack.refuted_sql(), (&ids, today)).await;
        let open: BTreeMap<Subject, NaiveDate> = open(&mut conn).await;
        if only_known {
            let missing: Vec<_> = true_now.iter().filter(|subject| !open.contains_key(*subject)).collect();
            let surplus: Vec<_> = false_now.iter().filter(|subject| open.contains_key(*subject)).collect();
            assert!(
                missing.is_empty() && surplus.is_empty(),
                "{when} {today}: missing {missing:#?}, surplus {surplus:#?}"
            );
            self.expected = open;
            return;
        }
        for subject in true_now {
            self.raised += usize::from(!self.expected.contains_key(&subject));
            self.expected.entry(subject).or_insert(today);
        }
        for subject in false_now {
            self.cleared += usize::from(self.expected.remove(&subject).is_some());
        }
        // Who has left the household is warned of no longer.
        let members: Vec<(Uuid, Uuid)> = sqlx::query_as("select household_id, person_key from monitoring.member")
            .fetch_all(&mut conn)
            .await
            .unwrap();
        self.expected.retain(|(home, person, _), _| person.is_none_or(|person| members.contains(&(*home, person))));
        let differs = |a: &BTreeMap<Subject, NaiveDate>, b: &BTreeMap<Subject, NaiveDate>| {
            a.iter()
                .filter(|(subject, on)| b.get(subject) != Some(on))
                .map(|one| format!("{one:?}"))
                .collect::<Vec<_>>()
        };
        let (missing, surplus) = (differs(&self.expected, &open), differs(&open, &self.expected));
        assert!(missing.is_empty() && surplus.is_empty(), "{when} {today}: missing {missing:#?}, surplus {surplus:#?}");
    }
}

/// Open warnings on households and members.
async fn open(conn: &mut PgConnection) -> BTreeMap<Subject, NaiveDate> {
    let open: Vec<(Uuid, Option<Uuid>, String, NaiveDate)> = sqlx::query_as(
        "select household_id, person_key, indicator, raised_on from monitoring.warning \
         where household_id is not null and cleared_on is null",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    open.into_iter().map(|(home, person, indicator, on)| ((home, person, indicator), on)).collect()
}

async fn subjects(conn: &mut PgConnection, sql: &str, (ids, today): (&[Uuid], NaiveDate)) -> Vec<Subject> {
    let mut tx = conn.begin().await.unwrap();
    sqlx::raw_sql(SESSION_SETTINGS).execute(&mut *tx).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(ids).bind(today).fetch_all(&mut *tx).await.unwrap();
    tx.rollback().await.unwrap();
    rows.iter().map(|row| (row.get("household_id"), row.get("person_key"), row.get("indicator"))).collect()
}

async fn live(seed: u64) {
    let mut play = Play::start(seed).await;
    for n in 1..=HOUSEHOLDS {
        let home = play.household(n);
        play.town.tell([home]).await;
    }
    for set in catalogue::record_sets() {
        play.town.deliver_nothing(&set.name(), &play.town.today().to_string()).await;
    }
    for day in DAYS.map(|day| day.parse::<NaiveDate>().unwrap()) {
        let eve = day - Days::new(1);
        let missed = eve > play.town.today() && play.rng.random_bool(0.5);
        if missed {
            // What comes in on a day whose pass is missed is evaluated as of that day.
            play.go_to(eve);
            play.happens().await;
        }
        play.go_to(day);
        let before = play.rng.random_range(0..3);
        for _ in 0..before {
            play.happens().await;
        }
        play.town.screen().await;
        play.agrees("after the pass of", missed || before > 1).await;
        for n in 0..play.rng.random_range(0..4) {
            play.happens().await;
            play.agrees(&format!("after {n} of what happened later on"), false).await;
        }
    }
    let open = play.expected.len();
    assert!(play.raised > 100 && play.cleared > 0, "{} raised, {} cleared, {open} open", play.raised, play.cleared);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_day_and_batch_can_change_comes_to_what_everything_comes_to() {
    live(0).await;
}
