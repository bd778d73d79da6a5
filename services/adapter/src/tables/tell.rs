//! What became of a batch, written where the bureau looks: refused rows and the result in one transaction, the result
//! last. A reader who sees the result sees every refused row; one that is there is never written again. Messages name
//! the column and the remedy, never the value.

use minqing_proto::minqing::bureau::v1::Batch;

use super::{
    control::{Control, Kind},
    database::Link,
    holds,
    source::{Seqs, Source},
    sql::{Sql, Value, or_null},
};
use crate::{
    Result,
    core::Core,
    files::forms::Form,
    report::{Outcome, Told},
    store,
};

const ERRORS_A_PAGE: i64 = 2_000;
/// Refused rows written by one statement.
const ROWS_A_STATEMENT: usize = 250;

/// A refused row as it is written.
struct Line {
    row: u32,
    column: String,
    reason: String,
    zh: String,
    en: String,
}

/// Writes the result of a batch, once.
pub async fn tell(core: &Core, link: &mut Link, control: &Control, outcome: &Outcome) -> Result<()> {
    if holds(link, "mq_batch_result", "batch_no", &control.batch_no).await? {
        return Ok(());
    }
    let source = match outcome {
        Outcome::Refused(_) => None,
        Outcome::Batch(batch) if batch.refused == 0 => None,
        Outcome::Form(_, told) if told.is_empty() => None,
        _ => Source::find(link, &name(core, control)).await?.ok(),
    };
    link.begin().await?;
    let mut seqs = Seqs::new(source.as_ref(), &control.batch_no);
    match outcome {
        Outcome::Batch(batch) => tell_batch(core, link, batch, &mut seqs).await?,
        Outcome::Form(_, told) => write(link, told.iter().map(line_of_form).collect(), &mut seqs).await?,
        Outcome::Refused(_) => {}
    }
    let time = core.cx.clock.now().with_timezone(&china()).format("%Y-%m-%d %H:%M:%S").to_string();
    link.execute(result(link, control, outcome, &time)).await?;
    link.end().await
}

fn china() -> chrono::FixedOffset {
    chrono::FixedOffset::east_opt(8 * 3_600).unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc))
}

fn name(core: &Core, control: &Control) -> String {
    match control.kind() {
        Ok(Kind::Form(Form::Receipt)) => "receipt".to_owned(),
        Ok(Kind::Form(Form::Feedback)) => "feedback".to_owned(),
        _ => control.dataset(core),
    }
}

async fn tell_batch(core: &Core, link: &mut Link, batch: &Batch, seqs: &mut Seqs<'_>) -> Result<()> {
    let id = minqing_kit::id::parse_name("batches", &batch.name, "name")?;
    let mut after = 0;
    loop {
        let mut conn = core.cx.db.acquire().await?;
        let errors = store::row_errors(&mut conn, id, after, ERRORS_A_PAGE).await?;
        drop(conn);
        let Some(last) = errors.last() else { return Ok(()) };
        after = last.row;
        let line = |e: minqing_proto::minqing::types::v1::RowError| Line {
            row: u32::try_from(e.row).unwrap_or_default(),
            reason: e.reason().as_str_name().trim_start_matches("ROW_REASON_").to_owned(),
            column: e.header,
            zh: e.message_zh,
            en: e.message,
        };
        write(link, errors.into_iter().map(line).collect(), seqs).await?;
    }
}

fn line_of_form(told: &Told) -> Line {
    Line {
        row: told.row,
        column: told.column.clone(),
        reason: "REFUSED".to_owned(),
        zh: told.zh.clone(),
        en: told.en.clone(),
    }
}

async fn write(link: &mut Link, lines: Vec<Line>, seqs: &mut Seqs<'_>) -> Result<()> {
    for some in lines.chunks(ROWS_A_STATEMENT) {
        let mut sql = Sql::new(
            link.dialect(),
            "insert into mq_row_result (batch_no, row_no, mq_seq, column_name, reason, message_zh, message) values ",
        );
        for (at, line) in some.iter().enumerate() {
            let seq = Value::Whole(seqs.of(link, line.row).await?);
            sql = sql.add(if at == 0 { "(" } else { ", (" }).value(seqs.batch_no()).add(", ");
            sql = sql.value(i64::from(line.row)).add(", ").value(seq);
            for text in [&line.column, &line.reason, &line.zh, &line.en] {
                sql = sql.add(", ").value(text.as_str());
            }
            sql = sql.add(")");
        }
        link.execute(sql).await?;
    }
    Ok(())
}

fn result(link: &Link, control: &Control, outcome: &Outcome, time: &str) -> Sql {
    let none = || Value::Whole(None);
    let count = |n: usize| Value::Whole(i64::try_from(n).ok());
    let (word, batch, counts) = match outcome {
        Outcome::Batch(b) => {
            ("taken", b.name.as_str(), [b.sent.into(), b.accepted.into(), b.refused.into(), b.changed.into()])
        }
        Outcome::Form(sent, told) => ("taken", "", [count(*sent), count(sent - told.len()), count(told.len()), none()]),
        Outcome::Refused(_) => ("refused", "", [none(), none(), none(), none()]),
    };
    let why = match outcome {
        Outcome::Refused(r) => [r.reason.as_str(), &r.column, &r.zh, &r.en],
        _ => [""; 4],
    };
    let mut sql = Sql::new(
        link.dialect(),
        "insert into mq_batch_result (batch_no, outcome, batch, sent, accepted, refused, changed, \
           reason, column_name, message_zh, message, finished_at) values (",
    )
    .value(control.batch_no.as_str())
    .add(", ")
    .value(word)
    .add(", ")
    .value(or_null(batch));
    for value in counts.into_iter().chain(why.into_iter().map(or_null)) {
        sql = sql.add(", ").value(value);
    }
    sql.add(", ").time(time).add(")")
}
