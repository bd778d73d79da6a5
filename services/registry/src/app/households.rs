//! Shows one household file, or a page of them.

use std::sync::Arc;

use futures::FutureExt as _;
use minqing_kit::{Call, Result, page};
use minqing_proto::minqing::{registry::v1::Household, types::v1::AssistanceClass};
use uuid::Uuid;

use super::{
    Registry,
    view::{self, Depth},
};
use crate::{
    domain::{class::class_text, error::RegistryError},
    store,
};

const MAX_PAGE: i32 = 500;
/// Digits of the longest division code.
const CODE_LEN: usize = 12;

impl Registry {
    /// A household the caller may know of.
    pub async fn household(&self, call: &Call, id: Uuid) -> Result<Household> {
        let (depth, scope, keys) = (Depth::of(call)?, view::scope(call), Arc::clone(&self.keys));
        let read = self.db.read(call, move |work| {
            let (scope, keys) = (scope.clone(), Arc::clone(&keys));
            async move {
                let file = store::household::file(work.conn(), id).await?.filter(|f| scope.sees(&f.division_code));
                let file = file.ok_or(RegistryError::HouseholdNotFound)?;
                let mut shown = view::households(work, &keys, depth, vec![file]).await?;
                Ok(shown.pop().ok_or(RegistryError::HouseholdNotFound)?)
            }
            .boxed()
        });
        read.await
    }

    /// Households below a division, with a class in force when one is asked for; always masked.
    pub async fn households(&self, call: &Call, filter: Filter<'_>) -> Result<(Vec<Household>, String)> {
        let narrowed = view::scope(call).narrow(division_filter(filter.division_code)?);
        let Some(prefix) = narrowed else { return Ok((Vec::new(), String::new())) };
        let class = class_text(filter.class);
        let canonical = format!("households|{prefix}|{}", class.as_deref().unwrap_or_default());
        let page = page::page(filter.page_size, filter.page_token, &canonical, MAX_PAGE)?;
        let after = page.after.as_deref().map_or(Ok(Uuid::nil()), key)?;
        let keys = Arc::clone(&self.keys);
        let size = page.size;
        let read = self.db.read(call, move |work| {
            let (prefix, class, keys) = (prefix.clone(), class.clone(), Arc::clone(&keys));
            async move {
                let today = work.today();
                let class = class.as_deref().map(|class| (class, today));
                let files = store::household::page(work.conn(), &prefix, class, after, size + 1).await?;
                let (files, last) = cut(files, size, |f| f.household_id.to_string());
                Ok((view::households(work, &keys, Depth::Masked, files).await?, last))
            }
            .boxed()
        });
        let (households, last) = read.await?;
        Ok((households, last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default()))
    }
}

/// Which households to list.
pub struct Filter<'a> {
    pub division_code: &'a str,
    pub class: AssistanceClass,
    pub page_size: i32,
    pub page_token: &'a str,
}

/// A division filter is empty or 4 to 12 digits.
pub fn division_filter(code: &str) -> Result<&str> {
    let digits = code.bytes().all(|b| b.is_ascii_digit());
    let good = code.is_empty() || (digits && (4..=CODE_LEN).contains(&code.len()));
    if good { Ok(code) } else { Err(RegistryError::DivisionMalformed.into()) }
}

/// The key of a page token, made by us and bound to its filter.
pub fn key(text: &str) -> Result<Uuid> {
    Ok(Uuid::try_parse(text).map_err(|_| RegistryError::KeyMalformed)?)
}

/// Cuts the one row too many that tells of a further page; gives the key of the last row kept.
pub fn cut<T>(mut rows: Vec<T>, size: i64, key: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let last = if more { rows.last().map(key) } else { None };
    (rows, last)
}
