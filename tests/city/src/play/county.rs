//! The county's civil affairs desk: decides the cases of recognition and re-check as the assessment says, after one
//! to four working days.

use chrono::NaiveDate;
use minqing_proto::minqing::{
    identification::v1::{
        Case, CaseDecision, CaseKind, CaseState, ClassAssessment, GetCaseRequest, ListCasesRequest,
        RecordDecisionRequest, identification_service_client::IdentificationServiceClient,
    },
    types::v1::Truth,
};

use super::{Play, chance};
use crate::{
    calendar,
    dataset::{date, iso},
    household::{Class, Held},
    mesh::{ask, patiently, request_id},
};

/// How much is open.
#[derive(Default)]
pub(super) struct County {
    open: usize,
}

impl County {
    pub fn is_idle(&self) -> bool {
        self.open == 0
    }
}

/// What the desk decides.
struct Decided {
    decision: CaseDecision,
    class: Class,
    person_key: String,
    amount_fen: i64,
    reason: &'static str,
}

impl Play {
    /// Decides the cases that are ripe; how many.
    pub(super) async fn decide_cases(&mut self, day: NaiveDate) -> anyhow::Result<usize> {
        let mut cases = Vec::new();
        for case in self.open_cases().await? {
            match self.households.place.get(&case.household).copied() {
                Some(place) => cases.push((self.city.households[place as usize].no.clone(), place, case)),
                None => self.problem("a case names an unknown household".to_owned()),
            }
        }
        self.county.open = cases.len();
        cases.sort_by(|a, b| (&a.0, &a.2.opened_on, a.2.kind).cmp(&(&b.0, &b.2.opened_on, b.2.kind)));
        let mut decided = 0;
        for (no, place, case) in cases {
            let words = format!("{no} {} {}", case.opened_on, case.kind);
            let pause = 1 + chance(self.city.settings.seed, &format!("case {words}")) % 4;
            let opened = date(&case.opened_on).unwrap_or(day);
            if u64::from(calendar::working_between(opened, day)) >= pause {
                self.decide(day, &words, place, &case).await?;
                decided += 1;
            }
        }
        self.county.open -= decided.min(self.county.open);
        Ok(decided)
    }

