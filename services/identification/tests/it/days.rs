//! Past days: whatever was assessed on a day is assessed the same later, from the data and the rules of that day.

use minqing_kit::{Error, client::request_for};
use minqing_proto::minqing::{
    identification::v1::{AssessHouseholdRequest, Assessment},
    mesh::v1::{
        Event, ListDeadLettersRequest, RedriveDeadLetterRequest, operations_service_client::OperationsServiceClient,
    },
    monitoring::v1::HouseholdFactsChanged,
    registry::v1::{HouseholdChanged, RosterMember},
    types::v1::{AreaKind, Truth},
};
use minqing_test_kit::TestService;
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use prost::Message as _;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    packs::{Edition, restart},
    story::*,
};

const HOUSEHOLDS: std::ops::RangeInclusive<u128> = 1..=2;

/// The assessment with everything in it; `as_of` empty is today.
async fn assess(client: &mut Client, n: u128, as_of: &str) -> Result<Assessment, Status> {
    let request = AssessHouseholdRequest { household: household(n), as_of: as_of.into(), everything: true };
    let answer = client.assess_household(request_for(Some("case_work"), None, request)).await?;
    Ok(answer.into_inner().assessment.unwrap())
}

/// Something that comes to identification on a day.
#[derive(Clone, Debug)]
enum Incident {
    Facts(HouseholdFactsChanged),
    Roster(HouseholdChanged),
    /// Everything ever told is read once more.
    Replay,
    /// An event of long ago was put aside and is redriven now.
    Late(u128),
    Restart(Edition),
}

/// What comes on one day, and how many days later the next is.
#[derive(Clone, Debug)]
struct Day {
    incidents: Vec<Incident>,
    until_next: u64,
}

fn any_facts() -> impl Strategy<Value = Incident> {
    (HOUSEHOLDS, prop::option::of(any::<bool>()), 0_u32..900_000, any::<bool>(), any::<bool>()).prop_map(
        |(n, below, income, urban, alone)| {
            let mut event = facts(n, below);
            event.facts.iter_mut().find(|f| f.name == "declared_income").unwrap().value = income.to_string();
            if urban {
                event.area_kind = AreaKind::Urban.into();
                event.division_code = "621202001001".into();
            }
            if alone {
                event.persons.pop();
            }
            Incident::Facts(event)
        },
    )
}

fn any_roster() -> impl Strategy<Value = Incident> {
    (HOUSEHOLDS, 0_u128..4, any::<bool>()).prop_map(|(n, members, held)| {
        let mut event = roster(n, if held { vec![low_income("")] } else { vec![] });
        let member = |k| RosterMember { person_key: person(n * 10 + k), ..RosterMember::default() };
        event.members = (1..=members).map(member).collect();
        Incident::Roster(event)
    })
}

fn any_day() -> impl Strategy<Value = Day> {
    let edition = prop::sample::select(vec![Edition::City, Edition::Next, Edition::Corrected]);
    let incident = prop_oneof![
        6 => any_facts(),
        3 => any_roster(),
        1 => Just(Incident::Replay),
        1 => HOUSEHOLDS.prop_map(Incident::Late),
        2 => edition.prop_map(Incident::Restart),
    ];
    (prop::collection::vec(incident, 0..5), 1_u64..4).prop_map(|(incidents, until_next)| Day { incidents, until_next })
}

/// A service, what it was told and what it said.
struct Life {
    service: TestService,
    client: Client,
    told: Vec<Incident>,
    /// Day, household and the assessment as it was sent, or the reason why there was none.
    said: Vec<(String, u128, Result<Vec<u8>, String>)>,
}

impl Life {
    async fn start() -> Life {
        let service = start().await;
        let client = client(&service, COUNTY);
        Life { service, client, told: Vec::new(), said: Vec::new() }
    }

    fn today(&self) -> String {
        self.service.running.context.clock.today().to_string()
    }

