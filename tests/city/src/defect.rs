//! Dirty rows: in about one row in a hundred something is wrong the way it is wrong in real feeds. Each carries its
//! defect on record, and the mesh must refuse it for exactly that reason.

use std::collections::HashSet;

use chrono::NaiveDate;
use minqing_proto::minqing::{registry::v1::HouseholdRow, types::v1::RowReason};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    calendar,
    city::City,
    dataset::{Dataset, Row, Transport, iso},
    division::County,
    outline::{Change, Head, Outline, Slip},
    person::{check_digit, with_bad_birth_date, with_bad_check_digit},
    plan::{Cell, Line, Mode, Origin, identify},
};

/// Batches smaller than this stay clean: a snapshot with too many refused rows would end nothing.
const SMALL: usize = 12;

/// A kind of defect that a dataset can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    CheckDigit,
    Malformed,
    UnknownDivision,
    OtherName,
    NameVariant,
    FutureDate,
    NoSuchDate,
    UnknownCode,
    NameMissing,
    TooLarge,
    Duplicate,
    NoNumber,
    NumericId,
}

const KINDS: [Kind; 13] = [
    Kind::CheckDigit,
    Kind::UnknownDivision,
    Kind::OtherName,
    Kind::NameVariant,
    Kind::FutureDate,
    Kind::Duplicate,
    Kind::Malformed,
    Kind::NoSuchDate,
    Kind::UnknownCode,
    Kind::NameMissing,
    Kind::TooLarge,
    Kind::NoNumber,
    Kind::NumericId,
];

impl Kind {
    pub(crate) fn reason(self) -> RowReason {
        match self {
            Kind::CheckDigit => RowReason::IdNumberCheckDigit,
            Kind::Malformed => RowReason::IdNumberMalformed,
            Kind::UnknownDivision => RowReason::DivisionUnknown,
            Kind::OtherName => RowReason::IdNameConflict,
            Kind::NameVariant => RowReason::NameVariant,
            Kind::FutureDate => RowReason::DateInFuture,
            Kind::NoSuchDate => RowReason::DateMalformed,
            Kind::UnknownCode => RowReason::CodeUnknown,
            Kind::NameMissing => RowReason::RequiredValueMissing,
            Kind::TooLarge => RowReason::OutOfRange,
            Kind::Duplicate => RowReason::DuplicateRow,
            Kind::NoNumber => RowReason::NumberMalformed,
            Kind::NumericId => RowReason::NumericIdCell,
        }
    }

    /// Whether the dataset's form can have this defect.
    fn fits(self, dataset: Dataset) -> bool {
        let transport = dataset.bureau().transport();
        match self {
            // What can be wrong with any row is who it is about.
            Kind::FutureDate | Kind::NoSuchDate | Kind::UnknownCode if !dataset.is_rich() => false,
            // The month of a payment is no day and may lie ahead.
            Kind::FutureDate => {
                ![Dataset::SchoolCost, Dataset::Enrolment, Dataset::InsurancePayment].contains(&dataset)
            }
            Kind::NoSuchDate => dataset != Dataset::SchoolCost && dataset != Dataset::Enrolment,
            Kind::TooLarge | Kind::NoNumber => {
                amount_field(dataset).is_some() && (self == Kind::TooLarge || transport != Transport::Grpc)
            }
            Kind::NumericId => transport == Transport::Xlsx,
            Kind::UnknownCode => dataset != Dataset::Unemployment,
            _ => true,
        }
    }
}

/// A whole-number column of the dataset with an upper bound.
fn amount_field(dataset: Dataset) -> Option<&'static str> {
    Some(match dataset {
        Dataset::SchoolCost => "tuition_fen",
        Dataset::InsurancePayment => "base_fen",
        Dataset::Unemployment => "benefit_fen",
        Dataset::HouseRenovation => "grant_fen",
        Dataset::Settlement => "total_fen",
        Dataset::DisasterLoss => "crop_loss_percent",
        Dataset::DisasterRelief => "amount_fen",
        Dataset::MonitoredHousehold => "income_fen",
        Dataset::DisabilitySubsidy => "amount_fen",
        Dataset::TwoCancerPatient => "aided_fen",
        _ => return None,
    })
}