    async fn open_cases(&self) -> anyhow::Result<Vec<Case>> {
        let client = IdentificationServiceClient::new(self.mesh.channel("identification", "operator/admin")?);
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let body = ListCasesRequest {
                state: CaseState::Open as i32,
                page_size: 200,
                page_token,
                ..ListCasesRequest::default()
            };
            let page = patiently("list cases", || {
                let (mut client, body) = (client.clone(), body.clone());
                async move { client.list_cases(ask(body, "case_work", "")).await }
            })
            .await?;
            all.extend(page.cases);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    async fn decide(&mut self, day: NaiveDate, words: &str, place: u32, case: &Case) -> anyhow::Result<()> {
        let county = self.city.households[place as usize].county;
        let identity = format!("operator/county/{county}");
        let client = IdentificationServiceClient::new(self.mesh.channel("identification", &identity)?);
        let body = GetCaseRequest { name: case.name.clone() };
        let whole = patiently("get a case", || {
            let (mut client, body) = (client.clone(), body.clone());
            let case_ref = case.name.clone();
            async move { client.get_case(ask(body, "case_work", &case_ref)).await }
        })
        .await?;
        let assessed = whole.case.and_then(|c| c.assessment).map(|a| a.classes).unwrap_or_default();
        let decided = if case.kind == CaseKind::Recheck as i32 {
            recheck(self.oracle.classes(place), &assessed)
        } else {
            recognise(self.oracle.classes(place), &assessed)
        };
        let body = RecordDecisionRequest {
            request_id: request_id(self.city.settings.seed, &format!("decision {words}")),
            name: case.name.clone(),
            decision: decided.decision as i32,
            assistance_class: decided.class.proto() as i32,
            person_key: decided.person_key.clone(),
            amount_fen: decided.amount_fen,
            valid_from: iso(day),
            reason: decided.reason.to_owned(),
            household_heard: true,
        };
        patiently("record a decision", || {
            let (mut client, body) = (client.clone(), body.clone());
            let case_ref = case.name.clone();
            async move { client.record_decision(ask(body, "case_work", &case_ref)).await }
        })
        .await?;
        self.tell_class(day, place, &decided).await
    }

    /// The oracle learns what was decided; the mesh learns it through its own events.
    async fn tell_class(&mut self, day: NaiveDate, place: u32, decided: &Decided) -> anyhow::Result<()> {
        let member = match decided.person_key.as_str() {
            "" => None,
            key => self.member_of(place, key).await?,
        };
        match decided.decision {
            CaseDecision::Grant => self
                .oracle
                .grant(place, Held { class: decided.class, member, valid_from: day, amount_fen: decided.amount_fen }),
            CaseDecision::End => self.oracle.end_class(place, decided.class, member),
            _ => {}
        }
        Ok(())
    }
}

/// Grants the strongest class whose conditions are met and that the household does not have yet.
fn recognise(held: &[Held], assessed: &[ClassAssessment]) -> Decided {
    for class in [Class::MinimumLiving, Class::Edge] {
        let met = assessed.iter().find(|a| {
            a.assistance_class == class.proto() as i32
                && a.eligible == Truth::True as i32
                && !held.iter().any(|h| h.class == class || h.class == Class::MinimumLiving)
        });
        if let Some(met) = met {
            return Decided {
                decision: CaseDecision::Grant,
                class,
                person_key: met.person_key.clone(),
                amount_fen: met.amount_fen,
                reason: "符合认定条件，予以确认",
            };
        }
    }
    Decided {
        decision: CaseDecision::Refuse,
        class: Class::MinimumLiving,
        person_key: String::new(),
        amount_fen: 0,
        reason: "家庭经济状况不符合认定条件",
    }
}

/// Ends a class whose conditions are plainly not met any more; unknown is not no.
fn recheck(held: &[Held], assessed: &[ClassAssessment]) -> Decided {
    let held = held.iter().find(|h| matches!(h.class, Class::MinimumLiving | Class::Destitute) && h.member.is_none());
    let class = held.map_or(Class::MinimumLiving, |h| h.class);
    let mut verdicts =
        assessed.iter().filter(|a| a.assistance_class == class.proto() as i32 && a.person_key.is_empty());
    let plainly_not = verdicts.clone().next().is_some() && verdicts.all(|a| a.eligible == Truth::False as i32);
    let (decision, reason) = if held.is_some() && plainly_not {
        (CaseDecision::End, "复核不再符合条件，已听取家庭意见")
    } else {
        (CaseDecision::Keep, "复核仍符合条件或尚无法确定")
    };
    let amount_fen = held.map_or(0, |h| h.amount_fen);
    Decided { decision, class, person_key: String::new(), amount_fen, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assessed(class: Class, eligible: Truth) -> ClassAssessment {
        ClassAssessment {
            assistance_class: class.proto() as i32,
            eligible: eligible as i32,
            amount_fen: 1_000,
            ..ClassAssessment::default()
        }
    }

    #[test]
    fn the_desk_follows_the_assessment_and_does_not_take_unknown_for_no() {
        let held = [Held { class: Class::MinimumLiving, member: None, valid_from: calendar::start(), amount_fen: 5 }];
        assert_eq!(recheck(&held, &[assessed(Class::MinimumLiving, Truth::False)]).decision, CaseDecision::End);
        assert_eq!(recheck(&held, &[assessed(Class::MinimumLiving, Truth::Unknown)]).decision, CaseDecision::Keep);
        assert_eq!(recognise(&[], &[assessed(Class::Edge, Truth::True)]).decision, CaseDecision::Grant);
        assert_eq!(recognise(&[], &[assessed(Class::Edge, Truth::Unknown)]).decision, CaseDecision::Refuse);
        assert_eq!(recognise(&held, &[assessed(Class::MinimumLiving, Truth::True)]).decision, CaseDecision::Refuse);
    }
}
