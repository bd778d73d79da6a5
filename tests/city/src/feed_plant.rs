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
    division::{County, HOME},
    indicator::Indicator,
    person::check_digit,
    plan::{Batch, Line, Origin, first_day},
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

/// Rows of a feed beside what happens to people: identity cards handed out by the hundred, the day before nearly so many.
pub fn many(city: &City, feed: (Dataset, County), day: NaiveDate) -> Vec<(u32, u8, Row)> {
    let most = city.thresholds.beside.volume_least_rows;
    let rows = match day {
        _ if feed != (Dataset::PoliceIdentity, HOME) || !has_room(city) => 0,
        // With its dirty row it stays one below. Three small batches have come by then, so there is a mean.
        _ if day == add_working(start(), 4) => most.saturating_sub(2),
        _ if day == add_working(start(), 5) => most,
        _ => 0,
    };
    let home = city.range_of(HOME).filter_map(|place| Some((u32::try_from(place).ok()?, 0)));
    let card = || outside::PoliceIdentity { state: "valid".to_owned(), changed_on: iso(day), ..Default::default() };
    let rows = usize::try_from(rows).unwrap_or(0);
    home.take(rows).map(|(household, member)| (household, member, card().into())).collect()
}

/// Spoils a feed's first batch as a whole.
pub fn soil(city: &City, batch: &mut Batch) {
    let planted = batch.county == HOME && has_room(city);
    if planted && ALL.contains(&(Indicator::Q05, batch.dataset, Kind::Other)) {
        // What chance makes of a name there would be no near miss.
        batch.lines.retain(|line| !matches!(line.origin, Origin::Dirty(RowReason::NameVariant)));
    }
    let first = planted && batch.as_of == first_day(batch.dataset.bureau());
    let clean: Vec<Line> =
        batch.lines.iter().filter(|line| matches!(line.origin, Origin::Clean { .. })).cloned().collect();
    let of = batch.dataset;
    for (indicator, _, kind) in ALL.into_iter().filter(|(_, dataset, _)| first && *dataset == of) {
        fault(city, batch, &clean, (indicator, kind));
    }
}

fn fault(city: &City, batch: &mut Batch, clean: &[Line], planted: (Indicator, Kind)) {
    match planted {
        (Indicator::Q05, Kind::Fires) => renamed(batch, clean, (RowReason::NameVariant, defect::variant)),
        // Another name is no other spelling.
        (Indicator::Q05, _) => {
            renamed(batch, clean, (RowReason::IdNameConflict, |name| Some(defect::other_name(name))))
        }
        // More than five in a hundred, and just no more.
        (Indicator::Q07, Kind::Fires) => nameless(batch, clean, clean.len() / 15 + 1),
        (Indicator::Q07, _) => {
            let has = batch.defects().iter().filter(|(_, why)| *why == RowReason::RequiredValueMissing).count();
            let most = batch.lines.len().saturating_sub(has) / 19;
            nameless(batch, clean, most.saturating_sub(has));
        }
        // More than three in a hundred, and just no more.
        (Indicator::Q09, Kind::Fires) => strangers(city, batch, clean, people(clean) / 20 + 1),
        (Indicator::Q09, _) => strangers(city, batch, clean, people(clean) * 3 / 97),
        _ => {}
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
fn renamed(batch: &mut Batch, clean: &[Line], (reason, name): (RowReason, fn(&str) -> Option<String>)) {
    let found = clean.iter().find_map(|line| Some((line.row.clone(), name(line.row.name())?)));
    if let Some((mut row, name)) = found {
        let id = row.id_number().to_owned();
        row.set_identity(&id, &name);
        batch.lines.push(Line { row, origin: Origin::Dirty(reason), cell: None });
    }
}

fn nameless(batch: &mut Batch, clean: &[Line], count: usize) {
    for line in clean.iter().take(count) {
        let mut row = line.row.clone();
        let id = row.id_number().to_owned();
        row.set_identity(&id, "");
        batch.lines.push(Line { row, origin: Origin::Dirty(RowReason::RequiredValueMissing), cell: None });
    }
}

/// Good rows about people of whom the register has never heard.
fn strangers(city: &City, batch: &mut Batch, clean: &[Line], count: usize) {
    let mut given = HashSet::new();
    for line in clean {
        let Origin::Clean { household, member } = line.origin else { continue };
        let person = &city.households[household as usize].members[usize::from(member)];
        // Numbers from 981 on are never given to anybody.
        let body = format!("{}985", &person.id_number[..14]);
        if given.len() == count || !given.insert(body.clone()) {
            continue;
        }
        let mut row = line.row.clone();
        row.set_identity(&format!("{body}{}", check_digit(&body)), "合成人");
        batch.lines.push(Line { row, origin: Origin::Stranger, cell: None });
    }
}