/// Mixes dirty rows into a batch.
pub(crate) fn soil(city: &City, batch: &mut Outline, rng: &mut ChaCha8Rng) {
    if batch.len() < SMALL {
        return;
    }
    let head = &batch.head;
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|k| k.fits(head.dataset)).collect();
    let wanted = (batch.len() / 100).max(1);
    // A first snapshot shows every kind if it is large enough to bear it.
    let most = batch.len() / 12;
    let first = head.mode == Mode::Snapshot && head.as_of <= calendar::plus(calendar::start(), 1);
    let count = if first { wanted.max(kinds.len()).min(most) } else { wanted };
    let begin = if first { 0 } else { rng.random_range(0..kinds.len()) };
    let strangers = strangers(city, batch, count, rng);
    for (n, (household, member)) in strangers.into_iter().enumerate() {
        let kind = kinds[(begin + n) % kinds.len()];
        let base = rng.random_range(0..batch.slips.len());
        let model = batch.slips.get(base);
        if can_spoil(city, batch, kind, model) {
            let slip = Slip { change: Change::Spoiled(kind, household, member), ..model };
            // After its model, so that a duplicate is the second of the two.
            let at = rng.random_range(base + 1..=batch.slips.len());
            batch.slips.insert(at, slip);
        }
    }
}

/// Mixes rows about what is no township, or none that there is, into a first snapshot that is large enough.
pub(crate) fn soil_division(head: &Head, lines: &mut Vec<Line>) {
    let Some(model) = lines.first().filter(|_| head.mode == Mode::Snapshot && lines.len() >= 2 * SMALL) else { return };
    let model = model.row.clone();
    let village = format!("{}201", &model.division()[..9]);
    for (division, reason) in
        [(village, RowReason::DivisionLevel), (format!("{}987000", head.county), RowReason::DivisionUnknown)]
    {
        let mut row = model.clone();
        row.set_division(&division);
        lines.push(Line { row, origin: Origin::Dirty(reason), cell: None });
    }
}

/// People of the county who have no row in the batch: a spoiled row about them collides with nothing.
fn strangers(city: &City, batch: &Outline, count: usize, rng: &mut ChaCha8Rng) -> Vec<(u32, u8)> {
    // In feeds about visits a row has a key of its own, and in those about everybody nobody is without one.
    let own_key = matches!(batch.head.dataset, Dataset::Settlement | Dataset::Enrolment);
    let mut taken = if own_key { HashSet::new() } else { batch.people() };
    let range = city.range_of(batch.head.county);
    let mut found = Vec::new();
    for _ in 0..count * 40 {
        if found.len() == count || range.is_empty() {
            break;
        }
        let household = rng.random_range(range.clone());
        let member = rng.random_range(0..city.households[household].members.len());
        let who = (u32::try_from(household).unwrap_or(u32::MAX), u8::try_from(member).unwrap_or(u8::MAX));
        if own_key || taken.insert(who) {
            found.push(who);
        }
    }
    found
}

/// Whether a line can be the model of a spoiled one.
fn can_spoil(city: &City, batch: &Outline, kind: Kind, model: Slip) -> bool {
    let (household, member) = batch.who(model);
    let has_variant = || variant(&city.person(household, member).name).is_some();
    model.change == Change::Clean && (kind != Kind::NameVariant || has_variant())
}

/// A clean row spoiled, in the name of a stranger where it must collide with nobody.
pub(crate) fn spoiled(city: &City, head: &Head, model: Row, what: (Kind, u32, u8)) -> Line {
    let (kind, household, member) = what;
    let (mut row, mut cell) = (model, None);
    // A repeated row and a second name need the very person of the model; the others must collide with nobody.
    if !matches!(kind, Kind::Duplicate | Kind::OtherName | Kind::NameVariant) {
        identify(city, &mut row, household, member);
        own_key(&mut row, (household, member));
    }
    let person = city.person(household, member);
    match kind {
        Kind::CheckDigit => row.set_identity(&with_bad_check_digit(&person.id_number), &person.name),
        Kind::Malformed => row.set_identity(&with_bad_birth_date(&person.id_number), &person.name),
        Kind::UnknownDivision => row.set_division(&format!("{}987000", head.county)),
        Kind::OtherName => {
            let (id, name) = (row.id_number().to_owned(), other_name(row.name()));
            row.set_identity(&id, &name);
        }
        Kind::NameVariant => {
            let (id, name) = (row.id_number().to_owned(), variant(row.name()).unwrap_or_default());
            row.set_identity(&id, &name);
        }
        Kind::FutureDate => set_date(&mut row, &iso(ahead(head.as_of))),
        Kind::NoSuchDate => set_date(&mut row, "2026-02-30"),
        Kind::UnknownCode => set_code(&mut row, "不详"),
        Kind::NameMissing => row.set_identity(&person.id_number, ""),
        Kind::TooLarge => set_too_large(&mut row),
        Kind::Duplicate => {}
        Kind::NoNumber => cell = amount_field(head.dataset).map(|f| (f, Cell::Text("约三千".to_owned()))),
        Kind::NumericId => cell = Some(("id_number", Cell::Number(6.212_021_990_010_112e17))),
    }
    Line { row, origin: Origin::Dirty(kind.reason()), cell }
}

