//! JSON Schemas of a pack's files, made from the types that read them, so that an editor completes and checks what the
//! loader will take.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::{calendar::CalendarFile, load, model::Head, routing::RoutingFile};

/// File name of each schema, and the schema.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("pack.json", schema::<Head>()),
        ("calendar.json", schema::<CalendarFile>()),
        ("routing.json", schema::<RoutingFile>()),
    ];
    all.extend(load::list_schemas());
    all
}

/// Schema of a type.
pub(crate) fn schema<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
