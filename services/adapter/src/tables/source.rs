//! One batch's rows out of its table or view, page by page in the order of `mq_seq`, inside one transaction that sees
//! one state of the table. Memory holds a page of cut texts, whatever lies in the table.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

use super::{
    database::Link,
    sql::{Dialect, Sql, cast},
};
use crate::{
    Result,
    files::{
        Refusal,
        read::{MAX_COLUMNS, Sink},
        refusal,
    },
    row::Cell,
};

/// Rows in a page.
const PAGE: usize = 500;
/// Sequence numbers in a page.
const SEQS: usize = 5_000;
/// No column of the contract takes a longer text, so a cut one is refused all the same.
const LONGEST: usize = 1_025;
const SEQ: &str = "mq_seq";
const BATCH_NO: &str = "mq_batch_no";

/// A table or view and its columns of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    table: String,
    columns: Vec<String>,
}

impl Source {
    /// Looks the table up in the server's catalogue. `name` is a dataset's or a form's, never a caller's text.
    pub async fn find(link: &mut Link, name: &str) -> Result<Result<Source, Refusal>> {
        let table = format!("mq_{name}");
        let found = link.ask(catalogue(link.dialect(), &table)).await?;
        let texts = found.into_iter().map(|row| row.into_iter().map(text_of).collect::<Vec<_>>());
        let columns: Vec<_> = texts.filter_map(|row| Some((row.first()?.clone(), row.get(1)?.clone()))).collect();
        Ok(Source::check(link.dialect(), table, &columns))
    }

    fn check(dialect: Dialect, table: String, columns: &[(String, String)]) -> Result<Source, Refusal> {
        if columns.is_empty() {
            let en = format!("there is no table or view {table}, or it may not be read; create it and grant select");
            let zh = format!("没有表或视图 {table}，或未授予查询权限，请创建并授权");
            return Err(refusal("EXCHANGE_TABLE_MISSING", &en, &zh));
        }
        if columns.len() > MAX_COLUMNS {
            return Err(refusal("TOO_MANY_COLUMNS", "the table has more than 256 columns", "表超过 256 列"));
        }
        for own in [SEQ, BATCH_NO] {
            let Some((_, kind)) = columns.iter().find(|(name, _)| name == own) else {
                let (en, zh) = ("the table lacks this column; add it", "表缺少该列，请补充");
                return Err(refusal("REQUIRED_VALUE_MISSING", en, zh).of_column(own));
            };
            if own == SEQ && !is_whole(kind) {
                let (en, zh) = ("must be a whole number (bigint)", "应为整数类型（bigint）");
                return Err(refusal("COLUMN_TYPE", en, zh).of_column(own));
            }
        }
        let data = || columns.iter().filter(|(name, _)| name != SEQ && name != BATCH_NO);
        if let Some((name, _)) = data().find(|(_, kind)| !is_plain(dialect, kind)) {
            let (en, zh) = (
                "the column's type holds no plain value; use text, a number, a date or a yes/no",
                "列类型无法交换，请使用文本、数字、日期或布尔类型",
            );
            let column: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(refusal("COLUMN_TYPE", en, zh).of_column(&column));
        }
        Ok(Source { table, columns: data().map(|(name, _)| name.clone()).collect() })
    }

    fn page(&self, dialect: Dialect, batch_no: &str, after: i64, limit: usize) -> Sql {
        let seq = cast(dialect, SEQ);
        let mut sql = Sql::new(dialect, &format!("select {seq}"));
        for column in &self.columns {
            sql = sql.add(", ").text_of(column, LONGEST);
        }
        self.of_batch(sql, batch_no, after, limit)
    }

    fn of_batch(&self, sql: Sql, batch_no: &str, after: i64, limit: usize) -> Sql {
        let sql = sql.add(&format!(" from {} where {BATCH_NO} = ", self.table)).value(batch_no);
        sql.add(&format!(" and {SEQ} > ")).value(after).add(&format!(" order by {SEQ} limit {limit}"))
    }

    /// Reads a batch into `sink`, off the runtime's threads; a page beyond the announced rows it stops. The digest is
    /// of the control row and everything read.
    pub async fn read<S: Sink + Send + 'static>(
        &self,
        link: &mut Link,
        batch: &Announced<'_>,
        mut sink: S,
    ) -> Result<Result<(S, [u8; 32]), Refusal>> {
        if let Err(refusal) = sink.header(&self.columns) {
            return Ok(Err(refusal));
        }
        let mut digest = Sha256::new();
        digest.update(batch.head);
        for column in &self.columns {
            digest.update(column.as_bytes());
            digest.update([0]);
        }
        let (mut seen, mut after) = (0, i64::MIN);
        while seen <= batch.rows {
            // One row more than the page, to see whether its last number comes twice.
            let mut page = link.ask(self.page(link.dialect(), batch.batch_no, after, PAGE + 1)).await?;
            after = match last_of(&page) {
                Ok(Some(last)) => last,
                Ok(None) => break,
                Err(refusal) => return Ok(Err(refusal)),
            };
            page.truncate(PAGE);
            let whole = page.len();
            let work = tokio::task::spawn_blocking(move || {
                let done = take(&mut sink, &mut digest, seen, page);
                (sink, digest, done)
            });
            let done;
            (sink, digest, done) = work.await.map_err(minqing_kit::Error::bug)?;
            match done {
                Ok(now) => seen = now,
                Err(refusal) => return Ok(Err(refusal)),
            }
            if whole < PAGE {
                break;
            }
        }
        Ok(Ok((sink, digest.finalize().into())))
    }
}