pub(crate) fn other_name(name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let last = letters.len().saturating_sub(1);
    letters[last] = if letters[last] == '明' { '亮' } else { '明' };
    letters.into_iter().collect()
}

/// The name in other characters, as old books have it; none when there are none for it.
pub(crate) fn variant(name: &str) -> Option<String> {
    const OTHERS: [(char, char); 10] = [
        ('张', '張'),
        ('刘', '劉'),
        ('陈', '陳'),
        ('杨', '楊'),
        ('赵', '趙'),
        ('黄', '黃'),
        ('吴', '吳'),
        ('孙', '孫'),
        ('强', '強'),
        ('杰', '傑'),
    ];
    let (common, other) = OTHERS.into_iter().find(|(common, _)| name.contains(*common))?;
    Some(name.replace(common, &other.to_string()))
}

fn ahead(day: NaiveDate) -> NaiveDate {
    calendar::plus(day, 400)
}

/// Keys that do not hold the person must not repeat the model's.
fn own_key(row: &mut Row, who: (u32, u8)) {
    match row {
        Row::Settlement(r) => r.visit_no = format!("Z{}-{}-{}", who.0, who.1, r.visit_no),
        Row::Enrolment(r) => r.year = "2019".to_owned(),
        _ => {}
    }
}

/// Sets the row's main date.
fn set_date(row: &mut Row, text: &str) {
    let text = text.to_owned();
    match row {
        Row::StudentEnrolment(r) => r.enrolled_on = text,
        Row::SchoolCost(_) | Row::Enrolment(_) => {}
        Row::InsurancePayment(r) => r.paid_month = text,
        Row::Unemployment(r) => r.registered_on = text,
        Row::RuralHouseSafety(r) => r.surveyed_on = text,
        Row::HouseRenovation(r) => r.planned_on = text,
        Row::MajorDisease(r) => r.diagnosed_on = text,
        Row::DeathCertificate(r) => r.died_on = text,
        Row::Settlement(r) => r.settled_on = text,
        Row::DisasterLoss(r) => r.ended_on = text,
        Row::DisasterRelief(r) => r.given_on = text,
        Row::MonitoredHousehold(r) => r.entered_on = text,
        Row::AssistanceMeasure(r) => r.started_on = text,
        Row::DisabilityCertificate(r) => r.issued_on = text,
        Row::DisabilitySubsidy(r) => r.from_on = text,
        Row::TwoCancerPatient(r) => r.diagnosed_on = text,
        Row::FamilyVisit(r) => r.visited_on = text,
        _ => {}
    }
}

/// Sets the coded column, where the row has one.
fn set_code(row: &mut Row, text: &str) {
    let text = text.to_owned();
    match row {
        Row::StudentEnrolment(r) => r.stage = text,
        Row::SchoolCost(r) => r.stage = text,
        Row::InsurancePayment(r) => r.kind = text,
        Row::Unemployment(_) => {}
        Row::RuralHouseSafety(r) => r.grade = text,
        Row::HouseRenovation(r) => r.kind = text,
        Row::MajorDisease(r) => r.list_code = text,
        Row::DeathCertificate(r) => r.cause_class = text,
        Row::Settlement(r) => r.visit_kind = text,
        Row::Enrolment(r) => r.kind = text,
        Row::DisasterLoss(r) => r.house_damage = text,
        Row::DisasterRelief(r) => r.kind = text,
        Row::MonitoredHousehold(r) => r.risk_state = text,
        Row::AssistanceMeasure(r) => r.measure = text,
        Row::DisabilityCertificate(r) => r.state = text,
        Row::DisabilitySubsidy(r) => r.kind = text,
        Row::TwoCancerPatient(r) => r.diagnosis = text,
        Row::FamilyVisit(r) => r.kind = text,
        _ => {}
    }
}

/// Puts a number beyond every bound into the amount column.
fn set_too_large(row: &mut Row) {
    let amount = match row {
        Row::DisasterLoss(r) => {
            r.crop_loss_percent = 120;
            return;
        }
        Row::SchoolCost(r) => &mut r.tuition_fen,
        Row::InsurancePayment(r) => &mut r.base_fen,
        Row::Unemployment(r) => &mut r.benefit_fen,
        Row::HouseRenovation(r) => &mut r.grant_fen,
        Row::Settlement(r) => &mut r.total_fen,
        Row::DisasterRelief(r) => &mut r.amount_fen,
        Row::MonitoredHousehold(r) => &mut r.income_fen,
        Row::DisabilitySubsidy(r) => &mut r.amount_fen,
        Row::TwoCancerPatient(r) => &mut r.aided_fen,
        _ => return,
    };
    *amount = 9_000_000_000;
}