    fn feed(&self, incident: &Incident) {
        match incident {
            Incident::Facts(e) => self.service.running.feed("monitoring", &e.household, e).unwrap(),
            Incident::Roster(e) => self.service.running.feed("registry", &e.household, e).unwrap(),
            Incident::Replay | Incident::Late(_) | Incident::Restart(_) => {}
        }
    }

    async fn meet(&mut self, incident: Incident) {
        self.feed(&incident);
        match incident {
            Incident::Facts(_) | Incident::Roster(_) => self.told.push(incident),
            Incident::Replay => {
                let mut admin = self.service.db.admin().await.unwrap();
                for sql in
                    ["update identification.consumer_cursor set position = 0", "delete from identification.inbox"]
                {
                    sqlx::query(sql).execute(&mut admin).await.unwrap();
                }
            }
            Incident::Late(n) => late(&self.service, n).await,
            Incident::Restart(edition) => {
                restart(&mut self.service, edition).await;
                // The producers' logs were the old process's; theirs go on.
                self.told.iter().for_each(|incident| self.feed(incident));
                self.client = client(&self.service, COUNTY);
            }
        }
        self.service.running.consume_once().await.unwrap();
        assert_eq!(count(&self.service, "select count(*) from identification.dead_event").await, 0);
    }

    async fn say(&mut self, n: u128, as_of: &str) -> Result<Vec<u8>, String> {
        let answer = assess(&mut self.client, n, as_of).await;
        answer.map(|assessment| assessment.encode_to_vec()).map_err(|refusal| Error::from(refusal).reason().to_owned())
    }

    async fn live(&mut self, day: Day) {
        for incident in day.incidents {
            self.meet(incident).await;
        }
        for n in HOUSEHOLDS {
            let said = self.say(n, "").await;
            self.said.push((self.today(), n, said));
        }
        self.service.clock.advance_days(day.until_next);
    }

    /// Everything said so far is said again.
    async fn remember(&mut self) -> Result<(), TestCaseError> {
        for (day, n, said) in self.said.clone() {
            let again = self.say(n, &day).await;
            match (said, again) {
                (Ok(said), Ok(again)) => prop_assert_eq!(said, again, "household {} on {}", n, day),
                (Err(said), Err(again)) => {
                    prop_assert_eq!(said, "HOUSEHOLD_NOT_FOUND");
                    let unknown = ["HOUSEHOLD_NOT_FOUND", "NOTHING_KNOWN_ON_DAY"].contains(&again.as_str());
                    prop_assert!(unknown, "household {} on {}: {}", n, day, again);
                }
                (said, again) => prop_assert!(false, "household {n} on {day}: {said:?}, later {again:?}"),
            }
        }
        Ok(())
    }
}

/// Puts an event of the household's first days aside, with other facts than any it has had since, and redrives it.
async fn late(service: &TestService, n: u128) {
    let event = HouseholdFactsChanged { persons: vec![], facts: vec![], ..facts(n, None) };
    let id = Uuid::from_u128(n);
    let mut admin = service.db.admin().await.unwrap();
    let put_aside = Event {
        position: -1 - count(service, "select count(*) from identification.inbox").await,
        event_id: id.to_string(),
        r#type: "minqing.monitoring.v1.HouseholdFactsChanged".into(),
        aggregate: event.household.clone(),
        aggregate_sequence: 0,
        payload: event.encode_to_vec(),
        ..Event::default()
    };
    sqlx::query(
        "insert into identification.dead_event (id, producer, position, event, attempts, last_error) \
         values ($1, 'monitoring', $2, $3, 5, 'INTERNAL: internal error')",
    )
    .bind(id)
    .bind(put_aside.position)
    .bind(put_aside.encode_to_vec())
    .execute(&mut admin)
    .await
    .unwrap();
    let mut operations = OperationsServiceClient::new(service.as_caller("operator/admin").unwrap());
    let listed = operations.list_dead_letters(ListDeadLettersRequest::default()).await.unwrap().into_inner();
    for letter in listed.dead_letters {
        let redrive = RedriveDeadLetterRequest {
            request_id: service.running.context.ids.uuid().to_string(),
            delivery_id: letter.delivery_id,
        };
        operations.redrive_dead_letter(redrive).await.unwrap();
    }
}

