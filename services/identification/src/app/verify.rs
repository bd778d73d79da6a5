//! Requests verifications and calls them off. What a bureau is to do goes to its adapter as an event, one a bureau.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use futures::FutureExt as _;
use minqing_kit::{Call, Error, Result, db::Work, id::name, id::parse_name};
use minqing_policy::{Area, Pack};
use minqing_proto::{
    contract,
    minqing::{
        identification::v1::{
            CancelVerificationRequest, CancelVerificationResponse, CheckedPerson, IssuedPerson,
            RequestVerificationRequest, RequestVerificationResponse, VerificationCancelled, VerificationIssued,
            WantedDataset,
        },
        options::v1::Subject,
        types::v1::{AuthorisationSigner, VerificationType},
    },
};
use uuid::Uuid;

use super::{Identification, scope, verifications};
use crate::{
    domain::{
        authorisation::{Claimed, MAX_PERSONS, Proposed, Signer, authorised},
        case::State,
        code::{bureau_of, bureau_text, county_of, kind_of, kind_text, parse_date},
        error::CaseError,
        scope::Scope,
        verification::Verification,
        verification_error::{PersonFault, VerificationError},
    },
    store::{self, known::RosterRow, verification::NewVerification},
};

/// Name of the parameter: working days a bureau has to answer.
const REPLY_DAYS: &str = "verification_reply_days";
const MAX_DATASETS: usize = 60;
const MAX_REASON: usize = 200;
const FIELDS: &[&str] = &["verification"];
pub const VERIFICATIONS: &str = "verifications";

/// For whom it is asked.
#[derive(Clone, Copy)]
enum About {
    Case(Uuid),
    Household(Uuid),
}

/// What is asked, as far as the request alone tells.
#[derive(Clone)]
struct Asked {
    about: About,
    kind: String,
    persons: Vec<Proposed>,
    /// Bureau and dataset.
    datasets: Vec<(String, String)>,
}

impl Identification {
    /// Opens a verification; a repeat gets the first answer.
    pub async fn request_verification(
        &self,
        call: &Call,
        request: RequestVerificationRequest,
    ) -> Result<RequestVerificationResponse> {
        let (asked, scope, pack) = (asked(&request)?, scope(call), self.pack.clone());
        let change = self.db.mutate(call, &request, move |work| {
            let (asked, scope, pack) = (asked.clone(), scope.clone(), pack.clone());
            async move {
                let id = open(work, &pack, &scope, &asked).await?;
                Ok(RequestVerificationResponse { verification: Some(verifications::whole(work, id).await?) })
            }
            .boxed()
        });
        change.await
    }

    /// Calls a verification off; a repeat gets the first answer.
    pub async fn cancel_verification(
        &self,
        call: &Call,
        request: CancelVerificationRequest,
    ) -> Result<CancelVerificationResponse> {
        let id = parse_name(VERIFICATIONS, &request.name, "name")?;
        let reason = request.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(VerificationError::CancelReasonMissing.into());
        }
        let scope = scope(call);
        let change = self.db.mutate(call, &request, move |work| {
            let (scope, reason) = (scope.clone(), reason.clone());
            async move {
                cancel(work, &scope, id, &reason).await?;
                Ok(CancelVerificationResponse { verification: Some(verifications::whole(work, id).await?) })
            }
            .boxed()
        });
        change.await
    }
}

