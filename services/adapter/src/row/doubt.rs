//! A row whose number is no ID number but may be meant for one: everything else in it is good, so that it can be taken
//! once a person has decided whom it means, and told with a remedy until then.

use minqing_kit::keys::{self, IdNumber, Keyring, NumberEdit, Secret, spelling};
use prost_reflect::{DynamicMessage, Value};
use uuid::Uuid;

use super::{
    Fault,
    schema::{Column, Form, Schema},
};

/// A number one slip away, by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likely {
    pub person_key: Uuid,
    pub edit: NumberEdit,
    pub birth_agrees: bool,
    pub sex_agrees: bool,
}

/// Keys of a name's other spellings; none for most.
pub fn spelling_keys(name: &Secret, keys: &Keyring) -> Vec<Uuid> {
    spelling::others(name.expose()).iter().map(|other| keys.name_key(other)).collect()
}

/// A row in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubtful {
    /// Why it is refused unless it is linked to a person.
    pub fault: Fault,
    /// Keyed hash of the number as it came.
    pub number_key: Uuid,
    pub name_key: Uuid,
    /// At least one.
    pub candidates: Vec<Likely>,
    pub number: Secret,
    pub name: Secret,
    /// Texts of the key columns in their order; the number's place is empty.
    pub key_texts: Vec<String>,
    pub division: u64,
    pub body: Vec<u8>,
}

/// Numbers one slip away from a text whose holders may live, by key.
pub fn likely(text: &str, keys: &Keyring, lives: impl Fn(&IdNumber) -> bool) -> Vec<Likely> {
    let all = keys::candidates(text).into_iter().filter(|candidate| lives(&candidate.id));
    all.map(|c| Likely {
        person_key: keys.person_key(&c.id),
        edit: c.edit,
        birth_agrees: c.birth_agrees,
        sex_agrees: c.sex_agrees,
    })
    .collect()
}

/// Keyed hash of a natural key: texts of the key columns in their order, the person standing for the number.
pub fn record_key(schema: &Schema, keys: &Keyring, key_texts: &[String], person: Uuid) -> Uuid {
    let person = person.to_string();
    let columns = schema.columns.iter().filter(|c| c.key);
    let texts = columns.zip(key_texts).map(|(c, text)| if c.form == Form::IdNumber { &person } else { text });
    let mut parts = vec![schema.bureau.name, schema.name()];
    parts.extend(texts.map(String::as_str));
    keys.record_key(&parts)
}

/// Texts of the key columns of a checked row, read back from the message that goes on; the number's place is empty. `None`
/// where a key column does not go on.
pub fn key_texts(schema: &Schema, body: &[u8]) -> Option<Vec<String>> {
    let message = DynamicMessage::decode(schema.message.clone(), body).ok()?;
    let text = |column: &Column| match message.get_field(&column.field).as_ref() {
        _ if column.form == Form::IdNumber => Some(String::new()),
        _ if column.cleared => None,
        _ if column.may_be_unknown() && !message.has_field(&column.field) => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(u8::from(*truth).to_string()),
        Value::I32(number) => Some(number.to_string()),
        Value::I64(number) => Some(number.to_string()),
        _ => None,
    };
    schema.columns.iter().filter(|c| c.key).map(text).collect()
}
