//! Datasets about a county or a township: rows without anybody's name.

use minqing_proto::minqing::{
    bureau::outside::v1::{CivilReserveFund, StatisticsPriceIndex},
    types::v1::RowReason,
};

use crate::{
    mesh::{Mesh, header},
    rows::any,
};

fn prices(division: &str, price_month: i32) -> StatisticsPriceIndex {
    StatisticsPriceIndex { division_code: division.to_owned(), price_month, cpi_permille: -3, food_cpi_permille: 61 }
}

fn fund(division: &str, fund_month: i32) -> CivilReserveFund {
    CivilReserveFund {
        division_code: division.to_owned(),
        fund_month,
        balance_fen: 200_000,
        mean_month_fen: 100_000,
        cases_half_year: 2,
    }
}

#[tokio::test]
async fn a_division_of_another_level_is_refused_and_a_good_row_goes_on_without_a_person() {
    let mesh = Mesh::start(minqing_bureaus::by_name("outside").unwrap()).await;
    let rows = [
        prices("621202", 202_608),
        prices("621202000000", 202_609),
        prices("621202001", 202_609),
        prices("621202", 202_613),
        prices("621202", 202_608),
    ];
    let typed: Vec<_> = rows.iter().map(any).collect();
    let answer = mesh.submit(&header("statistics_price_index", typed.len()), &typed).await.unwrap();
    let told: Vec<_> = answer.errors.iter().map(|e| (e.row, e.field.as_str(), e.reason())).collect();
    assert_eq!(
        told,
        [
            (3, "division_code", RowReason::DivisionLevel),
            (4, "price_month", RowReason::Inconsistent),
            (5, "", RowReason::DuplicateRow)
        ]
    );
    let level = &answer.errors[0];
    assert!(level.message.contains("no county") && level.message_zh.contains("县区"), "{level:?}");

    let records = std::mem::take(&mut *mesh.monitor.records.lock().unwrap());
    assert_eq!(records.len(), 2);
    for record in records.values() {
        assert_eq!((record.person_key.as_str(), record.division_code.as_str()), ("", "621202000000"));
    }
    let quality = mesh.monitor.closes.lock().unwrap().last().unwrap().quality.clone().unwrap();
    assert_eq!((quality.persons_compared, quality.persons_agreeing), (0, 0));
}

#[tokio::test]
async fn a_fund_is_a_townships_not_its_countys_and_not_its_villages() {
    let mesh = Mesh::start(minqing_bureaus::by_name("outside").unwrap()).await;
    let rows = [fund("621202001", 202_609), fund("621202", 202_609), fund("621202001201", 202_609)];
    let typed: Vec<_> = rows.iter().map(any).collect();
    let answer = mesh.submit(&header("civil_reserve_fund", typed.len()), &typed).await.unwrap();
    let told: Vec<_> = answer.errors.iter().map(|e| (e.row, e.reason())).collect();
    assert_eq!(told, [(2, RowReason::DivisionLevel), (3, RowReason::DivisionLevel)]);
    assert!(answer.errors.iter().all(|e| e.message.contains("no township") && e.message_zh.contains("乡镇")));
    assert_eq!(answer.batch.unwrap().accepted, 1);
}
