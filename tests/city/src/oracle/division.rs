//! What the rows about a county or a township make true of the households there.

use super::{
    Oracle,
    office::{months_in, months_of},
    view::{AIDED, Known, View, all},
};
use crate::{
    dataset::{Dataset, Row},
    plan::{Batch, Mode, Origin},
};

impl Oracle {
    pub(super) fn deliver_of_divisions(&mut self, batch: &Batch) {
        let rows = self.of_divisions.entry(batch.county).or_default();
        if batch.mode == Mode::Snapshot {
            rows.retain(|row| row.dataset() != batch.dataset);
        }
        for line in batch.lines.iter().filter(|line| line.origin == Origin::Division) {
            rows.retain(|row| row.dataset() != batch.dataset || row.key() != line.row.key());
            rows.push(line.row.clone());
        }
    }
}

impl View<'_> {
    /// The allowance of the latest dear month is overdue and was not paid.
    pub(super) fn price_allowance_unpaid(&self) -> Known {
        let lines = &self.lines.offices;
        let dear = self.if_fresh(Dataset::StatisticsPriceIndex, || {
            let months = self.of_divisions.iter().filter_map(|row| match row {
                Row::StatisticsPriceIndex(p) => {
                    let rose =
                        p.cpi_permille >= lines.price_cpi_permille || p.food_cpi_permille >= lines.price_food_permille;
                    rose.then_some(p.price_month)
                }
                _ => None,
            });
            months.max().unwrap_or(0)
        });
        let paid = self.if_fresh(Dataset::CivilPayment, || {
            let months = self.rows.iter().filter_map(|(_, row)| match row {
                Row::CivilPayment(p) if p.programme == "P-JB-09" && !p.paid_on.is_empty() && !p.returned => {
                    Some(p.paid_month)
                }
                _ => None,
            });
            months.max().unwrap_or(0)
        });
        let over = dear.map(|month| months_of(self.at.today) - months_in(month) > lines.price_pay_months);
        let unpaid = dear.zip(paid).map(|(dear, paid)| paid < dear);
        all(&[Some(self.holds_any(&AIDED)), dear.map(|month| month > 0), over, unpaid])
    }

    /// The township's fund holds too little, or nobody has drawn on it for half a year.
    pub(super) fn reserve_fund_low(&self) -> Known {
        self.if_fresh(Dataset::CivilReserveFund, || {
            let mine = self.of_divisions.iter().filter_map(|row| match row {
                Row::CivilReserveFund(f) if f.division_code == self.household.township => Some(f),
                _ => None,
            });
            mine.max_by_key(|fund| fund.fund_month).is_some_and(|fund| {
                let least = self.lines.offices.reserve_months * fund.mean_month_fen;
                fund.balance_fen < least || fund.cases_half_year == 0
            })
        })
    }
}