#[test]
fn whatever_was_assessed_on_a_day_is_assessed_the_same_bit_for_bit_later() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { cases: 3, max_shrink_iters: 40, failure_persistence: None, ..Config::default() };
    let days = prop::collection::vec(any_day(), 2..7);
    let outcome = TestRunner::new(config).run(&days, |days| {
        runtime.block_on(async {
            let mut life = Life::start().await;
            for day in days {
                life.live(day).await;
                life.remember().await?;
            }
            life.service.running.stop().await.unwrap();
            Ok(())
        })
    });
    outcome.unwrap();
}

/// Verdict of the household's own way into minimum living.
fn whole_household(assessment: &Assessment) -> Truth {
    assessment.classes.iter().find(|class| class.route == "DB-01").unwrap().eligible()
}

#[tokio::test]
async fn a_past_day_is_judged_by_what_was_known_at_its_end() {
    let service = start().await;
    let mut client = client(&service, COUNTY);
    tell(&service, [Told::Roster(roster(1, vec![]))]).await;
    service.clock.advance_days(1);
    tell(&service, [Told::Facts(facts(1, Some(true))), Told::Facts(facts(1, Some(false)))]).await;
    service.clock.advance_days(3);
    tell(&service, [Told::Facts(facts(1, Some(true)))]).await;

    for (day, expected) in [
        ("2026-10-26", Truth::Unknown),
        ("2026-10-27", Truth::False),
        ("2026-10-29", Truth::False),
        ("2026-10-30", Truth::True),
    ] {
        let assessment = assess(&mut client, 1, day).await.unwrap();
        assert_eq!((assessment.as_of.as_str(), whole_household(&assessment)), (day, expected));
    }
    let today = assess(&mut client, 1, "").await.unwrap();
    assert_eq!(assess(&mut client, 1, "2026-10-30").await.unwrap(), today);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_past_day_is_judged_by_the_pack_of_that_day_also_when_a_former_one_comes_back() {
    let mut service = start().await;
    tell(&service, [Told::Facts(facts(1, Some(true)))]).await;
    let mut said = Vec::new();
    for edition in [Edition::City, Edition::Next, Edition::Corrected, Edition::City] {
        restart(&mut service, edition).await;
        let today = assess(&mut client(&service, COUNTY), 1, "").await.unwrap();
        said.push(today);
        service.clock.advance_days(2);
    }
    assert_eq!(
        said.iter().map(whole_household).collect::<Vec<_>>(),
        [Truth::True, Truth::False, Truth::True, Truth::True]
    );
    assert_ne!(said[1].pack, said[0].pack);
    assert_eq!(said[2].pack, said[0].pack);
    assert_ne!(said[2].classes, said[0].classes);

    let mut client = client(&service, COUNTY);
    for today in said {
        assert_eq!(assess(&mut client, 1, &today.as_of).await.unwrap(), today);
    }
    assert_eq!(count(&service, "select count(*) from identification.policy_pack").await, 3);
    assert_eq!(count(&service, "select count(*) from identification.policy_pack_in_force").await, 4);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_pack_is_noted_once_and_of_several_on_a_day_the_last_stays() {
    let mut service = start().await;
    for edition in [Edition::City, Edition::Next, Edition::City, Edition::Next] {
        restart(&mut service, edition).await;
        service.running.reconcile_once("new_pack").await.unwrap();
    }
    assert_eq!(count(&service, "select count(*) from identification.policy_pack_in_force").await, 2);
    let first = "select count(*) from identification.policy_pack_in_force where active_from < date '2026-10-26'";
    assert_eq!(count(&service, first).await, 1);
    let last = "select count(*) from identification.policy_pack_in_force f join identification.policy_pack p \
        using (content_hash) where f.active_from = date '2026-10-26' and p.tag like 'longnan@9%'";
    assert_eq!(count(&service, last).await, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_day_that_cannot_be_judged_is_refused_with_the_reason() {
    let mut service = start().await;
    tell(&service, [Told::Facts(facts(1, Some(true)))]).await;
    service.clock.advance_days(2);
    restart(&mut service, Edition::Next).await;
    let mut admin = service.db.admin().await.unwrap();
    for sql in [
        "insert into identification.household_fact_history \
         select household_id, '2001-01-01', division_code, area_kind, as_of, 0, facts, persons \
         from identification.household_fact_history",
        "insert into identification.policy_pack values (encode(sha256('x'), 'hex'), 'longnan@old', 'x', '2026-10-26')",
        "update identification.policy_pack_in_force set content_hash = encode(sha256('x'), 'hex') \
         where active_from < date '2026-10-28'",
    ] {
        sqlx::query(sql).execute(&mut admin).await.unwrap();
    }
    let mut client = client(&service, COUNTY);
    for (n, as_of, code, reason) in [
        (1, "2026-10-29", Code::InvalidArgument, "AS_OF_IN_FUTURE"),
        (1, "26.10.2026", Code::InvalidArgument, "AS_OF_MALFORMED"),
        (1, "2026-10-1", Code::InvalidArgument, "AS_OF_MALFORMED"),
        (9, "2026-10-29", Code::InvalidArgument, "AS_OF_IN_FUTURE"),
        (9, "2026-10-27", Code::NotFound, "HOUSEHOLD_NOT_FOUND"),
        (1, "2000-12-31", Code::NotFound, "NOTHING_KNOWN_ON_DAY"),
        (1, "2001-01-01", Code::FailedPrecondition, "NO_PACK_ON_DAY"),
        (1, "2026-10-27", Code::FailedPrecondition, "PACK_UNREADABLE"),
    ] {
        let refusal = assess(&mut client, n, as_of).await.unwrap_err();
        assert_eq!(refusal.code(), code, "{as_of}");
        let refusal = Error::from(refusal);
        assert_eq!(refusal.reason(), reason, "{as_of}");
        assert!(!refusal.message_zh().is_ascii(), "{as_of}");
        if reason.contains("AS_OF") {
            assert_eq!(refusal.fields()[0].0, "as_of");
        }
    }
    assert_eq!(count(&service, "select count(*) from identification.audit where subject like 'households/%'").await, 0);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn only_who_may_see_the_household_today_looks_back_and_values_stay_for_case_work() {
    let service = start().await;
    tell(&service, [Told::Facts(facts(1, Some(true)))]).await;
    service.clock.advance_days(1);
    let moved = HouseholdFactsChanged { division_code: "621221100203".into(), ..facts(1, Some(true)) };
    tell(&service, [Told::Facts(moved)]).await;

    let before = assess(&mut client(&service, COUNTY), 1, "2026-10-26").await.unwrap_err();
    assert_eq!(Error::from(before).reason(), "HOUSEHOLD_NOT_FOUND");
    let mut now = client(&service, "operator/county/621221");
    let whole = assess(&mut now, 1, "2026-10-26").await.unwrap();
    assert_eq!(whole_household(&whole), Truth::True);
    assert!(whole.classes.iter().flat_map(|c| &c.facts).any(|f| f.value == "600000"));

    let request = AssessHouseholdRequest { household: household(1), as_of: "2026-10-26".into(), everything: true };
    let audited = now.assess_household(request_for(Some("audit"), None, request)).await.unwrap().into_inner();
    let audited = audited.assessment.unwrap();
    assert_eq!(whole_household(&audited), Truth::True);
    assert!(audited.classes.iter().flat_map(|c| &c.facts).all(|f| f.value.is_empty()));
    assert_eq!(count(&service, "select count(*) from identification.audit where subject like 'households/%'").await, 2);
    service.running.stop().await.unwrap();
}
