//! `minqing indicators` against a dispatch with warnings, checks and a yield that fell.

use std::{
    fs,
    process::{Command, Output},
};

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    dispatch::v1::{
        ListWorkOrdersRequest, RecordVerdictRequest, Verdict, VisitDetails,
        dispatch_service_client::DispatchServiceClient,
    },
    monitoring::v1::WarningRaised,
    types::v1::WarningLevel,
};
use minqing_test_kit::TestService;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

const TOWNSHIP: &str = "operator/township/621202100";
const CITY: &str = "operator/city";
const COUNTY: &str = "operator/county/621222";

struct Mesh {
    service: TestService,
    folder: TempDir,
}

impl Mesh {
    /// Dispatch alone, with a mesh file that names it and two operators' certificates.
    async fn start() -> Mesh {
        let service = TestService::start(minqing_dispatch::service()).await.unwrap();
        let folder = TempDir::new().unwrap();
        let mut certificates = json!({});
        for identity in [CITY, COUNTY] {
            let place = folder.path().join(identity.replace('/', "-"));
            minqing_kit::tls::dev::write(&service.identity(identity).unwrap(), &place).unwrap();
            certificates[identity] = json!(place);
        }
        let mesh = json!({"certificates": certificates, "services": {"dispatch": {"address": service.url()}}});
        fs::write(folder.path().join("mesh.json"), mesh.to_string()).unwrap();
        Mesh { service, folder }
    }

    fn raise(&self, n: u128, indicator: &str, household: u128) {
        let raised = WarningRaised {
            warning: format!("warnings/{}", Uuid::from_u128(n)),
            indicator: indicator.to_owned(),
            level: WarningLevel::Yellow.into(),
            household: format!("households/{}", Uuid::from_u128(household)),
            division_code: "621202100203".to_owned(),
            raised_on: "2026-10-26".to_owned(),
            ..WarningRaised::default()
        };
        self.service.running.feed("monitoring", &raised.warning, &raised).unwrap();
    }

    /// Twenty households, one with two warnings and found true in forty minutes, the others not; a day passes.
    async fn play(&self) {
        self.raise(1, "A13", 1);
        self.raise(2, "A05", 1);
        (2..=20).for_each(|household| self.raise(household + 1, "A13", household));
        self.service.running.consume_once().await.unwrap();
        let mut township = DispatchServiceClient::new(self.service.as_caller(TOWNSHIP).unwrap());
        let orders =
            township.list_work_orders(ListWorkOrdersRequest::default()).await.unwrap().into_inner().work_orders;
        assert_eq!(orders.len(), 20);
        for (n, order) in (100_u128..).zip(orders) {
            let first = order.reasons.len() == 2;
            let report = RecordVerdictRequest {
                request_id: Uuid::from_u128(n).to_string(),
                name: order.name.clone(),
                verdict: if first { Verdict::VerifiedTrue } else { Verdict::NotTrue }.into(),
                checked_on: "2026-10-26".to_owned(),
                checker: "zhao.yun".to_owned(),
                person_seen: true,
                evidence_digest: String::new(),
                visit: first.then(|| VisitDetails { minutes: Some(40), ..VisitDetails::default() }),
            };
            township.record_verdict(request_for(Some("case_work"), Some(&order.name), report)).await.unwrap();
        }
        self.service.clock.advance_days(1);
        self.service.running.reconcile_once("yields").await.unwrap();
    }

