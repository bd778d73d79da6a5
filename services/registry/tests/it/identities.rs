//! What adapters get: truth values for keys, identities for a referral, identity lists by class.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    registry::v1::{ListClassMembersRequest, MatchPersonsRequest, PersonProbe, RevealIdentitiesRequest},
    types::v1::AssistanceClass,
};
use tonic::Code;

use crate::collection::*;

const REFERRAL: &str = "referrals/0198c0de-0000-7000-8000-000000000001";

#[tokio::test]
async fn probes_are_answered_in_order_by_key_and_name() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let probe = |sequence: u32, name: &str| PersonProbe {
        person_key: person_key(&service, sequence).to_string(),
        name_key: service.keys.name_key(name).to_string(),
    };
    let probes = vec![probe(3, "张三"), probe(99, "张三"), probe(4, "张三"), probe(3, "张三")];
    let answer = client(&service, "adapter/hr").match_persons(MatchPersonsRequest { probes }).await.unwrap();
    let matches: Vec<_> = answer.into_inner().matches.iter().map(|m| (m.known, m.name_agrees)).collect();
    assert_eq!(matches, [(true, true), (false, false), (true, false), (true, true)]);

    let probes = vec![PersonProbe { person_key: "x".into(), name_key: String::new() }];
    let refused = client(&service, "adapter/hr").match_persons(MatchPersonsRequest { probes }).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let too_many = vec![PersonProbe::default(); 2001];
    let refused = client(&service, "adapter/hr").match_persons(MatchPersonsRequest { probes: too_many }).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn identities_are_revealed_for_a_referral_only_and_each_look_is_audited_with_it() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut adapter = client(&service, "adapter/education");
    let reveal =
        RevealIdentitiesRequest { household: household_name(&service, 1), person_keys: vec![], authorisations: vec![] };
    let named = RevealIdentitiesRequest { person_keys: vec![person_key(&service, 4).to_string()], ..reveal.clone() };

    for case in [None, Some("referrals/x"), Some("cases/0198c0de-0000-7000-8000-000000000001")] {
        let refused = adapter.reveal_identities(request_for(Some("referral"), case, reveal.clone())).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{case:?}");
    }
    let wrong = adapter.reveal_identities(request_for(Some("case_work"), Some(REFERRAL), reveal.clone())).await;
    assert!(wrong.is_err());
    let operator =
        client(&service, COUNTY).reveal_identities(request_for(Some("referral"), Some(REFERRAL), reveal.clone())).await;
    assert_eq!(operator.unwrap_err().code(), Code::PermissionDenied);

    let all = adapter.reveal_identities(request_for(Some("referral"), Some(REFERRAL), reveal)).await.unwrap();
    assert_eq!(all.into_inner().persons.len(), 2);
    let one = adapter.reveal_identities(request_for(Some("referral"), Some(REFERRAL), named)).await.unwrap();
    let one = one.into_inner().persons;
    assert_eq!(one.len(), 1);
    assert_eq!((one[0].name.as_str(), one[0].phone.as_str()), ("李四娘", "13912345678"));
    assert_eq!(one[0].id_number, id_number("19800102", 4));
    assert_eq!(one[0].address, household(1).address);
    let audited = "select count(*) from registry.audit where case_ref like 'referrals/%' and subject like 'persons/%' \
                   and 'id_number' = any(fields) and outcome = 'ok'";
    assert_eq!(count(&service, audited).await, 3);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_verification_reveals_name_and_number_of_authorised_persons_and_the_audit_keeps_the_authorisation() {
    const VERIFICATION: &str = "verifications/0198c0de-0000-7000-8000-000000000002";
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut adapter = client(&service, "adapter/outside");
    let reveal = |persons: &[u32], authorisations: &[&str]| RevealIdentitiesRequest {
        household: household_name(&service, 1),
        person_keys: persons.iter().map(|n| person_key(&service, *n).to_string()).collect(),
        authorisations: authorisations.iter().map(|a| (*a).to_owned()).collect(),
    };
    let refused = [
        (Some(REFERRAL), reveal(&[4], &["SQ-1"])),
        (None, reveal(&[4], &["SQ-1"])),
        (Some(VERIFICATION), reveal(&[], &[])),
        (Some(VERIFICATION), reveal(&[4], &[])),
        (Some(VERIFICATION), reveal(&[4], &[""])),
        (Some(VERIFICATION), reveal(&[3, 4], &["SQ-1"])),
    ];
    for (case, request) in refused {
        let asked = request_for(Some("verification"), case, request);
        assert_eq!(adapter.reveal_identities(asked).await.unwrap_err().code(), Code::InvalidArgument, "{case:?}");
    }
    assert_eq!(count(&service, "select count(*) from registry.audit where purpose = 'verification'").await, 0);

    let asked = request_for(Some("verification"), Some(VERIFICATION), reveal(&[4], &["陇民核授〔2026〕12号"]));
    let persons = adapter.reveal_identities(asked).await.unwrap().into_inner().persons;
    assert_eq!((persons.len(), persons[0].name.as_str()), (1, "李四娘"));
    assert_eq!(persons[0].id_number, id_number("19800102", 4));
    assert_eq!((persons[0].phone.as_str(), persons[0].address.as_str()), ("", ""));
    let audited = "select count(*) from registry.audit where case_ref like 'verifications/%' \
                   and fields = '{id_number,name,authorisation:陇民核授〔2026〕12号}' and outcome = 'ok'";
    assert_eq!(count(&service, audited).await, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn an_identity_list_holds_every_member_of_a_class_once_and_audits_each() {
    let service = start().await;
    let mut rows: Vec<_> = (1..=3).map(household).collect();
    rows[2].classes.clear();
    import(&service, rows).await;
    let mut adapter = client(&service, "adapter/medical_insurance");
    let (mut members, mut token) = (Vec::new(), String::new());
    loop {
        let list = ListClassMembersRequest {
            classes: vec![AssistanceClass::MinimumLiving.into()],
            division_code: "621202".into(),
            page_size: 3,
            page_token: token,
        };
        let page =
            adapter.list_class_members(request_for(Some("identity_list"), None, list)).await.unwrap().into_inner();
        members.extend(page.members);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let mut ids: Vec<_> = members.iter().map(|m| m.identity.clone().unwrap().id_number).collect();
    ids.sort();
    let mut expected: Vec<_> = (3..=6).map(|n| id_number("19800102", n)).collect();
    expected.sort();
    assert_eq!(ids, expected);
    assert_eq!(members[0].valid_from, "2026-01-01");
    assert_eq!(count(&service, "select count(*) from registry.audit where purpose = 'identity_list'").await, 4);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_personal_is_in_the_database_in_the_clear() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut admin = service.db.admin().await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'registry' order by 1")
            .fetch_all(&mut admin)
            .await
            .unwrap();
    assert!(tables.len() > 10);
    for table in tables {
        let dump = format!("select coalesce(string_agg(t::text, ' '), '') from registry.{table} t");
        let text: String = sqlx::query_scalar(sqlx::AssertSqlSafe(dump)).fetch_one(&mut admin).await.unwrap();
        for secret in ["张三", "李四娘", "13912345678", "6228480402564890018", "12号", &id_number("19800102", 3)]
        {
            assert!(!text.contains(secret), "{table} holds a personal text");
            let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
            assert!(!text.contains(&hex), "{table} holds personal bytes");
        }
    }
    service.running.stop().await.unwrap();
}