fn asked(request: &RequestVerificationRequest) -> Result<Asked> {
    let about = match (request.case.as_str(), request.household.as_str()) {
        (case, "") if !case.is_empty() => About::Case(parse_name("cases", case, "case")?),
        ("", household) if !household.is_empty() => About::Household(parse_name("households", household, "household")?),
        _ => return Err(VerificationError::SubjectMissing.into()),
    };
    let kind = kind_text(VerificationType::try_from(request.r#type).unwrap_or_default());
    let kind = kind.ok_or(VerificationError::TypeMissing)?;
    if request.persons.len() > MAX_PERSONS {
        return Err(VerificationError::PersonsOutOfRange.into());
    }
    let person = |(at, p)| proposed(p).map_err(|fault| VerificationError::Person(at, fault));
    let persons = request.persons.iter().enumerate().map(person).collect::<std::result::Result<_, _>>()?;
    Ok(Asked { about, kind, persons, datasets: datasets(&request.datasets)? })
}

fn proposed(person: &CheckedPerson) -> std::result::Result<Proposed, PersonFault> {
    let claimed = person.authorisation.as_ref().map(|a| Claimed {
        reference: a.reference.trim().to_owned(),
        signer: match a.signer() {
            AuthorisationSigner::Unspecified => None,
            AuthorisationSigner::Self_ => Some(Signer::Own),
            AuthorisationSigner::Guardian => Some(Signer::Guardian),
            AuthorisationSigner::Heir => Some(Signer::Heir),
        },
        signed_on: parse_date(&a.signed_on),
        valid_until: parse_date(&a.valid_until),
    });
    let person_key = Uuid::try_parse(&person.person_key).map_err(|_| PersonFault::KeyMalformed)?;
    Ok(Proposed { person_key, obligor: person.obligor, authorisation: claimed })
}

/// Only what stands in a bureau's contract can be asked for.
fn datasets(wanted: &[WantedDataset]) -> std::result::Result<Vec<(String, String)>, VerificationError> {
    if wanted.is_empty() || wanted.len() > MAX_DATASETS {
        return Err(VerificationError::DatasetsOutOfRange);
    }
    let mut seen = HashSet::new();
    let one = |(at, w): (usize, &WantedDataset)| {
        let pair = (bureau_text(w.bureau()), w.dataset.clone());
        let message = contract::dataset_message(&pair.0, &pair.1);
        let subject = message.and_then(|m| contract::dataset(&m)).map(|d| d.subject());
        if !matches!(subject, Some(Subject::Person | Subject::Household)) {
            return Err(VerificationError::DatasetUnknown(at));
        }
        if seen.insert(pair.clone()) { Ok(pair) } else { Err(VerificationError::DatasetTwice(at)) }
    };
    wanted.iter().enumerate().map(one).collect()
}

async fn open(work: &mut Work, pack: &Pack, scope: &Scope, asked: &Asked) -> Result<Uuid> {
    let (case_id, household_id, division) = match asked.about {
        About::Household(id) => (None, id, None),
        About::Case(id) => {
            let case = store::case::locked(work.conn(), id).await?.filter(|c| scope.sees(&c.division_code));
            let case = case.ok_or(CaseError::CaseNotFound)?;
            if case.state() != State::Open {
                return Err(VerificationError::CaseDecided.into());
            }
            (Some(id), case.household_id, Some(case.division_code))
        }
    };
    let roster = store::known::roster(work.conn(), &[household_id]).await?.pop();
    let roster = roster.filter(|r| case_id.is_some() || scope.sees(&r.division_code));
    let roster = roster.ok_or(CaseError::HouseholdNotFound)?;
    let today = work.today();
    let keys: Vec<Uuid> = asked.persons.iter().map(|p| p.person_key).collect();
    let on_file = store::verification::on_file(work.conn(), household_id, &keys).await?;
    let new = NewVerification {
        verification_id: work.new_id(),
        household_id,
        case_id,
        kind: asked.kind.clone(),
        requested_on: today,
        due_on: due_on(pack, &roster, today)?,
        requested_by: work.call().caller.as_str().to_owned(),
        operator: work.call().operator.clone(),
        persons: authorised(&asked.persons, household_id, &on_file, today)?,
        datasets: asked.datasets.clone(),
        division_code: division.unwrap_or(roster.division_code),
    };
    store::verification::insert(work.conn(), &new).await?;
    audit(work, household_id, &new);
    issue(work, &new);
    Ok(new.verification_id)
}

/// A year the calendar lacks stops the request rather than setting a wrong limit.
fn due_on(pack: &Pack, roster: &RosterRow, today: NaiveDate) -> Result<NaiveDate> {
    let area = match roster.area_kind.as_str() {
        "urban" => Area::Urban,
        "rural" => Area::Rural,
        _ => Area::All,
    };
    let limit = pack.parameter_at(REPLY_DAYS, &county_of(&roster.division_code), area, today);
    let days = limit.and_then(|l| l.value.parse().ok()).ok_or(VerificationError::ReplyLimitMissing)?;
    pack.calendar().add_working_days(today, days).map_err(|error| {
        Error::failed_state(
            "CALENDAR_YEAR_MISSING",
            format!("the policy pack's calendar has no year {}", error.year),
            format!("政策包日历缺少{}年", error.year),
        )
    })
}

/// Whose data are asked for, in the household and outside it.
fn audit(work: &mut Work, household_id: Uuid, new: &NewVerification) {
    let homes: HashSet<Uuid> = new.persons.iter().map(|p| p.household_id).chain([household_id]).collect();
    for home in homes {
        work.audit(&name("households", home), FIELDS);
    }
}

fn issue(work: &mut Work, new: &NewVerification) {
    let verification = name(VERIFICATIONS, new.verification_id);
    let mut by_bureau: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (bureau, dataset) in &new.datasets {
        by_bureau.entry(bureau).or_default().push(dataset.clone());
    }
    let persons = new.persons.iter().map(|p| IssuedPerson {
        person_key: p.person_key.to_string(),
        household: name("households", p.household_id),
        authorisation: p.reference.clone(),
        valid_until: p.valid_until.to_string(),
    });
    let persons: Vec<_> = persons.collect();
    for (bureau, datasets) in by_bureau {
        let event = VerificationIssued {
            verification: verification.clone(),
            bureau: bureau_of(bureau).into(),
            r#type: kind_of(&new.kind).into(),
            persons: persons.clone(),
            datasets,
            requested_on: new.requested_on.to_string(),
            due_on: new.due_on.to_string(),
        };
        work.emit(&verification, &event, Some(&adapter_of(bureau)));
    }
}

/// Who reads what concerns a bureau.
fn adapter_of(bureau: &str) -> String {
    format!("adapter/{bureau}")
}

async fn cancel(work: &mut Work, scope: &Scope, id: Uuid, reason: &str) -> Result<()> {
    store::verification::lock(work.conn(), &[id]).await?;
    let row = store::verification::one(work.conn(), id).await?.filter(|r| scope.sees(&r.division_code));
    let row = row.ok_or(VerificationError::NotFound)?;
    let items = store::verification::items(work.conn(), &[id]).await?.remove(&id).unwrap_or_default();
    let mut verification = Verification { days: row.days(), items };
    let today = work.today();
    verification.cancel(today)?;
    store::verification::save(work.conn(), id, &verification, reason).await?;
    work.audit(&name("households", row.household_id), FIELDS);
    let bureaus: HashSet<&str> = verification.items.iter().map(|i| i.key.bureau.as_str()).collect();
    for bureau in bureaus {
        let event = VerificationCancelled {
            verification: name(VERIFICATIONS, id),
            bureau: bureau_of(bureau).into(),
            cancelled_on: today.to_string(),
        };
        work.emit(&event.verification.clone(), &event, Some(&adapter_of(bureau)));
    }
    Ok(())
}
