//! Rows at random that keep every constraint of the tables they go into, whatever version these are of.
//!
//! A row is drawn column by column and tried; what a check or a key refuses is drawn again. Foreign keys name a row there
//! is; checks that list words are drawn from these; the rest is by type or as `HINTS` says.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, PgConnection};

/// Rows each table gets, and gets again when a migration has changed what may stand in it.
const ROWS: u32 = 20;
/// Draws refused one after the other: a table has as many rows as its keys let it have, or is beyond chance.
const TRIES: u32 = 1500;

/// A pool, so that rows of several tables are about the same.
const HOUSEHOLD: &str = "uuid(lpad(to_hex(floor(random() * 60)::integer), 32, '0'))";
const PERSON: &str = "uuid(lpad(to_hex(1000 + floor(random() * 60)::integer), 32, '0'))";
const DIVISION: &str = "'621202' || lpad(floor(random() * 1000000)::text, 6, '0')";
const ARCHIVE: &str = "convert_to(draw.n::text, 'UTF8')";
const HASH_OF_ARCHIVE: &str = "encode(sha256(convert_to(draw.n::text, 'UTF8')), 'hex')";

/// What chance would hardly hit, by schema, table and column, or by column alone.
const HINTS: &[(&str, &str)] = &[
    ("household_id", HOUSEHOLD),
    ("person_key", PERSON),
    ("division_code", DIVISION),
    ("month", "date '2020-01-01' + make_interval(months => floor(random() * 80)::integer)"),
    ("subject", "(array['', 'a', 'b', 'c', 'd'])[1 + floor(random() * 5)::integer]"),
    ("decided_by", "'operator/county/621202'"),
    // The kit's second version makes one month of all months before it.
    ("at", "clock_timestamp() - random() * interval '90 days'"),
    ("monitoring.county.county_code", "'62' || lpad(floor(random() * 10000)::text, 4, '0')"),
    // No foreign key says so: the roster makes the county with its first household.
    ("monitoring.household.county_code", "(select county_code from monitoring.county order by random() limit 1)"),
    ("monitoring.policy.archive", ARCHIVE),
    ("monitoring.policy.content_hash", HASH_OF_ARCHIVE),
    ("identification.policy_pack.files", ARCHIVE),
    ("identification.policy_pack.content_hash", HASH_OF_ARCHIVE),
    ("registry.division.code", DIVISION),
    (
        "dispatch.visit.verdict",
        "(array['verified_true', 'verified_partly', 'not_true', 'already_aided', 'cannot_find', 'moved_away', \
         'refuses_help', 'died'])[1 + floor(random() * 8)::integer]",
    ),
    ("dispatch.yield_fall.floor_permille", "500"),
    // Before most verdicts, which count from then on.
    ("dispatch.reason.raised_on", "date '2021-01-01' + floor(random() * 200)::integer"),
    (
        "feedback.difference.kind",
        "(array['missing_in_registry', 'missing_in_feedback', 'missing_there', 'missing_here', 'content_differs']) \
         [1 + floor(random() * 5)::integer]",
    ),
];

