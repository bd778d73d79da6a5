use minqing_kit::client::{Peer, request_for};
use minqing_proto::minqing::{
    monitoring::v1::{
        CheckPolicyRequest, ClassEffect, Count, DiffPoliciesRequest, EntryChange, FieldEffect, PackFile, PackFiles,
        Progress, SimulatePoliciesRequest, SimulatePoliciesResponse, Simulation,
        policy_service_client::PolicyServiceClient,
    },
    registry::v1::HouseholdChanged,
    types::v1::AssistanceClass,
};
use minqing_test_kit::until;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::{
    packs::{Small, small},
    town::{COUNTY, Town, household, member},
};

pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
const TOWNSHIP: &str = "621202103000";

pub fn policies(town: &Town, identity: &str) -> PolicyServiceClient<Peer> {
    PolicyServiceClient::new(town.service.as_caller(identity).unwrap())
}

/// A call with time enough for a run.
pub fn patient<T>(body: T) -> Request<T> {
    let mut request = request_for(None, None, body);
    request.set_timeout(PATIENCE);
    request
}

/// A call by somebody who may see households.
fn open<T>(body: T) -> Request<T> {
    let mut request = request_for(Some("case_work"), None, body);
    request.set_timeout(PATIENCE);
    request
}

pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// A household with this income a year and so many members.
fn earning(id: u128, fen: i64, members: u128) -> HouseholdChanged {
    let persons: Vec<u128> = (0..members).map(|n| id * 100 + n).collect();
    HouseholdChanged { declared_income_fen: fen, ..household(id, &persons) }
}

fn between(before: &Small, after: &Small) -> SimulatePoliciesRequest {
    SimulatePoliciesRequest { before: Some(before.files()), after: Some(after.files()), ..Default::default() }
}

async fn drain(mut messages: Streaming<SimulatePoliciesResponse>) -> Result<(Vec<Progress>, Simulation), Status> {
    let mut seen = Vec::new();
    while let Some(message) = messages.message().await? {
        if let Some(simulation) = message.simulation {
            assert!(messages.message().await?.is_none(), "nothing follows the result");
            return Ok((seen, simulation));
        }
        seen.push(message.progress.unwrap());
    }
    panic!("no result")
}

async fn simulated(
    town: &Town,
    identity: &str,
    request: Request<SimulatePoliciesRequest>,
) -> Result<(Vec<Progress>, Simulation), Status> {
    drain(policies(town, identity).simulate_policies(request).await?.into_inner()).await
}

fn row<'a>(of: &'a Simulation, class: AssistanceClass, division: &str) -> &'a ClassEffect {
    let mut rows = of.classes.iter().filter(|row| row.assistance_class() == class && row.division_code == division);
    rows.next().unwrap_or_else(|| panic!("no row of {class:?} in {division:?}: {:#?}", of.classes))
}

fn field<'a>(of: &'a Simulation, division: &str) -> &'a FieldEffect {
    of.field_work.iter().find(|row| row.division_code == division).unwrap()
}

