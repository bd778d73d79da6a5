//! Every adapter of this mesh conforms.

use futures::StreamExt as _;
use minqing_adapter::{
    Bureau,
    row::schema::{About, Form, Schema},
};
use minqing_conform::{person::Person, report::Verdict};

use crate::mesh::Mesh;

/// Whether every column that goes on is part of the key.
fn is_bare(bureau: Bureau, dataset: &str) -> bool {
    let schema = Schema::of(bureau, dataset).unwrap();
    schema.columns.iter().all(|c| c.key || c.cleared || c.form == Form::Division)
}

/// Whether the dataset's rows are about a division, which the kit cannot make up.
fn is_of_division(bureau: Bureau, dataset: &str) -> bool {
    matches!(Schema::of(bureau, dataset).unwrap().about, About::County | About::Township)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bureaus_adapter_passes_every_case() {
    let tried = futures::stream::iter(minqing_bureaus::all()).map(async |bureau| {
        let report = Mesh::start(bureau).await.conform().await;
        assert!(report.is_good(), "{}", report.table());
        assert!(report.passed + report.skipped == 11 + 3 * bureau.datasets.len(), "{}", report.table());
        for case in report.cases {
            // Of some datasets nothing but the key goes on: no row of them can change.
            let bare = case.name == "out_of_order" && is_bare(bureau, &case.dataset);
            let left = bare || (!case.dataset.is_empty() && is_of_division(bureau, &case.dataset));
            assert_eq!(case.verdict, if left { Verdict::Skipped } else { Verdict::Passed }, "{case:?}");
            assert!(left || case.checks > 0 && case.note.is_none(), "{case:?}");
        }
    });
    // The case of slow peers waits more than it works.
    assert_eq!(tried.buffer_unordered(3).count().await, minqing_bureaus::all().count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_passes_as_the_first_and_a_report_names_nobody() {
    let mesh = Mesh::start(minqing_bureaus::by_name("women").unwrap()).await;
    let mut target = mesh.target(&mesh.adapter.url());
    for run in 1..3 {
        target.run = uuid::Uuid::from_u128(run);
        let report = minqing_conform::run(&target).await.unwrap();
        assert!(report.is_good(), "{}", report.table());
        let (table, json) = (report.table(), serde_json::to_string(&report).unwrap());
        let nobody = Person::nth(0);
        for text in [&table, &json] {
            assert!(!text.contains("990000") && !text.contains(&nobody.name), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tried_is_said_in_one_sentence() {
    let mesh = Mesh::start(minqing_bureaus::by_name("women").unwrap()).await;
    let mut target = mesh.target("https://127.0.0.1:1");
    let error = minqing_conform::run(&target).await.unwrap_err().to_string();
    assert!(error.contains("ListDatasets") && error.contains("adapter-women"), "{error}");
    target.identity = mesh.adapter.identity("operator/admin").unwrap();
    let error = minqing_conform::run(&target).await.unwrap_err().to_string();
    assert!(error.contains("bureau/<name>"), "{error}");
    let mut target = mesh.target(&mesh.adapter.url());
    target.datasets = vec!["nothing".to_owned()];
    assert!(minqing_conform::run(&target).await.unwrap_err().to_string().contains("none of the datasets"));
}