/// A batch as its control row announces it.
pub struct Announced<'a> {
    pub batch_no: &'a str,
    pub rows: u32,
    pub head: [u8; 32],
}

/// Sequence number of the page's last row; every row must have one of its own.
fn last_of(page: &[Vec<Cell>]) -> Result<Option<i64>, Refusal> {
    let mut seqs = Vec::with_capacity(page.len());
    for row in page {
        match row.first().map(seq_of) {
            Some(Some(seq)) => seqs.push(seq),
            _ => {
                let (en, zh) = ("cannot be read as a whole number", "无法读取为整数");
                return Err(refusal("COLUMN_TYPE", en, zh).of_column(SEQ));
            }
        }
    }
    if seqs.windows(2).any(|pair| pair[0] == pair[1]) {
        let (en, zh) =
            ("two rows of the batch have the same mq_seq; make it unique", "本批次存在重复的 mq_seq，请保证唯一");
        return Err(refusal("DUPLICATE_SEQ", en, zh).of_column(SEQ));
    }
    Ok(seqs.get(PAGE - 1).or(seqs.last()).copied())
}

fn seq_of(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn take(sink: &mut dyn Sink, digest: &mut Sha256, mut seen: u32, page: Vec<Vec<Cell>>) -> Result<u32, Refusal> {
    for mut row in page {
        for cell in &row {
            let bytes: &[u8] = if let Cell::Text(text) = cell { text.as_bytes() } else { &[0xff] };
            digest.update(bytes.len().to_be_bytes());
            digest.update(bytes);
        }
        seen = crate::files::read::next(seen)?;
        row.remove(0);
        sink.line(seen, Some(row))?;
    }
    Ok(seen)
}

/// Which row of the table a batch's n-th row is, asked in rising order.
pub struct Seqs<'a> {
    source: Option<&'a Source>,
    batch_no: &'a str,
    page: VecDeque<i64>,
    after: i64,
    row: u32,
}

impl<'a> Seqs<'a> {
    /// Without a source no row has a number.
    pub fn new(source: Option<&'a Source>, batch_no: &'a str) -> Seqs<'a> {
        Seqs { source, batch_no, page: VecDeque::new(), after: i64::MIN, row: 0 }
    }

    pub fn batch_no(&self) -> &'a str {
        self.batch_no
    }

    /// `None` when the bureau has taken the row away meanwhile.
    pub async fn of(&mut self, link: &mut Link, row: u32) -> Result<Option<i64>> {
        let Some(source) = self.source else { return Ok(None) };
        while self.row < row {
            if self.page.is_empty() {
                let start = Sql::new(link.dialect(), &format!("select {}", cast(link.dialect(), SEQ)));
                let rows = link.ask(source.of_batch(start, self.batch_no, self.after, SEQS)).await?;
                self.page = rows.iter().filter_map(|r| r.first().and_then(seq_of)).collect();
                let Some(last) = self.page.back() else { return Ok(None) };
                self.after = *last;
            }
            self.row += 1;
            let seq = self.page.pop_front();
            if self.row == row {
                return Ok(seq);
            }
        }
        Ok(None)
    }
}

fn text_of(cell: Cell) -> String {
    if let Cell::Text(text) = cell { text } else { String::new() }
}

/// Names and types of a table's columns; a domain counts as the type below it, an enumeration as text.
fn catalogue(dialect: Dialect, table: &str) -> Sql {
    match dialect {
        Dialect::Postgres => Sql::new(
            dialect,
            "select cast(a.attname as text), case when t.typtype = 'e' then 'text' else \
               pg_catalog.format_type(case when t.typbasetype <> 0 then t.typbasetype else a.atttypid end, null) end \
             from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid \
             where a.attnum > 0 and not a.attisdropped and a.attrelid = to_regclass(",
        )
        .value(table)
        .add(") order by a.attnum"),
        Dialect::MySql => Sql::new(
            dialect,
            "select cast(column_name as char), cast(data_type as char) from information_schema.columns \
             where table_schema = database() and table_name = ",
        )
        .value(table)
        .add(" order by ordinal_position"),
    }
}

fn is_whole(kind: &str) -> bool {
    matches!(kind, "smallint" | "integer" | "bigint" | "tinyint" | "mediumint" | "int")
}

fn is_plain(dialect: Dialect, kind: &str) -> bool {
    let text = match dialect {
        Dialect::Postgres => {
            matches!(kind, "text" | "character" | "character varying" | "bpchar" | "name" | "boolean" | "real")
                || matches!(kind, "timestamp without time zone" | "timestamp with time zone")
        }
        Dialect::MySql => {
            matches!(kind, "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set")
                || matches!(kind, "datetime" | "timestamp" | "year" | "float" | "double")
        }
    };
    text || is_whole(kind) || matches!(kind, "numeric" | "decimal" | "double precision" | "date")
}
