//! The households of J3: a database of its own with monitoring's tables, filled set by set from a fixed seed, so that two
//! runs of the same size hold the same rows. Shares are those of a poor mountain prefecture, roughly.

use std::collections::BTreeSet;

use anyhow::Context as _;
use minqing_policy::{Pack, catalogue};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::records;

const DATABASE: &str = "bench_rules";
/// Monitoring's own tables, as it makes them.
const TABLES: [&str; 2] = [
    include_str!("../../../../services/monitoring/migrations/0001_roster.sql"),
    include_str!("../../../../services/monitoring/migrations/0002_feed.sql"),
];
/// One in so many households lives in the second and later counties of the pack.
const COUNTIES: usize = 9;

/// The filled database.
pub struct Town {
    pub url: String,
    /// Business date, YYYY-MM-DD.
    pub today: String,
    pub households: usize,
    pub members: i64,
    /// Rows of the bureaus' datasets.
    pub records: i64,
    /// Datasets whose feed is stale, so that what rests on them is unknown.
    pub stale: Vec<String>,
}

impl Town {
    /// Makes it anew. `fresh` are the datasets that must not be stale.
    pub async fn build(
        admin: &str,
        (pack, today, households): (&Pack, &str, usize),
        fresh: &BTreeSet<String>,
    ) -> anyhow::Result<Town> {
        drop_database(admin).await?;
        let mut connection = PgConnection::connect(admin).await?;
        run(&mut connection, &format!("create database {DATABASE}")).await?;
        connection.close().await?;
        let (server, _) = admin.rsplit_once('/').context("the database's URL has no name")?;
        let url = format!("{server}/{DATABASE}");
        let mut connection = PgConnection::connect(&url).await?;
        run(&mut connection, "create schema monitoring; create schema bench; select setseed(0.42)").await?;
        for tables in TABLES {
            run(&mut connection, tables).await?;
        }
        for statement in catalogue::record_sets().iter().flat_map(catalogue::record_table_ddl) {
            run(&mut connection, &statement).await?;
        }
        register(&mut connection, (pack, today, households)).await?;
        for set in catalogue::record_sets() {
            run(&mut connection, &records::fill(pack, set, today)).await?;
        }
        let stale = feeds(&mut connection, today, fresh).await?;
        run(&mut connection, "vacuum (analyze)").await?;
        run(&mut connection, "checkpoint").await?;
        let members = sqlx::query_scalar("select count(*) from monitoring.member").fetch_one(&mut connection).await?;
        let mut records = 0;
        for set in catalogue::record_sets() {
            let count = format!("select count(*) from monitoring.{}", set.table);
            records += sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).fetch_one(&mut connection).await?;
        }
        connection.close().await?;
        Ok(Town { url, today: today.to_owned(), households, members, records, stale })
    }

    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// Every household, in order of its id.
    pub async fn ids(&self) -> anyhow::Result<Vec<Uuid>> {
        let mut connection = self.connect().await?;
        let all = "select household_id from monitoring.household order by household_id";
        Ok(sqlx::query_scalar(all).fetch_all(&mut connection).await?)
    }
}

/// Removes what an earlier run left.
pub async fn drop_database(admin: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(admin).await?;
    run(&mut connection, &format!("drop database if exists {DATABASE} with (force)")).await?;
    Ok(connection.close().await?)
}

pub async fn run(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.with_context(|| {
        let shown: String = sql.chars().take(400).collect();
        format!("in {shown}")
    })?;
    Ok(())
}

