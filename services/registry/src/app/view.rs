//! Files as a caller may see them: masked, or in full for case work. The only place that opens sealed fields.

use std::collections::HashMap;

use minqing_kit::{
    Call, Result,
    db::Work,
    id::name,
    keys::{Keyring, mask_address, mask_id_number, mask_name, mask_phone},
};
use minqing_proto::minqing::{
    registry::v1::{ClassStatus, Household, IdentityReview, Person, PersonIdentity},
    types::v1::Sex,
};
use uuid::Uuid;

use super::identity_reviews::plain;
use crate::{
    domain::{
        class::{area_of, class_of},
        error::RegistryError,
        scope::Scope,
    },
    store::{
        class_status::{self, StatusRow},
        household::FileRow,
        identity::ReviewRow,
        person::{self, IdentityRow, MemberRow},
    },
};

/// How much of a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    Masked,
    Full,
}

impl Depth {
    /// In full for case work by operators and services; a bureau sees masked files and has one purpose only.
    pub fn of(call: &Call) -> Result<Depth> {
        let purpose = call.purpose.as_deref().unwrap_or_default();
        match (call.caller.kind(), purpose) {
            ("bureau", "relief_query") => Ok(Depth::Masked),
            ("bureau", _) => Err(RegistryError::PurposeNotForBureau.into()),
            (_, "case_work") => Ok(Depth::Full),
            _ => Ok(Depth::Masked),
        }
    }

    /// What the audit row says was seen.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Depth::Masked => &[
                "address:masked",
                "members.name:masked",
                "members.id_number:masked",
                "members.phone:masked",
                "classes",
            ],
            Depth::Full => &["address", "members.name", "members.id_number", "members.phone", "classes"],
        }
    }
}

/// Scope of the caller.
pub fn scope(call: &Call) -> Scope {
    Scope::of(call.caller.as_str())
}

struct Opener<'a> {
    keys: &'a Keyring,
    depth: Depth,
}

impl Opener<'_> {
    fn show(&self, subject: Uuid, field: &str, sealed: &[u8], mask: fn(&str) -> String) -> Result<String> {
        let secret = self.keys.open(subject, field, sealed)?;
        Ok(match self.depth {
            Depth::Full => secret.expose().to_owned(),
            Depth::Masked => mask(secret.expose()),
        })
    }

    fn show_if_any(
        &self,
        subject: Uuid,
        field: &str,
        sealed: Option<&[u8]>,
        mask: fn(&str) -> String,
    ) -> Result<String> {
        sealed.map_or_else(|| Ok(String::new()), |sealed| self.show(subject, field, sealed, mask))
    }

    fn person(&self, row: &MemberRow) -> Result<Person> {
        Ok(Person {
            name: name("persons", row.person_id),
            display_name: self.show(row.person_key, "name", &row.name_sealed, mask_name)?,
            id_number: self.show(row.person_key, "id_number", &row.id_number_sealed, mask_id_number)?,
            sex: Sex::try_from(i32::from(row.sex)).unwrap_or_default().into(),
            birth_on: row.birth_on.to_string(),
            relation: row.relation.clone(),
            phone: self.show_if_any(row.person_key, "phone", row.phone_sealed.as_deref(), mask_phone)?,
            joined_on: row.joined_on.to_string(),
        })
    }

    fn household(&self, file: FileRow, members: Vec<MemberRow>, classes: Vec<StatusRow>) -> Result<Household> {
        Ok(Household {
            name: name("households", file.household_id),
            address: self.show_if_any(file.household_id, "address", file.address_sealed.as_deref(), mask_address)?,
            household_no: file.household_no,
            division_code: file.division_code,
            area_kind: area_of(&file.area_kind).into(),
            declared_income_fen: file.declared_income_fen,
            members: members.iter().map(|m| self.person(m)).collect::<Result<_>>()?,
            classes: classes.into_iter().map(status).collect(),
            etag: file.version.to_string(),
        })
    }
}

