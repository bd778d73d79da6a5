//! Finds a person by ID number.

use std::sync::Arc;

use futures::FutureExt as _;
use minqing_kit::{Call, Result, id::name, keys::IdNumber};
use minqing_proto::minqing::registry::v1::FindPersonResponse;

use super::{
    Registry,
    view::{self, Depth},
};
use crate::{domain::error::RegistryError, store};

impl Registry {
    /// The person's resource and household. Who is in no household, or outside the caller's division, is not found.
    pub async fn find_person(&self, call: &Call, id_number: &str) -> Result<FindPersonResponse> {
        let depth = Depth::of(call)?;
        let id = IdNumber::parse(id_number).map_err(|_| RegistryError::IdNumberMalformed)?;
        let (person_key, scope, keys) = (self.keys.person_key(&id), view::scope(call), Arc::clone(&self.keys));
        let read = self.db.read(call, move |work| {
            let (scope, keys) = (scope.clone(), Arc::clone(&keys));
            async move {
                let found = store::membership::household_of(work.conn(), person_key).await?;
                let (person_id, household_id) = found.ok_or(RegistryError::PersonNotFound)?;
                let file = store::household::file(work.conn(), household_id).await?;
                let file = file.filter(|f| scope.sees(&f.division_code)).ok_or(RegistryError::PersonNotFound)?;
                let mut shown = view::households(work, &keys, depth, vec![file]).await?;
                Ok(FindPersonResponse { person: name("persons", person_id), household: shown.pop() })
            }
            .boxed()
        });
        read.await
    }
}