/// Households, members, classes, vehicles and referrals. Ids of households rise as they were registered, like those of
/// the registry; person keys are scattered, like keyed hashes.
async fn register(
    connection: &mut PgConnection,
    (pack, today, households): (&Pack, &str, usize),
) -> anyhow::Result<()> {
    let counties: Vec<String> =
        pack.head().counties.iter().take(COUNTIES).map(|county| format!("'{}'", county.code)).collect();
    let counties = format!("(array[{}])[1 + (i % {})]", counties.join(", "), counties.len());
    run(
        connection,
        &format!(
            "insert into monitoring.household (household_id, division_code, county_code, area_kind, declared_income_fen, \
               income_as_of, financial_assets_fen, house_count, as_of, sequence, first_seen_on) \
             select ('01990000-0000-7000-8000-' || lpad(to_hex(h.i), 12, '0'))::uuid, h.county, h.county, h.area, \
               (h.size * case h.area when 'urban' then 3200000 else 1400000 end * exp(0.5 * h.income))::bigint, \
               date '{today}' - 60, (600000 * exp(1.2 * h.assets))::bigint, \
               case when h.luck < 0.01 then 0 when h.luck < 0.93 then 1 else 2 end, date '{today}' - 30, 1, date '{today}' - 400 \
             from (select i, {counties} as county, case when random() < 0.25 then 'urban' else 'rural' end as area, \
                 1 + (i * 7 % 5) as size, sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) as income, \
                 sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) as assets, random() as luck \
               from generate_series(1, {households}) i offset 0) h"
        ),
    )
    .await?;
    // The first of a household is its head: the rows of datasets about households hang on that person.
    run(
        connection,
        &format!(
            "insert into monitoring.member (person_key, household_id, birth_on, sex, relation, joined_on) \
             select md5('person ' || h.no || ' ' || n)::uuid, h.household_id, \
               date '{today}' - (case n when 1 then 9000 + random() * 20000 when 2 then 9000 + random() * 20000 \
                 when 3 then random() * 10000 when 4 then random() * 9000 else 20000 + random() * 12000 end)::int, \
               1 + (n % 2), case n when 1 then '02' when 2 then '10' when 5 then '50' else '20' end, date '{today}' - 900 \
             from (select household_id, row_number() over (order by household_id) as no from monitoring.household) h \
             cross join lateral generate_series(1, 1 + (h.no * 7 % 5)::int) n"
        ),
    )
    .await?;
    run(connection, "analyze").await?;
    run(connection, &classes(today)).await?;
    run(
        connection,
        &format!(
            "insert into monitoring.vehicle (household_id, kind, vehicle_use, registered_on) \
             select h.household_id, 'car', case when random() < 0.9 then 'private' else 'commercial' end, \
               date '{today}' - (random() * 3000)::int from monitoring.household h where random() < 0.09; \
             insert into monitoring.referral (referral_id, household_id, person_key, bureau, programme, issued_on, due_on, \
               settled_on, decision) \
             select md5('referral ' || h.household_id)::uuid, h.household_id, null, 'hr', 'P-RS-01', date '{today}' - 40, \
               date '{today}' - 40 + (random() * 60)::int, case when random() < 0.7 then date '{today}' - 5 end, \
               case when random() < 0.7 then 'granted' end from monitoring.household h where random() < 0.03"
        ),
    )
    .await
}

/// Who holds a class: most of those whose income is below the line, and some whose income has risen since.
fn classes(today: &str) -> String {
    let since = format!("date '{today}' - 100 - (random() * 900)::int");
    let of_household = |class: &str, share: &str| {
        format!(
            "insert into monitoring.class_status (household_id, person_key, assistance_class, valid_from, amount_fen) \
             select h.household_id, null, '{class}', {since}, 20000 + (random() * 60000)::bigint from monitoring.household h \
             join (select household_id, count(*) as size from monitoring.member group by 1) m using (household_id) \
             where random() < {share};"
        )
    };
    let of_person = |class: &str, share: &str| {
        format!(
            "insert into monitoring.class_status (household_id, person_key, assistance_class, valid_from, amount_fen) \
             select m.household_id, m.person_key, '{class}', {since}, 30000 + (random() * 60000)::bigint \
             from monitoring.member m where random() < {share};"
        )
    };
    let poor = "case when h.declared_income_fen < 700000 * m.size then 0.6 else 0.01 end";
    [
        of_household("minimum_living", poor),
        of_household("edge", "0.012"),
        of_household("rigid_expenditure", "0.004"),
        of_household("return_to_poverty", "0.012"),
        of_person("minimum_living", "0.004"),
        of_person("destitute", "case when m.birth_on < date '1966-01-01' then 0.02 else 0.0005 end"),
        of_person("other_hardship", "0.002"),
        of_person("orphan", "0.0003"),
    ]
    .join(" ")
}

/// Every feed of every county came three days ago, but for the last two datasets that may be stale.
async fn feeds(connection: &mut PgConnection, today: &str, fresh: &BTreeSet<String>) -> anyhow::Result<Vec<String>> {
    let may: Vec<_> = catalogue::record_sets().iter().filter(|set| !fresh.contains(&set.name())).collect();
    let stale: Vec<String> = may.iter().rev().take(2).map(|set| set.name()).collect();
    for set in catalogue::record_sets() {
        let until = if stale.contains(&set.name()) { "- 1" } else { "+ 30" };
        run(
            connection,
            &format!(
                "insert into monitoring.feed (bureau, dataset, county_code, rhythm, as_of, fresh_until, due_on) \
                 select distinct '{}', '{}', county_code, 'monthly', date '{today}' - 3, date '{today}' {until}, \
                 date '{today}' + 35 from monitoring.household",
                set.bureau, set.dataset
            ),
        )
        .await?;
    }
    Ok(stale)
}
