//! Feeds on the wire: freshness, quality of the newest batch, open warnings.

use chrono::NaiveDate;
use minqing_proto::minqing::{
    monitoring::v1::{EmptyColumn, Feed as Told, FeedQuality, ListFeedsRequest, RefusedRows},
    options::v1::Rhythm,
    types::v1::{Bureau, RowReason},
};
use serde_json::Value;

use super::convert::date;
use crate::{
    app::Monitoring,
    domain::{
        error::Fault,
        feed,
        record::{Dataset, is_division},
        words,
    },
    store::feed::{Feed, Wanted},
};

/// Which feeds a caller asks for. `own`: the county it is confined to, whatever it asks.
pub fn wanted(asked: &ListFeedsRequest, own: Option<String>) -> Result<Wanted, Fault> {
    let county = Some(asked.division_code.as_str()).filter(|code| !code.is_empty());
    let county = county.map(|code| match is_division(code) {
        true => Ok(words::county(code)),
        false => Err(Fault::CountyMalformed),
    });
    let county = county.transpose()?;
    if let (Some(own), Some(county)) = (&own, &county)
        && own != county
    {
        return Err(Fault::OutOfArea);
    }
    let bureau = Some(asked.bureau()).filter(|bureau| *bureau != Bureau::Unspecified).map(words::bureau);
    Ok(Wanted { bureau, county: own.or(county), only_unhealthy: asked.only_unhealthy })
}

/// A feed; late when its day has passed.
pub fn feed(monitoring: &Monitoring, of: Feed, today: NaiveDate) -> Told {
    let dataset = monitoring.set(&of.bureau, &of.dataset).map(|set| set.dataset.as_ref());
    let quality = quality(&of, dataset);
    Told {
        bureau: words::bureau_of(&of.bureau).into(),
        title: dataset.map(|dataset| dataset.title.clone()).unwrap_or_default(),
        rhythm: dataset.map_or(Rhythm::Unspecified, |dataset| rhythm(dataset.rhythm)).into(),
        dataset: of.dataset,
        division_code: of.county_code,
        as_of: date(of.as_of),
        fresh_until: date(of.fresh_until),
        due_on: date(of.due_on),
        late: of.due_on.is_some_and(|due| due < today),
        open_indicators: of.open_indicators,
        quality,
    }
}

fn rhythm(of: feed::Rhythm) -> Rhythm {
    match of {
        feed::Rhythm::Daily => Rhythm::Daily,
        feed::Rhythm::TenDays => Rhythm::TenDays,
        feed::Rhythm::Monthly(_) => Rhythm::Monthly,
        feed::Rhythm::OnEvent => Rhythm::OnEvent,
    }
}

/// `None` when no batch told of its quality.
fn quality(of: &Feed, dataset: Option<&Dataset>) -> Option<FeedQuality> {
    let header = |field: &String| dataset.and_then(|d| d.field(field)).map_or(field, |f| &f.header).clone();
    let mut refused: Vec<_> = counts(of.refused_by_reason.as_ref()).filter_map(refused_rows).collect();
    refused.sort_by_key(|one| (std::cmp::Reverse(one.rows), one.reason));
    Some(FeedQuality {
        as_of: of.quality_as_of?.to_string(),
        rows: small(of.rows_received).unwrap_or_default(),
        refused: small(of.rows_refused).unwrap_or_default(),
        rows_before: of.rows_before.clone().unwrap_or_default(),
        mean_rows: small(of.mean_rows),
        bad_id_rows: small(of.bad_id_rows),
        two_names_rows: small(of.two_names_rows),
        name_variant_rows: small(of.name_variant_rows),
        unknown_division_rows: small(of.unknown_division_rows),
        bad_date_rows: small(of.bad_date_rows),
        null_header: of.null_field.as_ref().map(header).unwrap_or_default(),
        null_permille: small(of.null_permille),
        null_limit_permille: small(of.null_limit_permille),
        agreement_permille: small(of.agreement_permille),
        refused_by_reason: refused,
        empty: counts(of.empty_by_field.as_ref())
            .map(|(field, rows)| EmptyColumn { field: field.to_owned(), rows })
            .collect(),
        linked_rows: small(of.linked_rows),
    })
}

fn small(count: Option<i64>) -> Option<i32> {
    count.map(|count| i32::try_from(count).unwrap_or(i32::MAX))
}

fn counts(of: Option<&Value>) -> impl Iterator<Item = (&str, i32)> {
    let entries = of.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(name, rows)| (name.as_str(), small(rows.as_i64()).unwrap_or_default()))
}

fn refused_rows((word, rows): (&str, i32)) -> Option<RefusedRows> {
    let known = RowReason::from_str_name(&format!("ROW_REASON_{word}")).map(i32::from);
    Some(RefusedRows { reason: known.or_else(|| word.parse().ok())?, rows })
}