    fn run(&self, identity: &str, arguments: &[&str]) -> Output {
        let mesh = self.folder.path().join("mesh.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_minqing"));
        command.args(["indicators", "--identity", identity, "--mesh"]).arg(mesh).args(arguments).output().unwrap()
    }

    fn told(&self, identity: &str, arguments: &[&str]) -> String {
        let output = self.run(identity, arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(CITY, arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        text(&output.stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The line's words, whatever the widths.
fn line(table: &str, start: &str) -> Vec<String> {
    let found = table.lines().find(|line| line.trim_start().starts_with(start));
    found.unwrap_or_else(|| panic!("no line {start} in {table}")).split_whitespace().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_s_owner_sees_what_came_of_it_and_that_its_yield_fell() {
    let mesh = Mesh::start().await;
    mesh.play().await;
    let table = mesh.told(CITY, &[]);
    let of = |indicator| line(&table, indicator)[2..].join(" ");
    assert_eq!(of("A13"), "A05 ×1 20 0 0 0 20 1 5.0 % ↓ 0.3 95.0");
    assert_eq!(of("A05"), "A13 ×1 1 1 0 0 1 1 100.0 % 0.3 0.0");
    let fell = "yield fell: A13 621202000000 2026-10-27，2026-07-29 至 2026-10-26 核查 checked 20，属实 true 1，下限 floor 30.0 %";
    for told in [
        fell,
        "预警 warnings 21，工单 work orders 20（一预警一单则为 one each would be 21；并入 merged 1，抑制 suppressed 0）",
        "实报工时 told 0.7 h（1 次），估算 estimated 95.0 h（19 次）",
        "visits saved by merging 1：按实报均值 by told 0.7 h，按政策包 by pack 5.0 h",
        "visits saved by suppression 0：按实报均值 by told 0.0 h，按政策包 by pack 0.0 h",
    ] {
        assert!(table.contains(told), "{told} in {table}");
    }
    let county = ["--county", "621202", "--from", "2026-10-26", "--to", "2026-10-26", "--json"];
    let answer: Value = serde_json::from_str(&mesh.told(CITY, &county)).unwrap();
    assert_eq!((&answer["raisedFrom"], &answer["totals"]["workOrders"]), (&json!("2026-10-26"), &json!(20)));
    assert_eq!(answer["indicatorYields"][1]["yieldPermille"], 50);
    assert_eq!(answer["indicatorYields"][1]["fieldTime"]["minutesEstimated"], 5_700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_s_owner_sees_with_which_others_it_hits_the_same_households() {
    let mesh = Mesh::start().await;
    mesh.play().await;
    let table = mesh.told(CITY, &["--overlaps"]);
    let pair = line(&table, "A05").join(" ");
    assert!(pair.ends_with("1 100.0 % 1 1 0") && pair.contains("A13"), "{table}");
    assert!(
        table.contains("重叠 pairs 1，可考虑合并 that may be one rule 0"),
        "one shared work order says nothing: {table}"
    );
    let answer: Value = serde_json::from_str(&mesh.told(CITY, &["--overlaps", "--json"])).unwrap();
    assert_eq!(answer["indicatorOverlaps"][0]["otherWorkOrders"], 20);
    assert!(mesh.told(COUNTY, &["--overlaps"]).contains("pairs 0"), "another county's");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_was_raised_hours_saved_are_unknown_and_not_nought() {
    let mesh = Mesh::start().await;
    mesh.play().await;
    let told = mesh.told(COUNTY, &[]);
    assert!(told.contains("warnings 0，工单 work orders 0") && told.contains("by told —"), "{told}");
    assert!(!told.contains("A13"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_answered_in_both_languages_with_the_option() {
    let mesh = Mesh::start().await;
    for (arguments, option, zh, en) in [
        (["--county", "wudu"], "--county", "6 或 12 位数字", "6 or 12 digits"),
        (["--from", "1.10.2026"], "--from", "不是 YYYY-MM-DD", "write YYYY-MM-DD"),
        (["--to", "2026-02-30"], "--to", "不是 YYYY-MM-DD", "is no date"),
        (["--from", "2026-10-27"], "raised_from", "起止日期", "must not be after raised_to"),
    ] {
        let told = mesh.refused(&arguments);
        assert!(told.contains(option) && told.contains(zh) && told.contains(en), "{told}");
    }
}
