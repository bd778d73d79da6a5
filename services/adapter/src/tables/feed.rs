//! Feeds: a change table or view whose rows carry a number that only grows. The bureau keeps one mark a dataset and
//! county in `mq_feed` (up to which number its rows are final), the adapter keeps its own (up to which it has taken
//! them); what lies between is a batch of changes. The end of a stretch is noted before it is read, so that whoever
//! goes on after a crash reads the same one; the adapter's mark moves in the transaction that notes the stretch as told.

use super::{
    control::{Control, Span, is_number, readable},
    database::Link,
    holds,
    source::{Rows, Source, seq_of},
    sql::{Sql, cast},
    store::{self, FeedRow, Stretch},
};
use crate::{
    Result,
    core::Core,
    row::{Cell, text},
};

/// Feeds looked at in one pass; a city has some dozen datasets in nine counties.
const FEEDS: usize = 500;
/// Rows in one stretch; a longer one is cut, and what follows is the next batch.
pub const ROWS_A_STRETCH: u32 = 100_000;
const LONGEST: usize = 64;

/// What the bureau says of a feed.
struct Mark {
    dataset: String,
    county: String,
    as_of: String,
    settled: i64,
}

/// Stretches that are ready and have no result yet.
pub async fn ready(core: &Core, link: &mut Link) -> Result<Vec<Control>> {
    let mut ready = Vec::new();
    for mark in marks(link).await? {
        let dataset = core.dataset_titled(&mark.dataset).unwrap_or_else(|| mark.dataset.clone());
        let own = store::feed(&mut *core.cx.db.acquire().await?, &dataset, &mark.county).await?.unwrap_or_default();
        let open = match own.open() {
            Some(open) => Some(open),
            None => begin(core, link, &dataset, &mark, &own).await?,
        };
        let Some(open) = open else { continue };
        if !holds(link, "mq_batch_result", "batch_no", &open.no).await? {
            ready.push(Control {
                batch_no: open.no,
                dataset,
                county: mark.county,
                as_of: open.as_of,
                mode: "changes".to_owned(),
                row_count: String::new(),
                ready_at: String::new(),
                span: Some(Span { after: own.taken_seq, to: open.to }),
            });
        }
    }
    Ok(ready)
}

async fn marks(link: &mut Link) -> Result<Vec<Mark>> {
    let dialect = link.dialect();
    let mut sql = Sql::new(dialect, &format!("select {}", cast(dialect, "settled_seq")));
    for column in ["dataset", "county", "as_of"] {
        sql = sql.add(", ").text_of(column, LONGEST);
    }
    let sql = sql.add(&format!(
        " from mq_feed where settled_seq is not null and dataset is not null and county is not null \
         order by dataset, county limit {FEEDS}"
    ));
    let rows = link.ask(sql).await?;
    Ok(rows.iter().filter_map(|row| mark(row)).collect())
}

fn mark(row: &[Cell]) -> Option<Mark> {
    let text = |at: usize| match row.get(at) {
        Some(Cell::Text(text)) => readable(&text::trim(text)),
        _ => String::new(),
    };
    Some(Mark { settled: row.first().and_then(seq_of)?, dataset: text(1), county: text(2), as_of: text(3) })
}

/// Notes the next stretch of a feed, where there is one that was not refused before.
async fn begin(core: &Core, link: &mut Link, dataset: &str, mark: &Mark, own: &FeedRow) -> Result<Option<Stretch>> {
    let grown = own.taken_seq.is_none_or(|taken| mark.settled > taken);
    // A newer day with nothing in it says that nothing changed: the feed is fresh.
    if !grown && own.taken_as_of.as_deref() == Some(mark.as_of.as_str()) {
        return Ok(None);
    }
    let last = mark.settled.max(own.taken_seq.unwrap_or(i64::MIN));
    let rows = Rows::Between { county: &mark.county, after: own.taken_seq, to: last };
    let to = match core.schema(dataset) {
        // What there is no table for is refused when it is read.
        Some(schema) => match Source::find(link, schema.name(), rows).await? {
            Ok(source) => source.place_of(link, rows, ROWS_A_STRETCH).await?.unwrap_or(last),
            Err(_) => last,
        },
        None => last,
    };
    let stretch =
        Stretch { no: format!("{dataset}.{}.{}.{to}", mark.county, mark.as_of), to, as_of: mark.as_of.clone() };
    if !is_number(&stretch.no) {
        tracing::warn!(dataset, "a row of mq_feed whose county or as_of cannot be read is left alone");
        return Ok(None);
    }
    if holds(link, "mq_batch_result", "batch_no", &stretch.no).await? {
        return Ok(None);
    }
    let mut conn = core.cx.db.acquire().await?;
    let noted = store::open_feed(&mut conn, (dataset, &mark.county), own.taken_seq, &stretch).await?;
    Ok(noted)
}
