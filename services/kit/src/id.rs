//! Ids and resource names. Ids are UUIDv7 from an injected source, so that a test can replay them.

use std::sync::Arc;

use uuid::Uuid;

use crate::error::{Error, Result};

/// Where new ids come from.
pub trait IdSource: Send + Sync + 'static {
    /// A new id.
    fn uuid(&self) -> Uuid;
}

/// An id source shared by everything in a process.
pub type SharedIds = Arc<dyn IdSource>;

/// UUIDv7: ordered by time of making, so that indexes grow at one end.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    fn uuid(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
        Uuid::now_v7()
    }
}

/// Splits a resource name such as `households/0198…` into its id.
pub fn parse_name(collection: &str, name: &str, field: &'static str) -> Result<Uuid> {
    let id = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')).and_then(canonical_uuid);
    id.ok_or_else(|| {
        Error::invalid(
            "INVALID_NAME",
            format!("{field} must be {collection}/{{uuid}}"),
            format!("{field} 的格式应为 {collection}/{{uuid}}"),
        )
        .field(field, format!("must be {collection}/{{uuid}}"))
    })
}

/// The resource name of an id.
pub fn name(collection: &str, id: Uuid) -> String {
    format!("{collection}/{}", id.hyphenated())
}

/// A UUID in its one canonical spelling, so that a thing has one name only.
pub(crate) fn canonical_uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (id.hyphenated().encode_lower(&mut buffer) == text).then_some(id)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_name_parses_back_to_its_id_and_nothing_else_does() {
        let id = SystemIds.uuid();
        let text = name("households", id);
        assert_eq!(parse_name("households", &text, "household").unwrap(), id);
        let bare = id.to_string();
        let upper = format!("households/{}", bare.to_uppercase());
        let simple = format!("households/{}", id.simple());
        for wrong in ["", "households", "households/", "persons/x", &bare, &upper, &simple, &format!("{text}/x")] {
            let error = parse_name("households", wrong, "household").unwrap_err();
            assert_eq!(error.reason(), "INVALID_NAME");
        }
    }
}
