//! What each migration is meant to make of the rows there are. What is not told here stays as it was: a migration that
//! adds a column has to say what stands in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub type Row = Map<String, Value>;
pub type Rows = BTreeMap<String, Vec<Row>>;

/// Columns whose values the database counts up.
pub fn counted(schema: &str, version: i64, table: &str) -> Option<&'static str> {
    (schema == "monitoring" && version == 10 && table == "batch").then_some("number")
}

/// Makes of a row what the migration is meant to make of it; `before` holds all rows as it found them.
pub fn row(schema: &str, version: i64, table: &str, row: &mut Row, before: &Rows) {
    match (schema, version, table) {
        ("adapter_education", 7, "referral") => add(row, json!({ "withdrawn_on": null, "recall_open": false })),
        ("adapter_education", 12, "handout") => add(row, json!({ "kind": "referral" })),
        ("adapter_education", 13, "batch") => add(row, json!({ "linked_rows": [] })),
        ("dispatch", 6, "reason") => {
            let found = first_verdict(row, before).unwrap_or(json!({ "verdict": null, "verdict_on": null }));
            add(row, found);
            add(row, json!({ "division_code": division_of(row, before) }));
        }
        ("dispatch", 7, "suppression") => add(row, json!({ "quieted_on": null })),
        ("feedback", 3, "referral") => add(row, json!({ "traceparent": "" })),
        ("feedback", 5, "record") => {
            let day = row["recorded_on"].as_str().unwrap();
            add(row, json!({ "taken_at": format!("{day}T00:00:00+08:00") }));
        }
        ("feedback", 6, "difference") => to_another_counterpart(row),
        ("feedback", 7, "record") => add(row, json!({ "evidence_digest": "" })),
        ("feedback", 8, "book_month") => add(row, json!({ "told_on": null })),
        ("identification", 3, "household") => add(row, json!({ "births": {} })),
        ("monitoring", 4, "screening") => add(row, json!({ "pack": "" })),
        ("monitoring", 10, "warning") => add(row, json!({ "clear_reason": null })),
        ("monitoring", 10, "batch") => add(
            row,
            json!({ "begun_on": null, "versioned": false, "ignored": 0, "overridden_by": null, "withdrawn_on": null,
                    "heirs_after": null, "taken_back_on": null }),
        ),
        ("monitoring", 12, "household") => {
            let county = before["county"].iter().find(|c| c["county_code"] == row["county_code"]).unwrap();
            add(row, json!({ "first_seen_on": county["first_seen_on"] }));
        }
        ("monitoring", 12, "referral") => add(row, json!({ "work_order_id": null })),
        ("monitoring", 15, "batch_part") => add(row, json!({ "changed": 0, "ignored": 0 })),
        ("monitoring", 17, "screening") => add(row, json!({ "found_through": null })),
        ("monitoring", 21, "batch_quality") => add(row, json!({ "linked_rows": null })),
        ("monitoring", 22, "fact_due") => {
            let county = household_of(row, before).map(|household| household["county_code"].clone());
            add(row, json!({ "county_code": county }));
        }
        ("registry", 6, "identity_review") => add(row, json!({ "texts_deleted_on": null })),
        ("monitoring", 19, "batch_part") => add(row, json!({ "unevaluated": false })),
        _ => {}
    }
}

/// Whether the migration leaves the row there.
pub fn stays(schema: &str, version: i64, table: &str, row: &Row, before: &Rows) -> bool {
    (schema, version, table) != ("monitoring", 22, "fact_due") || household_of(row, before).is_some()
}

fn household_of<'a>(row: &Row, before: &'a Rows) -> Option<&'a Row> {
    before["household"].iter().find(|household| household["household_id"] == row["household_id"])
}

/// Rows of a table that the migration makes.
pub fn made(schema: &str, version: i64, table: &str, before: &Rows) -> Vec<Row> {
    let known_on_its_day = |table: &str| {
        let mut rows = before[table].clone();
        for row in &mut rows {
            let day = row["as_of"].clone();
            add(row, json!({ "known_on": day }));
        }
        rows
    };
    match (schema, version, table) {
        ("identification", 2, "household_fact_history") => known_on_its_day("household_fact"),
        ("identification", 2, "household_history") => known_on_its_day("household"),
        ("monitoring", 3, "screening") => {
            let mut row = Row::new();
            add(&mut row, json!({ "one": true, "through": null, "for_date": null, "last_household": null }));
            vec![row]
        }
        _ => Vec::new(),
    }
}

fn add(row: &mut Row, columns: Value) {
    let Value::Object(columns) = columns else { panic!("not columns: {columns}") };
    row.extend(columns);
}

/// ISO dates, which compare as texts do.
fn day(value: &Value) -> Option<&str> {
    value.as_str()
}

fn same(one: &Value, other: &Value) -> bool {
    !one.is_null() && one == other
}

/// Of the work order, or for one that was suppressed of the newest about the same, else of the household.
fn division_of(reason: &Row, before: &Rows) -> Value {
    let orders = &before["work_order"];
    let own = orders.iter().find(|order| same(&order["work_order_id"], &reason["work_order_id"]));
    let about = |order: &&Row| {
        same(&order["household_id"], &reason["household_id"]) || same(&order["subject"], &reason["subject"])
    };
    let newest = || orders.iter().filter(about).max_by_key(|order| day(&order["opened_on"]).unwrap().to_owned());
    let household = || before["household"].iter().find(|h| same(&h["household_id"], &reason["household_id"]));
    own.or_else(newest).or_else(household).map_or(json!("000000000000"), |found| found["division_code"].clone())
}

/// The first that was given while the warning stood, by a visit or else by the work order.
fn first_verdict(reason: &Row, before: &Rows) -> Option<Value> {
    if reason["covered"] != json!(true) {
        return None;
    }
    let of_it = |row: &&Row| same(&row["work_order_id"], &reason["work_order_id"]);
    let visits = before["visit"].iter().filter(of_it).map(|visit| (&visit["recorded_on"], &visit["verdict"]));
    let orders = before["work_order"].iter().filter(of_it).filter(|order| !order["verdict"].is_null()).map(|order| {
        let given_on = if order["verified_on"].is_null() { &order["closed_on"] } else { &order["verified_on"] };
        (given_on, &order["verdict"])
    });
    let stood = |given_on: &str| {
        given_on >= day(&reason["raised_on"]).unwrap()
            && day(&reason["cleared_on"]).is_none_or(|cleared_on| cleared_on >= given_on)
    };
    let (given_on, verdict) = visits
        .chain(orders)
        .filter(|(given_on, _)| day(given_on).is_some_and(stood))
        .min_by_key(|(given_on, _)| day(given_on).unwrap())?;
    Some(json!({ "verdict": verdict, "verdict_on": given_on }))
}

fn to_another_counterpart(difference: &mut Row) {
    for (old, new) in [("registry_amount_fen", "other_amount_fen"), ("registry_decision", "other_decision")] {
        let value = difference.remove(old).unwrap();
        difference.insert(new.to_owned(), value);
    }
    let kind = match difference["kind"].as_str().unwrap() {
        "missing_in_registry" => "missing_there",
        "missing_in_feedback" => "missing_here",
        other => other,
    };
    let kind = json!(kind);
    add(difference, json!({ "counterpart": "registry", "kind": kind }));
}
