//! The cases, in the order in which they run: first what every other one rests on.

mod contract;
mod loads;
mod order;
mod rows;
mod withdraw;

use minqing_proto::minqing::{bureau::v1::DatasetDescription, options::v1::Subject};

use crate::{
    case,
    report::{Case, said},
    session::{Notebook, Session, name},
};

/// Every case: those about rows for each dataset, the others once, with the first dataset about persons.
pub async fn all(session: &Session<'_>) -> Vec<Case> {
    let mut all = vec![case("spec", said("every call of the contract", "接口规范"), "", contract::spec(session)).await];
    for dataset in &session.datasets {
        let of = name(dataset);
        let (good, bad, late) = (
            said("good rows", "合格数据"),
            said("bad rows", "不合格数据"),
            said("an older batch comes late", "乱序报送"),
        );
        if names_nobody(dataset) {
            for (case_name, title) in [("valid_batch", good), ("bad_rows", bad), ("out_of_order", late)] {
                all.push(case(case_name, title, of, async { left_out() }).await);
            }
            continue;
        }
        all.push(case("valid_batch", good, of, rows::valid(session, dataset)).await);
        all.push(case("bad_rows", bad, of, rows::bad(session, dataset)).await);
        all.push(case("out_of_order", late, of, order::out_of_order(session, dataset)).await);
    }
    let Some(dataset) = session.datasets.iter().find(|d| !names_nobody(d)) else { return all };
    let title = said("the same batch twice", "重复报送");
    all.push(case("duplicate", title, "", order::duplicate(session, dataset)).await);
    all.push(case("resume", said("a stream that is cut", "断点续报"), "", order::resume(session, dataset)).await);
    all.push(case("clock_skew", said("clocks that differ", "时钟偏差"), "", order::clock_skew(session, dataset)).await);
    let title = said("unknown fields and types", "结构变化");
    all.push(case("schema_drift", title, "", rows::drift(session, dataset)).await);
    let title = said("rows that cannot be read", "无法解析的行");
    all.push(case("poison_record", title, "", rows::poison(session, dataset)).await);
    all.push(case("oversized", said("too much at once", "超限报送"), "", loads::oversized(session, dataset)).await);
    let title = said("slow senders and readers", "慢速对端");
    all.push(case("slow_consumer", title, "", loads::slow(session, dataset)).await);
    let title = said("a batch taken back", "撤回批次");
    all.push(case("withdraw", title, "", withdraw::withdraw(session, dataset)).await);
    let title = said("certificates that do not fit", "证书不符");
    all.push(case("wrong_certificate", title, "", contract::certificates(session)).await);
    all.push(case("receipts", said("signed receipts", "签名回执"), "", contract::receipts(session, dataset)).await);
    all
}

/// Whether a dataset's rows are about a county or township.
fn names_nobody(dataset: &DatasetDescription) -> bool {
    let subject = dataset.dataset.as_ref().map(|d| d.subject());
    matches!(subject, Some(Subject::County | Subject::Township))
}

/// A person can be made up, a county cannot: its real households would be judged by the kit's rows.
fn left_out() -> Notebook {
    let note = said(
        "rows about a division were not tried: the households there would be judged by them",
        "未检验按县区或乡镇归集的数据：试报的数据会影响当地真实家庭的判断",
    );
    Notebook { skipped: true, note: Some(note), ..Notebook::default() }
}
