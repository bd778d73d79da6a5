//! Plants of what is true of a whole county or township: in the second county the price allowance of a dear month is due,
//! and some of its townships' reserve funds are short or unused. Nobody else lives in those townships.

use minqing_proto::minqing::bureau::outside::v1 as outside;

use super::{COMFORTABLE, COUPLE, Draft, Kind, Plant};
use crate::{
    city::{Builder, When, of_divisions::DEAR_MONTH},
    dataset::Row,
    division::SECOND,
    household::Class,
    indicator::Indicator,
};

/// Townships of the second county: the fund is a fen short, holds just enough, is not told of, becomes one that nobody
/// has drawn on.
pub(in crate::city) const FUND_TOWNSHIPS: [&str; 4] = ["621221114000", "621221203000", "621221206000", "621221213000"];

/// An allowance paid for a month, long enough ago to count in no sum of late aid.
pub(in crate::city) fn price_allowance(paid_month: i32, household: &str) -> Row {
    outside::CivilPayment {
        programme: "P-JB-09".to_owned(),
        paid_month,
        amount_fen: 4_500,
        paid_on: "2026-06-25".to_owned(),
        paying_division: household[..6].to_owned(),
        ..Default::default()
    }
    .into()
}

impl Builder {
    pub(super) fn prices_and_funds(&mut self) {
        let [short, enough, untold, unused] = FUND_TOWNSHIPS;
        let unpaid = self.there(short, Some(Class::MinimumLiving), Some(DEAR_MONTH - 1));
        self.both(unpaid, [(Indicator::P07, Kind::Fires), (Indicator::P09, Kind::Fires)]);
        let paid = self.there(enough, Some(Class::MinimumLiving), Some(DEAR_MONTH));
        self.both(paid, [(Indicator::P07, Kind::Aided), (Indicator::P09, Kind::OneFen)]);
        let edge = self.there(untold, Some(Class::Edge), None);
        self.both(edge, [(Indicator::P07, Kind::Other), (Indicator::P09, Kind::Other)]);
        let none = self.there(unused, None, None);
        self.set(none, Indicator::P09, None, Kind::Fires);
    }

    fn there(&mut self, township: &'static str, class: Option<Class>, paid_month: Option<i32>) -> Draft {
        let percent = match class {
            Some(Class::MinimumLiving) => 60,
            Some(_) => 130,
            None => COMFORTABLE,
        };
        let mut draft = self.draft_in(SECOND, true, &COUPLE, percent);
        draft.home.township = township;
        if let Some(class) = class {
            self.give(&mut draft, class);
        }
        if let Some(month) = paid_month {
            draft.know(When::Before, 0, price_allowance(month, &draft.home.no));
        }
        draft
    }

    fn both(&mut self, draft: Draft, [first, second]: [(Indicator, Kind); 2]) {
        let household = self.set(draft, first.0, None, first.1);
        self.city.plants.push(Plant { indicator: second.0, household, member: None, kind: second.1 });
    }
}
