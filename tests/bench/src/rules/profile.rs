//! Where our time goes: the statements cut off after each step, over one slice.

use std::collections::BTreeMap;

use minqing_policy::SESSION_SETTINGS;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    Bench,
    ours::{From, Kept, Ours, SLICE},
    statement::Steps,
    town::run,
};
use crate::measure::round;

/// CPU milliseconds of each statement's steps, each of the steps before it included.
pub async fn of(bench: &Bench<'_>, connection: &mut PgConnection) -> anyhow::Result<Value> {
    let households = SLICE.min(bench.ids.len());
    let mut figures = Map::new();
    figures.insert("households".to_owned(), json!(households));
    let statements =
        [("screening", bench.pack.hits_sql(), "condition"), ("assessment", bench.pack.entitled_sql(), "rule")];
    for (title, sql, last) in statements {
        let steps = Steps::of(sql)?;
        let counted = |names: &[&str]| {
            let parts: Vec<String> = names.iter().map(|name| format!("(select count(*) from {name})")).collect();
            steps.with_select(&format!("select {}", parts.join(" + ")))
        };
        let last = [format!("person_{last}"), format!("household_{last}")];
        let cuts = [
            ("1_facts_of_sources", counted(&["person_0", "household_0"])),
            ("2_facts_and_conditions", counted(&[&last[0], &last[1]])),
            ("3_verdicts", format!("select count(*) from ({sql}) s")),
            (
                "4_explanations",
                format!("select count(s.conditions) + count(s.facts) + count(s.parameters) from ({sql}) s"),
            ),
        ];
        for (step, statement) in cuts {
            let watch = bench.processes.watch();
            let mut transaction = connection.begin().await?;
            run(&mut transaction, SESSION_SETTINGS).await?;
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
                .persistent(false)
                .bind(&bench.ids[..households])
                .bind(bench.today)
                .fetch_one(&mut *transaction)
                .await?;
            transaction.rollback().await?;
            std::hint::black_box(rows);
            figures.insert(format!("{title}_{step}_cpu_ms"), json!(round(watch.stop().cpu * 1e3)));
        }
    }
    let ours = Ours::of(&bench.pack, bench.today, From::Records, Kept::Explained)?;
    let (cost, _) = bench.pass(connection, &ours, households).await?;
    figures.insert("both_stored_cpu_ms".to_owned(), json!(round(cost.cpu * 1e3)));
    Ok(Value::Object(figures))
}

/// What explanations show of parameters: by place, one object a rule.
pub async fn parameters_shown(
    bench: &Bench<'_>,
    connection: &mut PgConnection,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for sql in [bench.part.screening_sql(), bench.part.register_assessment_sql()] {
        let select = "select t.place, to_jsonb(t) from parameter_text t";
        let rows: Vec<(String, Value)> = sqlx::query_as(AssertSqlSafe(Steps::of(sql)?.with_select(select)))
            .persistent(false)
            .bind(&bench.ids)
            .bind(bench.today)
            .fetch_all(&mut *connection)
            .await?;
        for (place, value) in rows {
            let entry = found.entry(place).or_insert_with(|| json!({}));
            for (key, value) in value.as_object().into_iter().flatten() {
                entry[key] = value.clone();
            }
        }
    }
    Ok(found)
}
