//! `minqing identities` against a register with somebody on file and a row that may mean them.

use std::{
    fs,
    process::{Command, Output},
};

use minqing_kit::{client::request_for, keys};
use minqing_proto::minqing::{
    registry::v1::{
        DoubtKind, HouseholdRow, IdentityCandidate, IdentityDoubt, ImportHeader, ImportHouseholdsRequest, ImportRows,
        MemberRow, NumberEdit, ProposeIdentitiesRequest, identity_service_client::IdentityServiceClient,
        import_households_request::Part, registry_service_client::RegistryServiceClient,
    },
    types::v1::{AreaKind, Sex},
};
use minqing_test_kit::TestService;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

const COUNTY: &str = "operator/county/621202";
const STRANGER: &str = "operator/county/621221";
const NUMBER: &str = "11010519491231002X";
const TYPED: &str = "110105194912310021";

struct Mesh {
    service: TestService,
    folder: TempDir,
}

impl Mesh {
    /// The register alone, with a mesh file that names it and the certificates of two desks.
    async fn start() -> Mesh {
        let service = TestService::start(minqing_registry::service()).await.unwrap();
        let folder = TempDir::new().unwrap();
        let mut certificates = json!({});
        for identity in [COUNTY, STRANGER] {
            let place = folder.path().join(identity.replace('/', "-"));
            minqing_kit::tls::dev::write(&service.identity(identity).unwrap(), &place).unwrap();
            certificates[identity] = json!(place);
        }
        let mesh = json!({"certificates": certificates, "services": {"registry": {"address": service.url()}}});
        fs::write(folder.path().join("mesh.json"), mesh.to_string()).unwrap();
        Mesh { service, folder }
    }

    async fn collect(&self) {
        let member = MemberRow {
            id_number: NUMBER.into(),
            name: "张三".into(),
            sex: Sex::Female.into(),
            relation: "02".into(),
            ..MemberRow::default()
        };
        let row = HouseholdRow {
            household_no: "H-1".into(),
            division_code: "621202100203".into(),
            area_kind: AreaKind::Rural.into(),
            members: vec![member],
            ..HouseholdRow::default()
        };
        let header = ImportHeader {
            request_id: Uuid::from_u128(1).to_string(),
            batch_no: "C-1".into(),
            division_code: "621202".into(),
            as_of: "2026-10-26".into(),
            row_count: 1,
        };
        let parts = [Part::Header(header), Part::Rows(ImportRows { rows: vec![row] })];
        let parts = parts.map(|part| ImportHouseholdsRequest { part: Some(part) });
        let mut county = RegistryServiceClient::new(self.service.as_caller(COUNTY).unwrap());
        let answer = county.import_households(request_for(Some("collection"), None, tokio_stream::iter(parts))).await;
        assert_eq!(answer.unwrap().into_inner().accepted, 1);
    }

    async fn propose(&self) -> String {
        let keys = &self.service.keys;
        let number_key = keys.faulty_number_key(TYPED);
        let candidate = |c: &keys::Candidate| IdentityCandidate {
            person_key: keys.person_key(&c.id).to_string(),
            edit: NumberEdit::CheckDigit.into(),
            birth_agrees: c.birth_agrees,
            sex_agrees: c.sex_agrees,
        };
        let doubt = IdentityDoubt {
            kind: DoubtKind::Number.into(),
            number_key: number_key.to_string(),
            name_key: keys.name_key("张三").to_string(),
            spelling_keys: Vec::new(),
            candidates: keys::candidates(TYPED).iter().map(candidate).collect(),
            number_sealed: keys.seal(number_key, "id_number", TYPED),
            name_sealed: keys.seal(number_key, "name", "张三"),
            row: 17,
        };
        let request = ProposeIdentitiesRequest {
            request_id: Uuid::from_u128(2).to_string(),
            dataset: "insurance_payment".into(),
            batch_no: "B-7".into(),
            division_code: "621202".into(),
            doubts: vec![doubt],
        };
        let mut adapter = IdentityServiceClient::new(self.service.as_caller("adapter/hr").unwrap());
        adapter.propose_identities(request).await.unwrap().into_inner().proposals[0].review.clone()
    }

    fn run(&self, identity: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_minqing"));
        command.arg("identities").args(arguments);
        command.args(["--identity", identity, "--mesh"]).arg(self.folder.path().join("mesh.json")).output().unwrap()
    }

    fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(COUNTY, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, identity: &str, arguments: &[&str]) -> String {
        let output = self.run(identity, arguments);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_sees_a_review_confirms_it_and_takes_it_back() {
    let mesh = Mesh::start().await;
    mesh.collect().await;
    let review = mesh.propose().await;
    let table = mesh.told(&["list"]);
    for told in [&review, "号码差一处", "姓名 唯一 出生 性别 县区 ✓", "hr insurance_payment B-7 #17", "open 1"]
    {
        assert!(table.contains(told), "{told} in {table}");
    }
    assert!(table.contains("张*") && !table.contains(NUMBER) && !table.contains(TYPED), "{table}");
    let full: Value = serde_json::from_str(&mesh.told(&["list", "--full", "--json"])).unwrap();
    assert_eq!(
        (&full["reviews"][0]["cameIdNumber"], &full["reviews"][0]["fileIdNumber"]),
        (&json!(TYPED), &json!(NUMBER))
    );

    let same = mesh.told(&["decide", &review, "same", "--reason", "与户口簿一致", "--operator", "zhao.yun"]);
    let link = same.split_whitespace().find(|word| word.starts_with("identityLinks/")).unwrap();
    assert!(mesh.told(&["list"]).contains("open 0"));
    assert!(mesh.told(&["list", "--decided"]).contains("同一人 same"));
    let twice = mesh.refused(COUNTY, &["decide", &review, "different", "--reason", "x"]);
    assert!(twice.contains("undo it before") && twice.contains("请先撤销"), "{twice}");
    assert!(mesh.told(&["undo", link, "--reason", "核对有误"]).contains("待复核 open"));

    let hidden = mesh.refused(STRANGER, &["decide", &review, "same", "--reason", "x"]);
    assert!(hidden.contains("not found") && hidden.contains("未找到"), "{hidden}");
}