fn status(row: StatusRow) -> ClassStatus {
    ClassStatus {
        assistance_class: class_of(&row.assistance_class).into(),
        person: row.person_id.map(|id| name("persons", id)).unwrap_or_default(),
        valid_from: row.valid_from.to_string(),
        valid_to: row.valid_to.map(|day| day.to_string()).unwrap_or_default(),
        amount_fen: row.amount_fen,
        decision: row.decision.map(|id| name("decisions", id)).unwrap_or_default(),
    }
}

/// The files with members and classes, in their order; each leaves an audit row.
pub async fn households(work: &mut Work, keys: &Keyring, depth: Depth, files: Vec<FileRow>) -> Result<Vec<Household>> {
    let ids: Vec<Uuid> = files.iter().map(|f| f.household_id).collect();
    let mut members: HashMap<Uuid, Vec<MemberRow>> = HashMap::new();
    for row in person::members(work.conn(), &ids).await? {
        members.entry(row.household_id).or_default().push(row);
    }
    let mut classes: HashMap<Uuid, Vec<StatusRow>> = HashMap::new();
    for row in class_status::of_households(work.conn(), &ids).await? {
        classes.entry(row.shown_in).or_default().push(row);
    }
    let opener = Opener { keys, depth };
    let mut shown = Vec::with_capacity(files.len());
    for file in files {
        let id = file.household_id;
        work.audit(&name("households", id), depth.fields());
        let members = members.remove(&id).unwrap_or_default();
        shown.push(opener.household(file, members, classes.remove(&id).unwrap_or_default())?);
    }
    Ok(shown)
}

/// A review with what came and what is on file.
pub fn review(keys: &Keyring, depth: Depth, row: &ReviewRow) -> Result<IdentityReview> {
    let opener = Opener { keys, depth };
    Ok(IdentityReview {
        came_id_number: opener.show_if_any(
            row.number_key,
            "id_number",
            row.number_sealed.as_deref(),
            mask_id_number,
        )?,
        came_name: opener.show_if_any(row.number_key, "name", row.name_sealed.as_deref(), mask_name)?,
        file_id_number: opener.show(row.person_key, "id_number", &row.file_number_sealed, mask_id_number)?,
        file_name: opener.show(row.person_key, "name", &row.file_name_sealed, mask_name)?,
        ..plain(row)
    })
}

/// Fields of a person in full, for the audit.
pub const IDENTITY_FIELDS: &[&str] = &["id_number", "name", "phone", "address"];

/// Where a person lives, sealed.
#[derive(Clone, Copy)]
pub struct Home<'a> {
    pub household_id: Uuid,
    pub address_sealed: Option<&'a [u8]>,
}

/// A person in full, with an audit row.
pub fn identity(work: &mut Work, keys: &Keyring, person: &IdentityRow, home: Home<'_>) -> Result<PersonIdentity> {
    let opener = Opener { keys, depth: Depth::Full };
    let plain = |text: &str| text.to_owned();
    work.audit(&name("persons", person.person_id), IDENTITY_FIELDS);
    Ok(PersonIdentity {
        person_key: person.person_key.to_string(),
        id_number: opener.show(person.person_key, "id_number", &person.id_number_sealed, plain)?,
        name: opener.show(person.person_key, "name", &person.name_sealed, plain)?,
        phone: opener.show_if_any(person.person_key, "phone", person.phone_sealed.as_deref(), plain)?,
        address: opener.show_if_any(home.household_id, "address", home.address_sealed, plain)?,
    })
}

/// Name and ID number of a person to be verified, nothing else; the audit row keeps the authorisation.
pub fn verified(work: &mut Work, keys: &Keyring, person: &IdentityRow, authorisation: &str) -> Result<PersonIdentity> {
    let opener = Opener { keys, depth: Depth::Full };
    let plain = |text: &str| text.to_owned();
    let under = format!("authorisation:{authorisation}");
    work.audit(&name("persons", person.person_id), &["id_number", "name", &under]);
    Ok(PersonIdentity {
        person_key: person.person_key.to_string(),
        id_number: opener.show(person.person_key, "id_number", &person.id_number_sealed, plain)?,
        name: opener.show(person.person_key, "name", &person.name_sealed, plain)?,
        ..PersonIdentity::default()
    })
}
