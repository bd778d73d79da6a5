//! A collected household ready for the database: keys computed, personal fields sealed. It may be staged on disk, so
//! it is a message; only `app::prepare` makes one.

use chrono::{Datelike, NaiveDate};
use prost::Message;
use uuid::Uuid;

/// Up to 500 rows of a batch: the good ones prepared, the bad ones named.
#[derive(Clone, PartialEq, Message)]
pub struct Slice {
    #[prost(message, repeated, tag = "1")]
    pub households: Vec<PreparedHousehold>,
    #[prost(message, repeated, tag = "2")]
    pub faults: Vec<PreparedFault>,
    #[prost(int32, tag = "3")]
    pub sent: i32,
    #[prost(message, repeated, tag = "4")]
    pub doubts: Vec<PreparedDoubt>,
}

/// A number that stands in the batch under another name already.
#[derive(Clone, PartialEq, Message)]
pub struct PreparedDoubt {
    #[prost(int32, tag = "1")]
    pub row: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) person_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) name_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub name: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PreparedFault {
    #[prost(int32, tag = "1")]
    pub row: i32,
    #[prost(string, tag = "2")]
    pub field: String,
    #[prost(int32, tag = "3")]
    pub reason: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct PreparedHousehold {
    #[prost(int32, tag = "1")]
    pub row: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) household_id: Vec<u8>,
    #[prost(string, tag = "3")]
    pub household_no: String,
    #[prost(string, tag = "4")]
    pub division_code: String,
    #[prost(string, tag = "5")]
    pub area_kind: String,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub address: Option<Vec<u8>>,
    #[prost(int64, tag = "7")]
    pub declared_income_fen: i64,
    #[prost(int64, tag = "8")]
    pub financial_assets_fen: i64,
    #[prost(int32, tag = "9")]
    pub house_count: i32,
    #[prost(bytes = "vec", tag = "10")]
    pub(crate) content_key: Vec<u8>,
    #[prost(message, repeated, tag = "11")]
    pub members: Vec<PreparedMember>,
    #[prost(message, repeated, tag = "12")]
    pub vehicles: Vec<PreparedVehicle>,
    #[prost(message, repeated, tag = "13")]
    pub classes: Vec<PreparedClass>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PreparedMember {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) person_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) person_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) name_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub id_number: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub name: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub phone: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "7")]
    pub account: Option<Vec<u8>>,
    #[prost(int32, tag = "8")]
    pub(crate) birth_on: i32,
    #[prost(int32, tag = "9")]
    pub sex: i32,
    #[prost(string, tag = "10")]
    pub relation: String,
    #[prost(int32, optional, tag = "11")]
    pub(crate) joined_on_day: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PreparedVehicle {
    #[prost(string, tag = "1")]
    pub plate_hash: String,
    #[prost(string, tag = "2")]
    pub kind: String,
    #[prost(string, tag = "3")]
    pub vehicle_use: String,
    #[prost(int32, optional, tag = "4")]
    pub(crate) registered_on_day: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PreparedClass {
    #[prost(string, tag = "1")]
    pub assistance_class: String,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) person: Option<Vec<u8>>,
    #[prost(int32, tag = "3")]
    pub(crate) valid_from: i32,
    #[prost(int64, tag = "4")]
    pub amount_fen: i64,
}

impl PreparedHousehold {
    pub fn household_id(&self) -> Uuid {
        uuid(&self.household_id)
    }

    pub fn content_key(&self) -> Uuid {
        uuid(&self.content_key)
    }
}

impl PreparedDoubt {
    /// The member under the name that the row gives.
    pub fn of(row: i32, member: &PreparedMember) -> PreparedDoubt {
        PreparedDoubt {
            row,
            person_key: member.person_key.clone(),
            name_key: member.name_key.clone(),
            name: member.name.clone(),
        }
    }

    pub fn person_key(&self) -> Uuid {
        uuid(&self.person_key)
    }

    pub fn name_key(&self) -> Uuid {
        uuid(&self.name_key)
    }
}

impl PreparedMember {
    pub fn person_id(&self) -> Uuid {
        uuid(&self.person_id)
    }

    pub fn person_key(&self) -> Uuid {
        uuid(&self.person_key)
    }

    pub fn name_key(&self) -> Uuid {
        uuid(&self.name_key)
    }

    pub fn birth_on(&self) -> NaiveDate {
        date(self.birth_on)
    }

    pub fn joined_on(&self) -> Option<NaiveDate> {
        self.joined_on_day.map(date)
    }
}

impl PreparedVehicle {
    pub fn registered_on(&self) -> Option<NaiveDate> {
        self.registered_on_day.map(date)
    }
}

impl PreparedClass {
    pub fn person_id(&self) -> Option<Uuid> {
        self.person.as_deref().map(uuid)
    }

    pub fn valid_from(&self) -> NaiveDate {
        date(self.valid_from)
    }
}

// Only this file writes these bytes and days, so what is read back was a UUID or a date.
fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap_or_default()
}

fn date(days: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(days).unwrap_or_default()
}

/// A date as it is staged.
pub fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce()
}
