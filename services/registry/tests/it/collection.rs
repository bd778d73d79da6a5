//! Households as a county collects them, and the calls every test makes.

use minqing_kit::{client::Peer, client::request_for, keys::IdNumber};
use minqing_proto::minqing::{
    registry::v1::{
        ClassRow, HouseholdRow, ImportHeader, ImportHouseholdsRequest, ImportHouseholdsResponse, ImportRows, MemberRow,
        VehicleRow, import_households_request::Part, registry_service_client::RegistryServiceClient,
    },
    types::v1::{AreaKind, AssistanceClass, Sex},
};
use minqing_test_kit::TestService;
use tonic::Status;
use uuid::Uuid;

pub const COUNTY: &str = "operator/county/621202";
pub const VILLAGE: &str = "621202100203";

pub type Client = RegistryServiceClient<Peer>;

pub async fn start() -> TestService {
    TestService::start(minqing_registry::service()).await.unwrap()
}

pub fn client(service: &TestService, identity: &str) -> Client {
    RegistryServiceClient::new(service.as_caller(identity).unwrap())
}

/// A valid ID number; an odd sequence is a man's.
pub fn id_number(birth: &str, sequence: u32) -> String {
    let body = format!("621202{birth}{sequence:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
    let check = b"10X98765432"[usize::try_from(sum % 11).unwrap()];
    format!("{body}{}", char::from(check))
}

pub fn member(sequence: u32, name: &str, relation: &str) -> MemberRow {
    let sex = if sequence % 2 == 1 { Sex::Male } else { Sex::Female };
    MemberRow {
        id_number: id_number(&format!("{}0102", 1980 + sequence / 1000), sequence % 1000),
        name: name.into(),
        sex: sex.into(),
        relation: relation.into(),
        phone: "13912345678".into(),
        bank_account: "6228480402564890018".into(),
        joined_on: "2020-05-01".into(),
    }
}

/// Two adults, a car and minimum living since January.
pub fn household(no: u32) -> HouseholdRow {
    HouseholdRow {
        household_no: format!("WD-{no:04}"),
        division_code: VILLAGE.into(),
        area_kind: AreaKind::Rural.into(),
        address: "武都区安化镇司家坝村3社12号".into(),
        declared_income_fen: 1_200_000,
        financial_assets_fen: 50_000,
        house_count: 1,
        members: vec![member(no * 2 + 1, "张三", "02"), member(no * 2 + 2, "李四娘", "10")],
        vehicles: vec![VehicleRow {
            plate_hash: format!("plate-{no}"),
            kind: "car".into(),
            vehicle_use: "private".into(),
            registered_on: "2025-03-04".into(),
        }],
        classes: vec![ClassRow {
            assistance_class: AssistanceClass::MinimumLiving.into(),
            member_id_number: String::new(),
            valid_from: "2026-01-01".into(),
            amount_fen: 45_000,
        }],
    }
}

pub fn header(rows: usize) -> ImportHeader {
    ImportHeader {
        request_id: Uuid::from_u128(rand_like()).to_string(),
        batch_no: "2026-10-26-1".into(),
        division_code: "621202".into(),
        as_of: "2026-10-26".into(),
        row_count: i32::try_from(rows).unwrap(),
    }
}

/// A fresh number in this process.
fn rand_like() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    0x0198_0000_0000_7000_8000_0000_0000_0000 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

pub async fn send(
    client: &mut Client,
    header: ImportHeader,
    rows: Vec<HouseholdRow>,
) -> Result<ImportHouseholdsResponse, Status> {
    let mut parts = vec![ImportHouseholdsRequest { part: Some(Part::Header(header)) }];
    for chunk in rows.chunks(200) {
        parts.push(ImportHouseholdsRequest { part: Some(Part::Rows(ImportRows { rows: chunk.to_vec() })) });
    }
    let request = request_for(Some("collection"), None, tokio_stream::iter(parts));
    client.import_households(request).await.map(tonic::Response::into_inner)
}

/// Imports as the county and expects every row to be good.
pub async fn import(service: &TestService, rows: Vec<HouseholdRow>) -> ImportHouseholdsResponse {
    let answer = send(&mut client(service, COUNTY), header(rows.len()), rows).await.unwrap();
    assert_eq!(answer.refused, 0, "{:?}", answer.errors);
    answer
}

/// Resource name of a household of the batches above.
pub fn household_name(service: &TestService, no: u32) -> String {
    let id = service.keys.record_key(&["household", "621202000000", &format!("WD-{no:04}")]);
    format!("households/{id}")
}

pub fn person_key(service: &TestService, sequence: u32) -> Uuid {
    service.keys.person_key(&IdNumber::parse(&id_number("19800102", sequence)).unwrap())
}

pub async fn count(service: &TestService, sql: &'static str) -> i64 {
    let mut admin = service.db.admin().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap()
}

/// The newest state told of a household.
pub async fn told(service: &TestService, household: &str) -> minqing_proto::minqing::registry::v1::HouseholdChanged {
    let mut admin = service.db.admin().await.unwrap();
    let payload: Vec<u8> = sqlx::query_scalar(
        "select payload from registry.outbox where aggregate = $1 order by aggregate_sequence desc limit 1",
    )
    .bind(household)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    prost::Message::decode(payload.as_slice()).unwrap()
}
