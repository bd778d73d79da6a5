//! One batch's rows out of its table or view, page by page in the order of `mq_seq`, inside one transaction that sees
//! one state of the table. Memory holds a page of cut texts, whatever lies in the table.

use super::{
    database::Link,
    sql::{Dialect, Sql, cast},
};
use crate::{
    Result,
    files::{Refusal, read::MAX_COLUMNS, refusal},
    row::Cell,
};

/// Rows in a page.
const PAGE: usize = 500;
/// No column of the contract takes a longer text, so a cut one is refused all the same.
const LONGEST: usize = 1_025;
pub const SEQ: &str = "mq_seq";
const BATCH_NO: &str = "mq_batch_no";
const COUNTY: &str = "mq_county";

/// Which rows of the table a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows<'a> {
    /// Those that carry its number.
    Numbered(&'a str),
    /// Those of a county after one mark, up to and with the other.
    Between { county: &'a str, after: Option<i64>, to: i64 },
}

impl Rows<'_> {
    /// The column that tells them from others.
    fn own_column(self) -> &'static str {
        match self {
            Rows::Numbered(_) => BATCH_NO,
            Rows::Between { .. } => COUNTY,
        }
    }

    fn after(self) -> i64 {
        match self {
            Rows::Numbered(_) => i64::MIN,
            Rows::Between { after, .. } => after.unwrap_or(i64::MIN),
        }
    }

    /// The end of a statement that selects them beyond `after`. A server may compare texts without regard to case or
    /// trailing blanks; numbers and codes mean what they say.
    fn select(self, sql: Sql, after: i64) -> Sql {
        let sql = match self {
            Rows::Numbered(no) => sql.same(BATCH_NO, no),
            Rows::Between { county, to, .. } => sql.same(COUNTY, county).add(&format!(" and {SEQ} <= ")).value(to),
        };
        sql.add(&format!(" and {SEQ} > ")).value(after)
    }
}

/// A table or view and its columns of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    table: String,
    pub columns: Vec<String>,
}

impl Source {
    /// Looks the table up in the server's catalogue. `name` is a dataset's or a form's, never a caller's text.
    pub async fn find(link: &mut Link, name: &str, rows: Rows<'_>) -> Result<Result<Source, Refusal>> {
        let table = format!("mq_{name}");
        let found = link.ask(catalogue(link.dialect(), &table)).await?;
        let texts = found.into_iter().map(|row| row.into_iter().map(text_of).collect::<Vec<_>>());
        let columns: Vec<_> = texts.filter_map(|row| Some((row.first()?.clone(), row.get(1)?.clone()))).collect();
        Ok(Source::check(link.dialect(), table, &columns, rows.own_column()))
    }

    fn check(dialect: Dialect, table: String, columns: &[(String, String)], own: &str) -> Result<Source, Refusal> {
        if columns.is_empty() {
            let en = format!("there is no table or view {table}, or it may not be read; create it and grant select");
            let zh = format!("没有表或视图 {table}，或未授予查询权限，请创建并授权");
            return Err(refusal("EXCHANGE_TABLE_MISSING", &en, &zh));
        }
        if columns.len() > MAX_COLUMNS {
            return Err(refusal("TOO_MANY_COLUMNS", "the table has more than 256 columns", "表超过 256 列"));
        }
        for own in [SEQ, own] {
            let Some((_, kind)) = columns.iter().find(|(name, _)| name == own) else {
                let (en, zh) = ("the table lacks this column; add it", "表缺少该列，请补充");
                return Err(refusal("REQUIRED_VALUE_MISSING", en, zh).of_column(own));
            };
            if own == SEQ && !is_whole(kind) {
                let (en, zh) = ("must be a whole number (bigint)", "应为整数类型（bigint）");
                return Err(refusal("COLUMN_TYPE", en, zh).of_column(own));
            }
        }
        let data = || columns.iter().filter(|(name, _)| ![SEQ, BATCH_NO, COUNTY].contains(&name.as_str()));
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

    /// A batch's rows from the first on.
    pub fn pages<'a>(&'a self, rows: Rows<'a>) -> Pages<'a> {
        Pages { source: self, rows, after: rows.after(), ended: false }
    }

    /// The place of the `most`-th of these rows, where there are as many: the end of a batch cut to that size.
    pub async fn place_of(&self, link: &mut Link, rows: Rows<'_>, most: u32) -> Result<Option<i64>> {
        let start =
            Sql::new(link.dialect(), &format!("select {} from {} t where ", cast(link.dialect(), SEQ), self.table));
        let sql = rows.select(start, rows.after()).add(&format!(" order by t.{SEQ} limit 1 offset {}", most - 1));
        Ok(link.ask(sql).await?.first().and_then(|row| row.first()).and_then(seq_of))
    }
}

/// A walk through a batch's rows.
pub struct Pages<'a> {
    source: &'a Source,
    rows: Rows<'a>,
    after: i64,
    ended: bool,
}

impl Pages<'_> {
    /// The next rows, each with its sequence number as the first cell; none at the end.
    pub async fn next(&mut self, link: &mut Link) -> Result<Result<Vec<Vec<Cell>>, Refusal>> {
        if self.ended {
            return Ok(Ok(Vec::new()));
        }
        let dialect = link.dialect();
        let mut sql = Sql::new(dialect, &format!("select {}", cast(dialect, SEQ)));
        for column in &self.source.columns {
            sql = sql.add(", ").text_of(column, LONGEST);
        }
        let sql = sql.add(&format!(" from {} t where ", self.source.table));
        // One row more than the page, to see whether its last number comes twice. Ordered by the table's column: a bare
        // name would mean the text selected above.
        let sql = self.rows.select(sql, self.after).add(&format!(" order by t.{SEQ} limit {}", PAGE + 1));
        let mut page = link.ask(sql).await?;
        match last_of(&page) {
            Ok(Some(last)) => self.after = last,
            Ok(None) => {}
            Err(refusal) => return Ok(Err(refusal)),
        }
        self.ended = page.len() <= PAGE;
        page.truncate(PAGE);
        Ok(Ok(page))
    }
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
    if seqs.windows(2).any(|pair| pair[0] >= pair[1]) {
        let (en, zh) =
            ("two rows of the batch have the same mq_seq; make it unique", "本批次存在重复的 mq_seq，请保证唯一");
        return Err(refusal("DUPLICATE_SEQ", en, zh).of_column(SEQ));
    }
    Ok(seqs.get(PAGE - 1).or(seqs.last()).copied())
}

/// A row's sequence number.
pub fn seq_of(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn text_of(cell: Cell) -> String {
    if let Cell::Text(text) = cell { text } else { String::new() }
}

/// Whether a table of the bureau's has a column that newer ones have.
pub async fn has_column(link: &mut Link, table: &str, column: &str) -> Result<bool> {
    let columns = link.ask(catalogue(link.dialect(), table)).await?;
    Ok(columns.into_iter().filter_map(|row| row.into_iter().next()).any(|name| text_of(name) == column))
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
