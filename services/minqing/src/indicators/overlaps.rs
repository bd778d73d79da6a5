//! `minqing indicators --overlaps`: pairs of indicators that hit the same households.

use std::{io::Write as _, process::ExitCode};

use minqing_proto::minqing::dispatch::v1::{
    IndicatorOverlap, ListIndicatorOverlapsRequest, ListIndicatorOverlapsResponse,
    dispatch_service_client::DispatchServiceClient,
};

use super::{IndicatorsOptions, Range, percent};
use crate::policy::{
    mesh::{print_json, refused},
    table::Table,
};

/// Asks dispatch for the pairs and prints them, the most alike first.
pub async fn run(options: &IndicatorsOptions) -> anyhow::Result<ExitCode> {
    let mut found = fetch(options).await?;
    if options.json {
        print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    // What may be merged first, then what is shared most; equals stay by id.
    found.indicator_overlaps.sort_by_key(|pair| (!pair.may_merge, -pair.share_permille, -pair.work_orders));
    let mut table = Table::new(&[
        "指标 indicator",
        "指标 other",
        "同单 shared",
        "占小者 of smaller",
        "同核 checked",
        "同真 both true",
        "一真 one true",
    ]);
    for pair in &found.indicator_overlaps {
        table.row(row(pair));
    }
    let mut out = std::io::stdout().lock();
    if !table.is_empty() {
        table.write(&mut out, 2)?;
    }
    let may_merge = found.indicator_overlaps.iter().filter(|pair| pair.may_merge).count();
    writeln!(
        out,
        "{} 至 {}：重叠 pairs {}，可考虑合并 that may be one rule {may_merge}",
        found.raised_from,
        found.raised_to,
        found.indicator_overlaps.len()
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn fetch(options: &IndicatorsOptions) -> anyhow::Result<ListIndicatorOverlapsResponse> {
    let Range { county, from, to } = options.range()?;
    let mut client = DispatchServiceClient::new(options.mesh.peer("dispatch")?);
    let mut found = ListIndicatorOverlapsResponse { raised_from: from, raised_to: to, ..Default::default() };
    loop {
        let asked = ListIndicatorOverlapsRequest {
            division_code: county.clone(),
            raised_from: found.raised_from,
            raised_to: found.raised_to,
            page_size: 500,
            page_token: found.next_page_token,
        };
        let mut page =
            client.list_indicator_overlaps(options.mesh.request(None, asked)?).await.map_err(refused)?.into_inner();
        found.indicator_overlaps.append(&mut page.indicator_overlaps);
        found = ListIndicatorOverlapsResponse { indicator_overlaps: found.indicator_overlaps, ..page };
        if found.next_page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn row(pair: &IndicatorOverlap) -> [String; 7] {
    let mark = if pair.may_merge { " *" } else { "" };
    [
        format!("{} {}", pair.indicator, pair.title),
        format!("{} {}", pair.other, pair.other_title),
        pair.work_orders.to_string(),
        format!("{}{mark}", percent(Some(pair.share_permille))),
        pair.both_checked.to_string(),
        pair.both_true.to_string(),
        pair.one_true.to_string(),
    ]
}
