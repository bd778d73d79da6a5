//! Collection batches: dirty rows are named, good ones stored once.

use minqing_proto::minqing::{
    registry::v1::{ClassRow, ListImportErrorsRequest},
    types::v1::{AssistanceClass, RowReason, Sex},
};

use crate::collection::*;

#[tokio::test]
async fn each_dirty_row_is_named_with_field_and_reason_and_the_good_ones_are_stored() {
    let service = start().await;
    let mut county = client(&service, COUNTY);
    let mut rows: Vec<_> = (1..=12).map(household).collect();
    let good = rows[0].members[0].id_number.clone();
    let last = if rows[1].members[1].id_number.ends_with('1') { "2" } else { "1" };
    rows[1].members[1].id_number.replace_range(17.., last);
    rows[2].household_no = rows[0].household_no.clone();
    rows[3].division_code = "621202999001".into();
    rows[4].members[0].joined_on = "2026-10-27".into();
    // Fifteen digits are an old number and become eighteen.
    rows[5].members[0].id_number = old_number(13);
    rows[6].members[0].name = "王五".into();
    rows[6].members[0].id_number = good;
    rows[7].members[1].relation = "02".into();
    rows[8].members[0].sex = Sex::Female.into();
    rows[9].declared_income_fen = -1;
    rows[10].members[0].joined_on = "2026-02-30".into();
    rows[11].members[0].id_number = "6.21202E+17".into();
    let answer = send(&mut county, header(12), rows).await.unwrap();

    let errors: Vec<_> = answer.errors.iter().map(|e| (e.row, e.field.as_str(), e.reason())).collect();
    assert_eq!(
        errors,
        [
            (2, "members[1].id_number", RowReason::IdNumberCheckDigit),
            (3, "household_no", RowReason::DuplicateRow),
            (4, "division_code", RowReason::DivisionUnknown),
            (5, "members[0].joined_on", RowReason::DateInFuture),
            (7, "members[0].id_number", RowReason::DuplicateRow),
            (8, "members", RowReason::Inconsistent),
            (9, "members[0].sex", RowReason::Inconsistent),
            (10, "declared_income_fen", RowReason::OutOfRange),
            (11, "members[0].joined_on", RowReason::DateMalformed),
            (12, "members[0].id_number", RowReason::NumericIdCell),
        ]
    );
    assert_eq!((answer.sent, answer.accepted, answer.refused, answer.changed), (12, 2, 10, 2));
    assert!(answer.errors.iter().all(|e| !e.message.is_empty() && !e.message_zh.is_empty() && !e.header.is_empty()));
    assert_eq!(count(&service, "select count(*) from registry.household").await, 2);
    assert_eq!(count(&service, "select count(*) from registry.import_slice").await, 0);

    let page = ListImportErrorsRequest { parent: answer.name.clone(), page_size: 4, page_token: String::new() };
    let first = county.list_import_errors(page.clone()).await.unwrap().into_inner();
    assert_eq!(first.errors.len(), 4);
    let rest = ListImportErrorsRequest { page_size: 500, page_token: first.next_page_token, ..page.clone() };
    let rest = county.list_import_errors(rest).await.unwrap().into_inner();
    assert_eq!([first.errors, rest.errors].concat(), answer.errors);
    let other = client(&service, "operator/county/621221").list_import_errors(page).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::NotFound);
    service.running.stop().await.unwrap();
}

fn old_number(sequence: u32) -> String {
    let long = id_number("19800102", sequence);
    format!("{}{}", &long[..6], &long[8..17])
}