/// A county's collection rows one by one, bad ones among them, each of those with what it must be refused for.
pub fn collected(city: &City, county: County) -> impl Iterator<Item = (HouseholdRow, Option<RowReason>)> {
    let range = city.range_of(county);
    let mut rng = ChaCha8Rng::seed_from_u64(city.settings.seed ^ 0x00c0_11ec ^ county.parse::<u64>().unwrap_or(0));
    let every = (range.len() / (range.len() / 100).max(BAD_HOUSEHOLDS.len())).max(1);
    range.enumerate().flat_map(move |(n, place)| {
        let home = &city.households[place];
        let mut row = home.collected();
        for (member, person) in row.members.iter_mut().zip(&home.members) {
            // The county's old books still hold some numbers of fifteen digits.
            if let Some(old) = person.old_id_number().filter(|_| rng.random_bool(0.003)) {
                member.id_number = old;
            }
        }
        let bad = (n % every == every - 1).then(|| {
            let kind = BAD_HOUSEHOLDS[n / every % BAD_HOUSEHOLDS.len()];
            let (row, reason) = bad_household(home.collected(), n, kind);
            (row, Some(reason))
        });
        [Some((row, None)), bad].into_iter().flatten()
    })
}

/// The same at once: rows, and which must be refused for what.
pub fn collection(city: &City, county: County) -> (Vec<HouseholdRow>, Vec<(i32, RowReason)>) {
    let (mut rows, mut dirty) = (Vec::new(), Vec::new());
    for ((row, reason), place) in collected(city, county).zip(1..) {
        rows.push(row);
        dirty.extend(reason.map(|reason| (place, reason)));
    }
    (rows, dirty)
}

/// What can be wrong with a collected household.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BadHousehold {
    CheckDigit,
    Division,
    Future,
    Sex,
    Repeated,
    SecondHome,
    Relation,
}

const BAD_HOUSEHOLDS: [BadHousehold; 7] = [
    BadHousehold::CheckDigit,
    BadHousehold::Division,
    BadHousehold::Future,
    BadHousehold::Sex,
    BadHousehold::Repeated,
    BadHousehold::SecondHome,
    BadHousehold::Relation,
];

/// A household that does not exist, made from its neighbour's row, with one defect.
fn bad_household(mut row: HouseholdRow, n: usize, kind: BadHousehold) -> (HouseholdRow, RowReason) {
    if kind == BadHousehold::Repeated {
        return (row, RowReason::DuplicateRow);
    }
    row.household_no = format!("Z{n:08}");
    row.classes.clear();
    row.vehicles.clear();
    row.members.truncate(1);
    let head = &mut row.members[0];
    let real = head.id_number.clone();
    // Numbers from 981 on are never given to anybody.
    let last = if real.as_bytes().get(16).is_some_and(|d| d % 2 == 1) { "983" } else { "984" };
    let body = format!("{}{last}", &real[..14]);
    head.id_number = format!("{body}{}", check_digit(&body));
    let reason = match kind {
        BadHousehold::CheckDigit => {
            head.id_number = with_bad_check_digit(&head.id_number);
            RowReason::IdNumberCheckDigit
        }
        BadHousehold::Division => {
            row.division_code = format!("{}987000", &row.division_code[..6]);
            RowReason::DivisionUnknown
        }
        BadHousehold::Future => {
            head.joined_on = iso(ahead(calendar::start()));
            RowReason::DateInFuture
        }
        BadHousehold::Sex => {
            head.sex = if head.sex == 1 { 2 } else { 1 };
            RowReason::Inconsistent
        }
        BadHousehold::Relation => {
            head.relation = "2".to_owned();
            RowReason::CodeUnknown
        }
        // The neighbour once more, under another name and in another household.
        BadHousehold::SecondHome | BadHousehold::Repeated => {
            head.id_number = real;
            head.name = other_name(&head.name);
            RowReason::DuplicateRow
        }
    };
    (row, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_differs() {
        assert_ne!(other_name("王明"), "王明");
        assert_ne!(other_name("扎西·卓玛"), "扎西·卓玛");
    }

    #[test]
    fn every_dataset_can_be_dirty_in_at_least_six_ways() {
        for dataset in Dataset::ALL.iter().filter(|d| !d.is_of_divisions()) {
            assert!(KINDS.iter().filter(|k| k.fits(*dataset)).count() >= 6, "{dataset:?}");
        }
    }
}
