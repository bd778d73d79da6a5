//! What offices tell of a county or a township as a whole: prices, which in the second county alone rose to the line, and
//! the townships' reserve funds, of which a few are short, unused or not told of. No chance is in it.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};
use minqing_proto::minqing::bureau::outside::v1 as outside;

use super::{
    City,
    plant::FUND_TOWNSHIPS,
    year::{first_due, months, next},
};
use crate::{
    calendar::{add_working, start},
    dataset::{Dataset, Row},
    division::{self, County, SECOND},
};

/// The month whose prices rose; its allowance ought to be paid long since.
pub(super) const DEAR_MONTH: i32 = 202_605;
/// What a fund spends in a month.
const MEAN_FEN: i64 = 1_500_000;
const LAST_MONTH: i32 = 202_609;

type Told = BTreeMap<(NaiveDate, Dataset, County), Vec<Row>>;

/// Every row, by the day on which it is told.
pub(super) fn rows(city: &City) -> Told {
    let mut told = Told::new();
    for county in city.counties.iter().copied() {
        prices(city, county, &mut told);
        funds(city, county, &mut told);
    }
    told
}

/// Month, rise of consumer prices and of food in permille.
fn price(county: County, month: (i32, i32, i32)) -> Row {
    let (price_month, cpi_permille, food_cpi_permille) = month;
    let division_code = format!("{county}000000");
    outside::StatisticsPriceIndex { division_code, price_month, cpi_permille, food_cpi_permille }.into()
}

fn prices(city: &City, county: County, told: &mut Told) {
    let lines = &city.thresholds.offices;
    // Elsewhere both lines are missed by a thousandth.
    let less = i32::from(county != SECOND);
    let dear = (DEAR_MONTH, lines.price_cpi_permille - less, lines.price_food_permille - 1);
    let calm = (DEAR_MONTH + 1..=LAST_MONTH).map(|month| (month, 12, -4));
    let known = [(DEAR_MONTH - 1, 9, 14), dear].into_iter().chain(calm);
    told.insert((start(), Dataset::StatisticsPriceIndex, county), known.map(|m| price(county, m)).collect());
    let next = vec![price(county, (LAST_MONTH + 1, 15, 20))];
    told.insert((day(11, 20), Dataset::StatisticsPriceIndex, county), next);
    for (told_on, month) in further(city, Dataset::StatisticsPriceIndex) {
        told.insert((told_on, Dataset::StatisticsPriceIndex, county), vec![price(county, (month, 14, 11))]);
    }
}

/// The months that only a year's city reaches, as numbers, each with the day on which it is told.
fn further(city: &City, dataset: Dataset) -> Vec<(NaiveDate, i32)> {
    let last = city.settings.last_day();
    let number = |month: NaiveDate| month.year() * 100 + i32::try_from(month.month()).unwrap_or(0);
    let told = |month| (first_due(dataset, next(month)), number(month));
    let months = months(day(11, 1), last).filter(|_| city.settings.is_year());
    months.map(told).filter(|(told_on, _)| *told_on <= last).collect()
}

fn fund(township: &str, fund_month: i32, balance_fen: i64, cases_half_year: i32) -> Row {
    let division_code = township.to_owned();
    outside::CivilReserveFund { division_code, fund_month, balance_fen, mean_month_fen: MEAN_FEN, cases_half_year }
        .into()
}

fn funds(city: &City, county: County, told: &mut Told) {
    let [short, enough, untold, unused] = FUND_TOWNSHIPS;
    let least = city.thresholds.offices.reserve_months * MEAN_FEN;
    let mut known = Vec::new();
    let mut next = Vec::new();
    for township in division::townships(county).iter().filter(|t| t.code != untold) {
        let balance = match township.code {
            code if code == short => least - 1,
            code if code == enough => least,
            _ => 3 * least,
        };
        known.push(fund(township.code, LAST_MONTH, balance, 7));
        // The short one is filled up.
        let (balance, cases) = if township.code == unused { (balance, 0) } else { (balance.max(least), 7) };
        next.push(fund(township.code, LAST_MONTH + 1, balance, cases));
    }
    let dataset = Dataset::CivilReserveFund;
    told.insert((start(), dataset, county), known);
    told.insert((day(11, 10), dataset, county), next);
    for (told_on, month) in further(city, dataset) {
        let funds = division::townships(county).iter().filter(|t| t.code != untold);
        told.insert((told_on, dataset, county), funds.map(|t| fund(t.code, month, 3 * least, 7)).collect());
    }
    if county == SECOND {
        // Corrected while the play goes on: nobody has drawn on it for half a year.
        told.insert((add_working(start(), 2), dataset, county), vec![fund(unused, LAST_MONTH, 3 * least, 0)]);
    }
}

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap_or_default()
}
