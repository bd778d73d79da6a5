//! Loads the city's divisions at start and lists them.

use anyhow::Context as _;
use minqing_kit::{Result, db::Db, page};
use minqing_proto::minqing::registry::v1;

use super::Registry;
use crate::{
    domain::division::{Division, Divisions},
    store,
};

/// The city's divisions as the statistical bureau publishes them: code, name, level, parent.
const CSV: &str = include_str!("../../divisions.csv");
const MAX_PAGE: i32 = 500;

/// Writes what the table lacks and reads it all.
pub async fn load(db: &Db) -> anyhow::Result<Divisions> {
    let divisions = parse(CSV)?;
    let mut conn = db.acquire().await?;
    let written = store::division::seed(&mut conn, &divisions).await?;
    if written > 0 {
        tracing::info!(written, "divisions written");
    }
    let rows = store::division::all(&mut conn).await?;
    Ok(Divisions::new(rows.into_iter().map(|r| Division {
        code: r.code,
        title: r.title,
        level: r.level,
        parent_code: r.parent_code,
    })))
}

fn parse(csv: &str) -> anyhow::Result<Vec<Division>> {
    let mut divisions = Vec::new();
    for (i, line) in csv.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let mut cells = line.trim().split(',').map(str::to_owned);
        let mut cell = || cells.next().with_context(|| format!("divisions.csv has a short line {}", i + 1));
        let division = Division { code: cell()?, title: cell()?, level: cell()?, parent_code: cell()? };
        divisions.push(division);
    }
    Ok(divisions)
}

impl Registry {
    /// A page of divisions below `parent_code`, or of all when it is empty, and the token of the next page.
    pub async fn divisions(&self, request: &v1::ListDivisionsRequest) -> Result<(Vec<v1::Division>, String)> {
        let canonical = format!("divisions|{}", request.parent_code);
        let page = page::page(request.page_size, &request.page_token, &canonical, MAX_PAGE)?;
        let parent = (!request.parent_code.is_empty()).then_some(request.parent_code.as_str());
        let after = page.after.as_deref().unwrap_or_default();
        let mut conn = self.db.acquire().await?;
        let rows = store::division::page(&mut conn, parent, after, page.size + 1).await?;
        let (rows, last) = super::households::cut(rows, page.size, |r| r.code.clone());
        let division = |r: store::division::DivisionRow| v1::Division {
            code: r.code,
            title: r.title,
            level: r.level,
            parent_code: r.parent_code,
        };
        let token = last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default();
        Ok((rows.into_iter().map(division).collect(), token))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_file_holds_one_city_nine_counties_and_their_townships() {
        let all = parse(CSV).unwrap();
        let of = |level: &str| all.iter().filter(|d| d.level == level).count();
        assert_eq!((of("city"), of("county"), of("township")), (1, 9, 199));
        let divisions = Divisions::new(all);
        assert!(divisions.county("621202").is_some());
    }
}