#[derive(sqlx::FromRow)]
struct Column {
    on_table: String,
    name: String,
    kind: String,
    required: bool,
    /// Of a check that lists what may stand here: the list.
    words: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Link {
    on_table: String,
    columns: Vec<String>,
    target: String,
    target_columns: Vec<String>,
}

const COLUMNS: &str = "\
    select c.relname::text as on_table, a.attname::text as name, format_type(a.atttypid, null) as kind, \
           a.attnotnull as required, \
           (select (regexp_match(pg_get_constraintdef(k.oid), 'ARRAY\\[[^]]*\\]'))[1] from pg_constraint k \
            where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum] \
              and pg_get_constraintdef(k.oid) like '%= ANY (ARRAY[%' limit 1) as words \
    from pg_class c join pg_attribute a on a.attrelid = c.oid \
    where c.relnamespace = $1::text::regnamespace and c.relkind in ('r', 'p') and not c.relispartition \
      and c.relname not in ('_kit_migrations', '_sqlx_migrations') \
      and a.attnum > 0 and not a.attisdropped and a.attidentity = '' and a.attgenerated = '' \
    order by c.relname, a.attnum";

const LINKS: &str = "\
    select c.relname::text as on_table, t.relname::text as target, \
           array(select a.attname::text from unnest(f.conkey) with ordinality k (n, place) \
                 join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.n order by place) as columns, \
           array(select a.attname::text from unnest(f.confkey) with ordinality k (n, place) \
                 join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.n order by place) as target_columns \
    from pg_constraint f join pg_class c on c.oid = f.conrelid join pg_class t on t.oid = f.confrelid \
    where f.contype = 'f' and f.connamespace = $1::text::regnamespace and not c.relispartition \
    order by f.conname";

/// Adds rows to every table of the schema that is not as it was when it last got some; none is empty afterwards. `drawn`
/// remembers by which statements.
pub async fn fill(owner: &mut PgConnection, schema: &str, drawn: &mut BTreeSet<String>) {
    let columns: Vec<Column> = sqlx::query_as(COLUMNS).bind(schema).fetch_all(&mut *owner).await.unwrap();
    let links: Vec<Link> = sqlx::query_as(LINKS).bind(schema).fetch_all(&mut *owner).await.unwrap();
    let mut tables: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
    for column in &columns {
        tables.entry(&column.on_table).or_default().push(column);
    }
    let mut filled: BTreeSet<&str> = BTreeSet::new();
    while filled.len() < tables.len() {
        let next = tables.keys().copied().find(|table| {
            let mut needed = links.iter().filter(|link| link.on_table == *table && link.target != *table);
            !filled.contains(table) && needed.all(|link| filled.contains(link.target.as_str()))
        });
        let table = next.expect("foreign keys go round in a circle");
        let links: Vec<&Link> = links.iter().filter(|link| link.on_table == table).collect();
        let insert = insert(schema, table, &tables[table], &links);
        if !drawn.contains(&insert) {
            sqlx::raw_sql(AssertSqlSafe(again_and_again(schema, table, &insert))).execute(&mut *owner).await.unwrap();
            drawn.insert(insert);
        }
        filled.insert(table);
    }
}

/// One row drawn at random.
fn insert(schema: &str, table: &str, columns: &[&Column], links: &[&Link]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let values: Vec<String> = columns.iter().map(|column| value(schema, column, links)).collect();
    let mut insert = format!(
        "insert into {schema}.{table} ({}) select {} from (select floor(random() * 1000000)::bigint as n) draw",
        names.join(", "),
        values.join(", ")
    );
    for (place, link) in links.iter().enumerate() {
        insert += &format!(
            " left join (select * from {schema}.{} order by random() limit 1) link{place} on true",
            link.target
        );
    }
    insert
}

fn value(schema: &str, column: &Column, links: &[&Link]) -> String {
    let linked = links.iter().enumerate().find_map(|(number, link)| {
        let place = link.columns.iter().position(|name| *name == column.name)?;
        Some(format!("link{number}.{}", link.target_columns[place]))
    });
    let full = format!("{schema}.{}.{}", column.on_table, column.name);
    let hint = |name: &str| HINTS.iter().find(|(hinted, _)| *hinted == name).map(|(_, sql)| (*sql).to_owned());
    let words =
        column.words.as_ref().map(|words| format!("(select word from unnest({words}) word order by random() limit 1)"));
    let drawn = linked
        .or_else(|| hint(&full))
        .or(words)
        .or_else(|| hint(&column.name).filter(|_| column.kind != "bytea"))
        .unwrap_or_else(|| by_type(&full, &column.kind));
    if column.required { drawn } else { format!("case when random() < 0.4 then null else {drawn} end") }
}

fn by_type(column: &str, kind: &str) -> String {
    let drawn = match kind {
        "uuid" => "gen_random_uuid()",
        "text" => "case when random() < 0.3 then '' else 't' || floor(random() * 1000000) end",
        "smallint" => "floor(random() * 6)::smallint",
        "integer" => "floor(random() * 6)::integer",
        "bigint" => "floor(random() * 400)::bigint",
        "boolean" => "random() < 0.5",
        "date" => "date '2021-01-01' + floor(random() * 2000)::integer",
        "timestamp with time zone" => "timestamptz '2021-01-01 00:00+08' + random() * interval '2000 days'",
        "bytea" => "sha256(convert_to(random()::text, 'UTF8'))",
        "json" | "jsonb" => "json_build_object('some', random())",
        "text[]" => "(array['a', 'b'])[:1 + floor(random() * 2)::integer]",
        "uuid[]" => "(array[gen_random_uuid(), gen_random_uuid()])[:1 + floor(random() * 2)::integer]",
        "smallint[]" => "(array[1, 2]::smallint[])[:1 + floor(random() * 2)::integer]",
        "integer[]" => "(array[1, 2])[:1 + floor(random() * 2)::integer]",
        other => panic!("{column} is a {other}: say here how one is drawn"),
    };
    format!("({drawn})::{kind}")
}

/// Draws until there are so many rows more, or keys have no room for another.
fn again_and_again(schema: &str, table: &str, insert: &str) -> String {
    format!(
        "do $fill$
        declare
            made integer := 0;
            refused integer := 0;
            told text;
        begin
            while made < {ROWS} and refused < {TRIES} loop
                begin
                    {insert};
                    made := made + 1;
                    refused := 0;
                exception when integrity_constraint_violation then
                    refused := refused + 1;
                    told := sqlerrm;
                end;
            end loop;
            if not exists (select from {schema}.{table}) then
                raise exception 'no row can be drawn for {schema}.{table}: %', told;
            end if;
        end $fill$"
    )
}