#[tokio::test]
async fn an_id_number_on_file_under_another_name_is_a_conflict_and_nothing_of_the_row_is_stored() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut row = household(2);
    row.members[1] = member(3, "赵六", "10");
    let answer = send(&mut client(&service, COUNTY), header(1), vec![row]).await.unwrap();
    assert_eq!(answer.refused, 1);
    assert_eq!(answer.errors[0].reason(), RowReason::IdNameConflict);
    assert_eq!(answer.errors[0].field, "members[1].id_number");
    assert_eq!(count(&service, "select count(*) from registry.household").await, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_same_rows_again_write_nothing_and_a_change_tells_its_household_only() {
    let service = start().await;
    let rows: Vec<_> = (1..=3).map(household).collect();
    assert_eq!(import(&service, rows.clone()).await.changed, 3);
    let events = "select count(*) from registry.outbox";
    assert_eq!(count(&service, events).await, 3);

    // The order of members says nothing.
    let mut again = rows.clone();
    again[0].members.reverse();
    let answer = import(&service, again).await;
    assert_eq!((answer.accepted, answer.changed), (3, 0));
    assert_eq!(count(&service, events).await, 3);

    let mut changed = rows;
    changed[1].declared_income_fen = 900_000;
    changed[1].vehicles.clear();
    assert_eq!(import(&service, changed).await.changed, 1);
    assert_eq!(count(&service, events).await, 4);
    let told = told(&service, &household_name(&service, 2)).await;
    assert_eq!((told.declared_income_fen, told.members.len(), told.vehicles.len()), (900_000, 2, 0));
    assert_eq!(told.classes.len(), 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_the_same_id_with_other_rows_is_refused() {
    let service = start().await;
    let mut county = client(&service, COUNTY);
    let rows: Vec<_> = (1..=601).map(household).collect();
    let header = header(rows.len());
    let first = send(&mut county, header.clone(), rows.clone()).await.unwrap();
    assert_eq!(first.changed, 601);
    let again = send(&mut county, header.clone(), rows.clone()).await.unwrap();
    assert_eq!(first, again);
    let mut other = rows;
    other[0].house_count = 2;
    let refused = send(&mut county, header, other).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert_eq!(count(&service, "select count(*) from registry.outbox").await, 601);
    assert_eq!(count(&service, "select count(*) from registry.membership").await, 1202);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_whose_last_answer_was_never_stored_is_finished_by_a_repeat() {
    let service = start().await;
    let mut county = client(&service, COUNTY);
    let rows: Vec<_> = (1..=501).map(household).collect();
    let header = header(rows.len());
    let first = send(&mut county, header.clone(), rows.clone()).await.unwrap();
    // As if the process had died after the second slice, before the batch was closed.
    let mut admin = service.db.admin().await.unwrap();
    let forgotten = sqlx::query("delete from registry.idempotency where request_id = $1")
        .bind(uuid::Uuid::parse_str(&header.request_id).unwrap())
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(forgotten.rows_affected(), 1);
    sqlx::query("update registry.import_batch set accepted = null").execute(&mut admin).await.unwrap();
    assert_eq!(send(&mut county, header, rows).await.unwrap(), first);
    assert_eq!(count(&service, "select count(*) from registry.outbox").await, 501);
    assert_eq!(count(&service, "select count(*) from registry.import_batch where accepted = 501").await, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_cut_short_is_refused_whole() {
    let service = start().await;
    let mut county = client(&service, COUNTY);
    for (said, sent) in [(3, 2), (1, 2)] {
        let rows = (1..=sent).map(household).collect();
        let refused = send(&mut county, header(said), rows).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
    assert_eq!(count(&service, "select count(*) from registry.household").await, 0);
    assert_eq!(count(&service, "select count(*) from registry.import_batch").await, 0);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_header_that_is_wrong_is_refused_by_its_field() {
    let service = start().await;
    let mut county = client(&service, COUNTY);
    let mut elsewhere = header(0);
    elsewhere.division_code = "621221".into();
    assert_eq!(send(&mut county, elsewhere, vec![]).await.unwrap_err().code(), tonic::Code::PermissionDenied);
    let mut tomorrow = header(0);
    tomorrow.as_of = "2026-10-27".into();
    let mut nameless = header(0);
    nameless.batch_no = " ".into();
    let mut without_id = header(0);
    without_id.request_id = "7".into();
    for wrong in [tomorrow, nameless, without_id] {
        assert_eq!(send(&mut county, wrong, vec![]).await.unwrap_err().code(), tonic::Code::InvalidArgument);
    }
    let empty = send(&mut county, header(0), vec![]).await.unwrap();
    assert_eq!((empty.sent, empty.accepted), (0, 0));
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_member_who_appears_in_another_household_moves_and_both_are_told() {
    let service = start().await;
    import(&service, vec![household(1), household(2)]).await;
    let mut row = household(2);
    row.members.push(member(4, "李四娘", "70"));
    // Household 1 had sequences 3 and 4.
    assert_eq!(import(&service, vec![row]).await.changed, 1);
    let left = told(&service, &household_name(&service, 1)).await;
    let joined = told(&service, &household_name(&service, 2)).await;
    assert_eq!((left.members.len(), joined.members.len()), (1, 3));
    let moved = person_key(&service, 4).to_string();
    assert!(joined.members.iter().any(|m| m.person_key == moved));
    let open = "select count(*) from registry.membership where valid_to is null";
    assert_eq!(count(&service, open).await, 4);

    // Collected again as before, the person moves back: the file had changed since, so the row is not "unchanged".
    let mut back = household(2);
    back.members.truncate(2);
    assert_eq!(import(&service, vec![household(1), back]).await.changed, 2);
    assert_eq!(told(&service, &household_name(&service, 1)).await.members.len(), 2);
    assert_eq!(count(&service, open).await, 4);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn older_data_do_not_replace_newer_ones() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut row = household(1);
    row.house_count = 3;
    let mut older = header(1);
    older.as_of = "2026-10-25".into();
    let answer = send(&mut client(&service, COUNTY), older, vec![row]).await.unwrap();
    assert_eq!(answer.errors[0].reason(), RowReason::Inconsistent);
    assert_eq!(told(&service, &household_name(&service, 1)).await.house_count, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_class_of_a_member_and_one_no_longer_collected_follow_the_rows() {
    let service = start().await;
    let mut row = household(1);
    row.classes = vec![ClassRow {
        assistance_class: AssistanceClass::Destitute.into(),
        member_id_number: row.members[1].id_number.clone(),
        valid_from: "2026-02-01".into(),
        amount_fen: 80_000,
    }];
    import(&service, vec![row.clone()]).await;
    let name = household_name(&service, 1);
    let first = told(&service, &name).await;
    assert_eq!(first.classes[0].person_key, person_key(&service, 4).to_string());
    assert_eq!(first.classes[0].assistance_class(), AssistanceClass::Destitute);

    row.classes[0].amount_fen = 90_000;
    import(&service, vec![row.clone()]).await;
    assert_eq!(told(&service, &name).await.classes[0].amount_fen, 90_000);

    row.classes.clear();
    import(&service, vec![row.clone()]).await;
    assert_eq!(told(&service, &name).await.classes, vec![]);

    let mut stranger = row;
    stranger.classes = household(1).classes;
    stranger.classes[0].member_id_number = id_number("19800102", 99);
    let answer = send(&mut client(&service, COUNTY), header(1), vec![stranger]).await.unwrap();
    assert_eq!(answer.errors[0].field, "classes[0].member_id_number");
    service.running.stop().await.unwrap();
}
