//! Planted truths about feeds of the home county, each with a near miss: too many rows at once (the day before nearly so
//! many), a name in variant characters, too many empty names, too many people whom the register does not know.

use std::collections::HashSet;

use chrono::NaiveDate;
use minqing_proto::minqing::{bureau::outside::v1 as outside, types::v1::RowReason};

use crate::{
    calendar::{add_working, start},
    city::{City, Kind},
    dataset::{Dataset, Row, iso},
    defect,
    division::HOME,
    indicator::Indicator,
    outline::{Change, Outline, Slip},
    person::{Person, check_digit},
    plan::{Line, Origin, first_day},
};

/// Feed and what is planted of it.
pub const ALL: [(Indicator, Dataset, Kind); 7] = [
    (Indicator::Q02, Dataset::PoliceIdentity, Kind::Fires),
    (Indicator::Q05, Dataset::Enrolment, Kind::Fires),
    (Indicator::Q05, Dataset::OutpatientMonth, Kind::Other),
    (Indicator::Q07, Dataset::PensionPremium, Kind::Fires),
    (Indicator::Q07, Dataset::OutpatientMonth, Kind::OneFen),
    (Indicator::Q09, Dataset::FamilyDoctor, Kind::Fires),
    (Indicator::Q09, Dataset::Enrolment, Kind::OneFen),
];

/// Whether the city has room for them.
pub fn has_room(city: &City) -> bool {
    city.settings.households >= 200
}

/// Identity cards handed out by the hundred, the day before nearly so many: the day, whose, the row.
pub fn many(city: &City) -> Vec<(NaiveDate, u32, Row)> {
    let most = usize::try_from(city.thresholds.beside.volume_least_rows).unwrap_or(0);
    if !has_room(city) {
        return Vec::new();
    }
    // With its dirty row the first stays one below. Three small batches have come by then, so there is a mean.
    let days = [(add_working(start(), 4), most.saturating_sub(2)), (add_working(start(), 5), most)];
    let of_day = |(day, rows): (NaiveDate, usize)| {
        let card = outside::PoliceIdentity { state: "valid".to_owned(), changed_on: iso(day), ..Default::default() };
        let home = city.range_of(HOME).filter_map(|place| u32::try_from(place).ok());
        home.take(rows).map(move |household| (day, household, card.clone().into()))
    };
    days.into_iter().flat_map(of_day).collect()
}

/// Spoils a feed's first batch as a whole.
pub(crate) fn soil(city: &City, batch: &mut Outline) {
    let of = batch.head.dataset;
    let planted = batch.head.county == HOME && has_room(city);
    if planted && ALL.contains(&(Indicator::Q05, of, Kind::Other)) {
        // What chance makes of a name there would be no near miss.
        batch.slips.retain(|slip| slip.change.reason() != Some(RowReason::NameVariant));
    }
    if !planted || batch.head.as_of != first_day(of.bureau()) || !ALL.iter().any(|(_, dataset, _)| *dataset == of) {
        return;
    }
    let clean: Vec<Slip> = batch.slips.iter().filter(|slip| slip.change == Change::Clean).copied().collect();
    for (indicator, _, kind) in ALL.into_iter().filter(|(_, dataset, _)| *dataset == of) {
        fault(city, batch, &clean, (indicator, kind));
    }
}

fn fault(city: &City, batch: &mut Outline, clean: &[Slip], planted: (Indicator, Kind)) {
    match planted {
        (Indicator::Q05, Kind::Fires) => renamed(city, batch, clean, Name::Variant),
        // Another name is no other spelling.
        (Indicator::Q05, _) => renamed(city, batch, clean, Name::Other),
        // More than five in a hundred, and just no more.
        (Indicator::Q07, Kind::Fires) => nameless(batch, clean, clean.len() / 15 + 1),
        (Indicator::Q07, _) => {
            let has = batch.defects().filter(|(_, why)| *why == RowReason::RequiredValueMissing).count();
            let most = batch.len().saturating_sub(has) / 19;
            nameless(batch, clean, most.saturating_sub(has));
        }
        // More than three in a hundred, and just no more.
        (Indicator::Q09, Kind::Fires) => strangers(city, batch, clean, batch.people().len() / 20 + 1),
        (Indicator::Q09, _) => strangers(city, batch, clean, batch.people().len() * 3 / 97),
        _ => {}
    }
}

/// A name made from the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Variant,
    Other,
    Missing,
}

impl Name {
    pub fn reason(self) -> RowReason {
        match self {
            Name::Variant => RowReason::NameVariant,
            Name::Other => RowReason::IdNameConflict,
            Name::Missing => RowReason::RequiredValueMissing,
        }
    }

    fn of(self, name: &str) -> Option<String> {
        match self {
            Name::Variant => defect::variant(name),
            Name::Other => Some(defect::other_name(name)),
            Name::Missing => Some(String::new()),
        }
    }

    /// A row once more under this name.
    pub fn line(self, mut row: Row) -> Line {
        let (id, name) = (row.id_number().to_owned(), self.of(row.name()).unwrap_or_default());
        row.set_identity(&id, &name);
        Line { row, origin: Origin::Dirty(self.reason()), cell: None }
    }
}

/// Different people of the rows.
pub fn people(lines: &[Line]) -> usize {
    let who = lines.iter().filter_map(|line| match line.origin {
        Origin::Clean { household, member } => Some((household, member)),
        _ => None,
    });
    who.collect::<HashSet<_>>().len()
}

/// A person of the batch once more, under a name made from the right one.
fn renamed(city: &City, batch: &mut Outline, clean: &[Slip], name: Name) {
    let can = |slip: &&Slip| {
        let (household, member) = batch.who(**slip);
        name.of(&city.person(household, member).name).is_some()
    };
    if let Some(slip) = clean.iter().find(can) {
        batch.slips.push(Slip { change: Change::Renamed(name), ..*slip });
    }
}

fn nameless(batch: &mut Outline, clean: &[Slip], count: usize) {
    for slip in clean.iter().take(count) {
        batch.slips.push(Slip { change: Change::Renamed(Name::Missing), ..*slip });
    }
}

/// Good rows about people of whom the register has never heard.
fn strangers(city: &City, batch: &mut Outline, clean: &[Slip], count: usize) {
    let mut given = HashSet::new();
    for slip in clean {
        if given.len() == count {
            break;
        }
        let (household, member) = batch.who(*slip);
        if given.insert(unknown_number(city.person(household, member))) {
            batch.slips.push(Slip { change: Change::Stranger, ..*slip });
        }
    }
}

/// Numbers from 981 on are never given to anybody.
fn unknown_number(near: &Person) -> String {
    let body = format!("{}985", &near.id_number[..14]);
    format!("{body}{}", check_digit(&body))
}

/// A row once more, about somebody unknown.
pub(crate) fn stranger(near: &Person, mut row: Row) -> Line {
    row.set_identity(&unknown_number(near), "合成人");
    Line { row, origin: Origin::Stranger, cell: None }
}