fn exactly(value: i64) -> Option<Count> {
    Some(Count { value, withheld: false, below_three: false })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_raised_by_one_fen_lets_exactly_the_household_at_the_line_in() {
    let town = Town::start().await;
    town.tell([earning(1, 119_999, 1), earning(2, 120_000, 1), earning(3, 120_012, 1)]).await;
    let (progress, simulation) =
        simulated(&town, "operator/city", open(between(&small(), &Small { standard: 10_001, ..small() })))
            .await
            .unwrap();

    assert_eq!(progress.first().map(|p| (p.households_done, p.households_of)), Some((0, 3)));
    assert_eq!(progress.last().map(|p| p.households_done), Some(3));
    assert_eq!((simulation.as_of.as_str(), simulation.data_on.as_str()), ("2026-10-26", "2026-10-26"));
    for division in ["", COUNTY, TOWNSHIP] {
        let effect = row(&simulation, AssistanceClass::MinimumLiving, division);
        assert_eq!(
            (effect.enters, effect.leaves, effect.unchanged),
            (exactly(1), exactly(0), exactly(1)),
            "{division}"
        );
        assert_eq!((effect.yearly_before_fen, effect.yearly_after_fen), (60_000, 120_000), "{division}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_pack_twice_changes_nothing_and_the_other_way_round_they_leave() {
    let town = Town::start().await;
    town.tell((1..=4).map(|n| earning(n, 119_999, 2))).await;
    let (_, same) = simulated(&town, "operator/city", patient(between(&small(), &small()))).await.unwrap();
    let effect = row(&same, AssistanceClass::MinimumLiving, TOWNSHIP);
    assert_eq!((effect.unchanged, effect.enters, effect.leaves), (exactly(4), exactly(0), exactly(0)));
    assert_eq!(effect.yearly_before_fen, 4 * 2 * 60_000);

    let lower = Small { standard: 4_000, ..small() };
    let (_, down) = simulated(&town, "operator/city", patient(between(&small(), &lower))).await.unwrap();
    let effect = row(&down, AssistanceClass::MinimumLiving, TOWNSHIP);
    assert_eq!((effect.leaves, effect.yearly_after_fen), (exactly(4), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_are_compared_and_members_of_a_household_add_up() {
    let town = Town::start().await;
    let mut old = earning(1, 900_000, 3);
    old.members[0] = member(100, "1950-01-01");
    old.members[1] = member(101, "1951-01-01");
    town.tell([old, earning(2, 1_000, 1)]).await;
    let richer = Small { allowance: 6_000, ..small() };
    let (_, simulation) = simulated(&town, "operator/city", open(between(&small(), &richer))).await.unwrap();
    let elders = row(&simulation, AssistanceClass::OtherHardship, "");
    assert_eq!((elders.amount_higher, elders.unchanged), (exactly(1), exactly(0)), "one household, two members");
    assert_eq!((elders.yearly_before_fen, elders.yearly_after_fen), (2 * 60_000, 2 * 72_000));

    let (_, poorer) = simulated(&town, "operator/city", open(between(&richer, &small()))).await.unwrap();
    assert_eq!(row(&poorer, AssistanceClass::MinimumLiving, "").amount_lower, exactly(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_never_came_makes_nobody_leave() {
    let town = Town::start().await;
    town.tell((1..=3).map(|n| earning(n, 1_000, 1))).await;
    let asking = Small { asks_for_unemployment: true, ..small() };
    let (_, simulation) = simulated(&town, "operator/city", patient(between(&small(), &asking))).await.unwrap();
    let effect = row(&simulation, AssistanceClass::MinimumLiving, COUNTY);
    assert_eq!((effect.leaves, effect.undecided_after), (exactly(0), exactly(3)));
    assert_eq!(effect.yearly_before_fen, effect.yearly_after_fen, "nobody knows of a saving");
    let (_, back) = simulated(&town, "operator/city", patient(between(&asking, &small()))).await.unwrap();
    let effect = row(&back, AssistanceClass::MinimumLiving, COUNTY);
    assert_eq!((effect.enters, effect.undecided_before), (exactly(0), exactly(3)));

    town.deliver_nothing("hr.unemployment", "2026-10-25").await;
    let (_, fresh) = simulated(&town, "operator/city", patient(between(&small(), &asking))).await.unwrap();
    assert_eq!(row(&fresh, AssistanceClass::MinimumLiving, COUNTY).unchanged, exactly(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn field_work_counts_one_visit_for_all_warnings_of_a_household() {
    let town = Town::start().await;
    let mut old = earning(1, 1_000, 3);
    old.members[0] = member(100, "1950-01-01");
    town.tell([old, earning(2, 1_000, 1), earning(3, 500_000, 3)]).await;
    let more = Small { line: 600_000, hours: Some(3), ..small() };
    let (_, simulation) = simulated(&town, "operator/city", open(between(&small(), &more))).await.unwrap();
    let warnings: Vec<_> =
        simulation.indicators.iter().map(|i| (i.indicator.as_str(), i.warnings_before, i.warnings_after)).collect();
    assert_eq!(warnings, [("A01", 2, 3), ("A02", 1, 1), ("A03", 2, 2)]);
    let large = simulation.indicators.iter().find(|i| i.indicator == "A03").unwrap();
    assert!(!large.field_check_after && large.title_en == "large household");
    let work = field(&simulation, TOWNSHIP);
    assert_eq!((work.checks_before, work.checks_after), (exactly(3), exactly(4)), "A03 asks for no check");
    assert_eq!((work.visits_before, work.visits_after), (exactly(2), exactly(3)));
    assert_eq!((work.hours_before, work.hours_after), (2 * 5, 3 * 3), "5 hours unless the pack says otherwise");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_numbers_are_withheld_from_who_may_not_see_households() {
    let town = Town::start().await;
    let elsewhere = |n: u128| HouseholdChanged { division_code: "621202104201".into(), ..earning(n, 1_000, 1) };
    town.tell([earning(1, 1_000, 1)].into_iter().chain((2..=6).map(elsewhere))).await;
    let request = || between(&Small { standard: 1, ..small() }, &small());
    let (_, seen) = simulated(&town, "operator/city", open(request())).await.unwrap();
    assert_eq!(row(&seen, AssistanceClass::MinimumLiving, TOWNSHIP).enters, exactly(1));

    let (_, shown) = simulated(&town, "operator/city", patient(request())).await.unwrap();
    assert_eq!(row(&shown, AssistanceClass::MinimumLiving, "").enters, exactly(6));
    for (township, below_three) in [(TOWNSHIP, true), ("621202104000", false)] {
        let effect = row(&shown, AssistanceClass::MinimumLiving, township);
        let withheld = Count { value: 0, withheld: true, below_three };
        assert_eq!(effect.enters, Some(withheld), "{township}: one is small, the other would tell it");
        assert!(effect.cost_withheld && effect.yearly_after_fen == 0, "{township}");
    }
    let audited = audited(&town).await;
    assert_eq!(audited, [("counts,small_counts".to_owned()), "counts".to_owned()]);
}

async fn audited(town: &Town) -> Vec<String> {
    let mut connection = town.service.running.context.db.acquire().await.unwrap();
    let read = sqlx::query_scalar(
        "select array_to_string(fields, ',') from audit where subject like 'simulation/%' order by id",
    );
    read.fetch_all(&mut *connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_tries_a_pack_on_its_own_households_only() {
    let town = Town::start().await;
    let neighbour = HouseholdChanged { division_code: "621221100201".into(), ..earning(9, 1_000, 1) };
    town.tell([earning(1, 1_000, 1), neighbour]).await;
    let request = || between(&small(), &small());
    let (progress, own) = simulated(&town, "operator/county/621221", open(request())).await.unwrap();
    assert_eq!((progress[0].households_of, own.households), (1, 1));
    assert!(own.classes.iter().all(|row| row.division_code.is_empty() || row.division_code.starts_with("621221")));

    let other = SimulatePoliciesRequest { division_code: "621202".into(), ..request() };
    let refused = simulated(&town, "operator/county/621221", patient(other.clone())).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUT_OF_AREA"));
    assert_eq!(simulated(&town, "operator/city", patient(other)).await.unwrap().1.households, 1);
    let part = SimulatePoliciesRequest { division_code: TOWNSHIP.into(), ..request() };
    assert_eq!(reason(&simulated(&town, "operator/city", patient(part)).await.unwrap_err()), "INVALID_DIVISION");
    for stranger in ["operator/township/621202103", "bureau/hr", "service/dispatch"] {
        let refused = simulated(&town, stranger, patient(request())).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{stranger}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_larger_than_a_slice_is_judged_whole() {
    let town = Town::start().await;
    town.tell((1..=2_001).map(|n| earning(n, 1_000, 1))).await;
    let (progress, simulation) = simulated(&town, "operator/city", patient(between(&small(), &small()))).await.unwrap();
    assert_eq!(progress.iter().map(|p| p.households_done).collect::<Vec<_>>(), [0, 2_001], "two slices at a time");
    assert_eq!(row(&simulation, AssistanceClass::MinimumLiving, "").unchanged, exactly(2_001));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_ends_the_work_and_frees_its_place() {
    let town = Town::start().await;
    town.tell((1..=2_001).map(|n| earning(n, 1_000, 1))).await;
    // Whoever holds the table lets no slice be judged, so that a run stands where the test wants it.
    let mut admin = town.service.db.admin().await.unwrap();
    sqlx::raw_sql("begin; lock table monitoring.member in access exclusive mode").execute(&mut admin).await.unwrap();
    let begin = || async {
        let answer = policies(&town, "operator/city").simulate_policies(patient(between(&small(), &small()))).await?;
        let mut messages = answer.into_inner();
        assert_eq!(messages.message().await?.unwrap().progress.map(|p| p.households_done), Some(0));
        Ok::<_, Status>(messages)
    };
    let (first, second) = (begin().await.unwrap(), begin().await.unwrap());
    let refused = begin().await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "WHAT_IF_BUSY"));

    drop(first);
    let third = until("a place among the simulations", async || begin().await.ok()).await;
    drop((second, third));
    sqlx::raw_sql("rollback").execute(&mut admin).await.unwrap();
    let db = &town.service.running.context.db;
    until("the changes to end", async || (db.changes_running() == 0).then_some(())).await;
    let evaluated: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity where application_name = \
        'minqing-monitoring' and datname = current_database() and state <> 'idle'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(evaluated, 0, "nobody works on what nobody reads");
    let (_, whole) = simulated(&town, "operator/city", patient(between(&small(), &small()))).await.unwrap();
    assert_eq!(whole.households, 2_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_cannot_be_computed_on_the_data_is_told_so() {
    let town = Town::start().await;
    town.tell([earning(1, 119_999, 1)]).await;
    let overflowing = Small { overflows: true, ..small() };
    let failed = simulated(&town, "operator/city", patient(between(&small(), &overflowing))).await.unwrap_err();
    assert_eq!((failed.code(), reason(&failed).as_str()), (Code::FailedPrecondition, "PACK_FAILS"));
    assert!(failed.message().contains("second"), "{}", failed.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_files_stand_for_the_pack_in_use() {
    let town = Town::start().await;
    town.tell([earning(1, 1_000, 1)]).await;
    let request = SimulatePoliciesRequest { before: None, after: Some(PackFiles::default()), ..Default::default() };
    let (_, simulation) = simulated(&town, "operator/city", patient(request)).await.unwrap();
    assert!(simulation.before.as_ref().unwrap().pack.starts_with("longnan@"));
    assert_eq!(simulation.before, simulation.after);

    let check =
        policies(&town, "operator/city").check_policy(patient(CheckPolicyRequest { pack: None })).await.unwrap();
    let summary = check.into_inner().summary.unwrap();
    assert_eq!(summary.identity, simulation.before);
    assert!(summary.indicators > 0 && !summary.unconfirmed.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_pack_is_told_its_faults_with_their_places() {
    let town = Town::start().await;
    let mut client = policies(&town, "operator/county/621202");
    let mut pack = small().files();
    let classes = pack.files.iter_mut().find(|file| file.path == "classes.yaml").unwrap();
    classes.text = classes.text.replace("expr: age >= elder_age", "expr: agee >= elder_age");
    let answer =
        client.check_policy(patient(CheckPolicyRequest { pack: Some(pack.clone()) })).await.unwrap().into_inner();
    assert!(answer.summary.is_none());
    let fault = &answer.faults[0];
    assert_eq!((fault.file.as_str(), fault.rule.as_str(), fault.line > 0), ("classes.yaml", "QT-01", true));
    assert!(!fault.problem.is_empty() && !fault.problem_zh.is_empty() && fault.hint.contains("age"), "{fault:?}");

    let request = SimulatePoliciesRequest { before: None, after: Some(pack), ..Default::default() };
    let refused = simulated(&town, "operator/city", patient(request)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "PACK_UNSOUND"));
    let named = refused.get_details_bad_request().unwrap().field_violations;
    assert!(named[0].field.starts_with("classes.yaml:"), "{named:?}");

    let astray = PackFiles { files: vec![PackFile { path: "../pack.yaml".into(), text: String::new() }] };
    let refused = client.check_policy(patient(CheckPolicyRequest { pack: Some(astray) })).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_PACK_FILES");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_between_two_packs_is_told_field_by_field() {
    let town = Town::start().await;
    let other = Small { standard: 10_001, hours: Some(4), ..small() };
    let request = DiffPoliciesRequest { before: Some(small().files()), after: Some(other.files()) };
    let answer = policies(&town, "operator/city").diff_policies(patient(request)).await.unwrap().into_inner();
    let told: Vec<_> = answer.differences.iter().map(|d| (d.kind.as_str(), d.name.as_str(), d.change())).collect();
    assert_eq!(
        told,
        [("parameter", "field_hours_per_check", EntryChange::Added), ("parameter", "standard", EntryChange::Changed)]
    );
    let field = &answer.differences[1].fields[0];
    assert_eq!(
        (field.field.as_str(), field.before.as_str(), field.after.as_str()),
        ("values[0].value", "10000", "10001")
    );
    assert_eq!(answer.left_out, 0);
}
