//! Identity lists: who holds which class, for a bureau that aids by class. Every person listed is audited.

use std::sync::Arc;

use futures::FutureExt as _;
use minqing_kit::{Call, Result, db::Work, keys::Keyring, page};
use minqing_proto::minqing::{
    registry::v1::{ClassMember, ListClassMembersRequest},
    types::v1::AssistanceClass,
};
use uuid::Uuid;

use super::{
    Registry,
    households::{cut, division_filter, key},
    view::{self, Home},
};
use crate::{
    domain::{
        class::{class_of, class_text},
        division,
        error::RegistryError,
    },
    store::{
        class_status::{self, ClassMemberRow, MemberFilter},
        person::IdentityRow,
    },
};

const MAX_PAGE: i32 = 500;

impl Registry {
    /// A page of class members and the token of the next one.
    pub async fn class_members(
        &self,
        call: &Call,
        request: &ListClassMembersRequest,
    ) -> Result<(Vec<ClassMember>, String)> {
        let prefix = division::prefix(division_filter(&request.division_code)?).to_owned();
        let mut classes: Vec<String> = request
            .classes
            .iter()
            .filter_map(|class| class_text(AssistanceClass::try_from(*class).unwrap_or_default()))
            .collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.is_empty() && !request.classes.is_empty() {
            return Ok((Vec::new(), String::new()));
        }
        let canonical = format!("classMembers|{prefix}|{}", classes.join(","));
        let page = page::page(request.page_size, &request.page_token, &canonical, MAX_PAGE)?;
        let after = page.after.as_deref().map_or(Ok((Uuid::nil(), Uuid::nil())), pair)?;
        let keys = Arc::clone(&self.keys);
        let size = page.size;
        let read = self.db.read(call, move |work| {
            let (prefix, classes, keys) = (prefix.clone(), classes.clone(), Arc::clone(&keys));
            async move {
                let today = work.today();
                let filter = MemberFilter { classes: &classes, prefix: &prefix, today, after, size: size + 1 };
                let rows = class_status::class_members(work.conn(), &filter).await?;
                let (rows, last) = cut(rows, size, |r| format!("{}|{}", r.class_status_id, r.person_id));
                let members = rows.into_iter().map(|row| member(work, &keys, row)).collect::<Result<Vec<_>>>()?;
                Ok((members, last))
            }
            .boxed()
        });
        let (members, last) = read.await?;
        Ok((members, last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default()))
    }
}

fn pair(text: &str) -> Result<(Uuid, Uuid)> {
    let (status, person) = text.split_once('|').ok_or(RegistryError::KeyMalformed)?;
    Ok((key(status)?, key(person)?))
}

fn member(work: &mut Work, keys: &Keyring, row: ClassMemberRow) -> Result<ClassMember> {
    let home = Home { household_id: row.household_id, address_sealed: row.address_sealed.as_deref() };
    let person = IdentityRow {
        person_id: row.person_id,
        person_key: row.person_key,
        id_number_sealed: row.id_number_sealed,
        name_sealed: row.name_sealed,
        phone_sealed: row.phone_sealed,
    };
    Ok(ClassMember {
        identity: Some(view::identity(work, keys, &person, home)?),
        assistance_class: class_of(&row.assistance_class).into(),
        division_code: row.division_code,
        valid_from: row.valid_from.to_string(),
        valid_to: row.valid_to.map(|day| day.to_string()).unwrap_or_default(),
    })
}
