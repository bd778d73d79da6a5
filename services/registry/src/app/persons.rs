//! What adapters ask about persons: whether keys and names agree, and who a referral or a
//! verification is about.

use std::{collections::HashMap, sync::Arc};

use futures::FutureExt as _;
use minqing_kit::{Call, Result, id::name, id::parse_name};
use minqing_proto::minqing::registry::v1::{PersonIdentity, PersonMatch, PersonProbe};
use uuid::Uuid;

use super::{
    Registry,
    view::{self, Home},
};
use crate::{
    domain::error::RegistryError,
    store::{self, person::IdentityRow},
};

const MAX_PROBES: usize = 2000;
const MAX_PERSONS: usize = 30;

impl Registry {
    /// One answer for each probe, in order. Keyed hashes in, truth values out: nothing is opened.
    pub async fn match_persons(&self, probes: &[PersonProbe]) -> Result<Vec<PersonMatch>> {
        if probes.len() > MAX_PROBES {
            return Err(RegistryError::TooMany.into());
        }
        let uuid = |text: &str| Uuid::try_parse(text).map_err(|_| RegistryError::KeyMalformed);
        let keys = probes.iter().map(|p| uuid(&p.person_key)).collect::<std::result::Result<Vec<_>, _>>()?;
        let name_of = |p: &PersonProbe| if p.name_key.is_empty() { Ok(None) } else { uuid(&p.name_key).map(Some) };
        let names = probes.iter().map(name_of).collect::<std::result::Result<Vec<_>, _>>()?;
        let mut conn = self.db.acquire().await?;
        let rows = store::person::match_probes(&mut conn, &keys, &names).await?;
        let answer = |r: store::person::MatchRow| PersonMatch {
            known: r.known,
            name_agrees: r.name_agrees,
            household: r.household_id.map(|id| name("households", id)).unwrap_or_default(),
            linked_person_key: r.linked_person_key.map(|key| key.to_string()).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(answer).collect())
    }

    /// The identities a bureau needs to act on a referral or a verification, which the call must name; each is audited
    /// under it.
    pub async fn reveal(&self, call: &Call, household: Uuid, asked: &Revealed) -> Result<Vec<PersonIdentity>> {
        let case = call.case_ref.as_deref().unwrap_or_default();
        if asked.person_keys.len() > MAX_PERSONS {
            return Err(RegistryError::TooMany.into());
        }
        let wanted =
            asked.person_keys.iter().map(|key| Uuid::try_parse(key)).collect::<std::result::Result<Vec<_>, _>>();
        let wanted = wanted.map_err(|_| RegistryError::KeyMalformed)?;
        let authorised = if call.purpose.as_deref() == Some("verification") {
            parse_name("verifications", case, "minqing-case").map_err(|_| RegistryError::VerificationMissing)?;
            Some(authorisations(&wanted, &asked.authorisations)?)
        } else {
            parse_name("referrals", case, "minqing-case").map_err(|_| RegistryError::ReferralMissing)?;
            None
        };
        let keys = Arc::clone(&self.keys);
        let read = self.db.read(call, move |work| {
            let (wanted, authorised, keys) = (wanted.clone(), authorised.clone(), Arc::clone(&keys));
            async move {
                let file = store::household::file(work.conn(), household).await?;
                let file = file.ok_or(RegistryError::HouseholdNotFound)?;
                let wanted = (!wanted.is_empty()).then_some(wanted.as_slice());
                let rows = store::person::identities(work.conn(), household, wanted).await?;
                let home = Home { household_id: household, address_sealed: file.address_sealed.as_deref() };
                let one = |row: &IdentityRow| match &authorised {
                    None => view::identity(work, &keys, row, home),
                    Some(authorised) => {
                        let authorisation =
                            authorised.get(&row.person_key).ok_or(RegistryError::AuthorisationMissing)?;
                        view::verified(work, &keys, row, authorisation)
                    }
                };
                rows.iter().map(one).collect()
            }
            .boxed()
        });
        read.await
    }
}

/// Whom a look is about.
pub struct Revealed {
    pub person_keys: Vec<String>,
    /// One for each person, for a verification.
    pub authorisations: Vec<String>,
}

/// Each person with the authorisation; nobody without one, and never a whole household.
fn authorisations(persons: &[Uuid], given: &[String]) -> std::result::Result<HashMap<Uuid, String>, RegistryError> {
    let readable = |text: &String| !text.is_empty() && text.len() <= 256 && !text.contains(',');
    if persons.is_empty() || persons.len() != given.len() || !given.iter().all(readable) {
        return Err(RegistryError::AuthorisationMissing);
    }
    Ok(persons.iter().copied().zip(given.iter().cloned()).collect())
}
