//! The nine bureaus and their eighteen datasets as the city knows them: one row type each, taken from the
//! contracts, with the few things the city has to do with any row whatever its type.

use chrono::{Datelike, Days, Months, NaiveDate};
use minqing_proto::minqing::{
    bureau::{
        disabled::v1 as disabled, education::v1 as education, emergency::v1 as emergency, health::v1 as health,
        housing::v1 as housing, hr::v1 as hr, medical_insurance::v1 as medical_insurance, rural::v1 as rural,
        women::v1 as women,
    },
    types::v1 as types,
};
use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage};

/// A bureau that gives feeds and answers referrals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bureau {
    Education,
    Hr,
    Housing,
    Health,
    MedicalInsurance,
    Emergency,
    Rural,
    Disabled,
    Women,
}

/// How a bureau's system reaches its adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Grpc,
    Xlsx,
    CsvGb18030,
    CsvUtf8,
}

impl Bureau {
    pub const ALL: [Bureau; 9] = [
        Bureau::Education,
        Bureau::Hr,
        Bureau::Housing,
        Bureau::Health,
        Bureau::MedicalInsurance,
        Bureau::Emergency,
        Bureau::Rural,
        Bureau::Disabled,
        Bureau::Women,
    ];

    /// Name as in the package and the adapter's name.
    pub fn text(self) -> &'static str {
        match self {
            Bureau::Education => "education",
            Bureau::Hr => "hr",
            Bureau::Housing => "housing",
            Bureau::Health => "health",
            Bureau::MedicalInsurance => "medical_insurance",
            Bureau::Emergency => "emergency",
            Bureau::Rural => "rural",
            Bureau::Disabled => "disabled",
            Bureau::Women => "women",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Bureau::Education => "教育局",
            Bureau::Hr => "人社局",
            Bureau::Housing => "住建局",
            Bureau::Health => "卫健委",
            Bureau::MedicalInsurance => "医保局",
            Bureau::Emergency => "应急局",
            Bureau::Rural => "乡村振兴局",
            Bureau::Disabled => "残联",
            Bureau::Women => "妇联",
        }
    }

    pub fn transport(self) -> Transport {
        match self {
            Bureau::Education | Bureau::Women => Transport::Xlsx,
            Bureau::Hr | Bureau::Disabled => Transport::CsvGb18030,
            Bureau::Emergency => Transport::CsvUtf8,
            Bureau::Housing | Bureau::Health | Bureau::MedicalInsurance | Bureau::Rural => Transport::Grpc,
        }
    }

    pub fn proto(self) -> types::Bureau {
        match self {
            Bureau::Education => types::Bureau::Education,
            Bureau::Hr => types::Bureau::Hr,
            Bureau::Housing => types::Bureau::Housing,
            Bureau::Health => types::Bureau::Health,
            Bureau::MedicalInsurance => types::Bureau::MedicalInsurance,
            Bureau::Emergency => types::Bureau::Emergency,
            Bureau::Rural => types::Bureau::Rural,
            Bureau::Disabled => types::Bureau::Disabled,
            Bureau::Women => types::Bureau::Women,
        }
    }

    pub fn of_proto(number: i32) -> Option<Bureau> {
        Bureau::ALL.into_iter().find(|b| b.proto() as i32 == number)
    }

    /// Name of its adapter in the mesh.
    pub fn adapter(self) -> String {
        format!("adapter-{}", self.text())
    }
}

/// How often a feed is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    Daily,
    TenDays,
    Monthly(u32),
    OnEvent,
}

impl Rhythm {
    /// First day after `day` on which the feed is due; none for feeds that come only when there is something.
    pub fn next_due(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Rhythm::Daily => day.checked_add_days(Days::new(1)),
            Rhythm::OnEvent => None,
            Rhythm::TenDays => (1..=12).filter_map(|n| day.checked_add_days(Days::new(n))).find(|d| {
                let last = d.checked_add_days(Days::new(1)).is_some_and(|n| n.day() == 1);
                d.day() == 10 || d.day() == 20 || last
            }),
            // The due day of the month after: a batch within the month counts as that month's.
            Rhythm::Monthly(due) => day.with_day(1)?.checked_add_months(Months::new(1))?.with_day(due),
        }
    }

    /// Whether the feed is due on exactly this day.
    pub fn due_today(self, day: NaiveDate) -> bool {
        match self {
            Rhythm::Monthly(due) => day.day() == due,
            _ => day.pred_opt().and_then(|before| self.next_due(before)) == Some(day),
        }
    }
}

macro_rules! datasets {
    ($($variant:ident $module:ident $bureau:ident $name:literal $rhythm:expr, $fresh:literal;)*) => {
        /// A bureau's dataset.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Dataset { $($variant,)* }

        impl Dataset {
            pub const ALL: &'static [Dataset] = &[$(Dataset::$variant,)*];

            pub fn bureau(self) -> Bureau { match self { $(Dataset::$variant => Bureau::$bureau,)* } }
            pub fn name(self) -> &'static str { match self { $(Dataset::$variant => $name,)* } }
            pub fn rhythm(self) -> Rhythm { match self { $(Dataset::$variant => $rhythm,)* } }
            /// Days after its as-of date for which the data count as fresh.
            pub fn fresh_days(self) -> u64 { match self { $(Dataset::$variant => $fresh,)* } }
        }

        /// One row of a dataset.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Row { $($variant($module::$variant),)* }

        impl Row {
            pub fn dataset(&self) -> Dataset { match self { $(Row::$variant(_) => Dataset::$variant,)* } }

            /// The row as a generic message, for writing it into files by column.
            pub fn dynamic(&self) -> DynamicMessage { match self { $(Row::$variant(r) => r.transcode_to_dynamic(),)* } }

            /// The row as it travels over gRPC.
            pub fn any(&self) -> prost_types::Any {
                match self { $(Row::$variant(r) => prost_types::Any {
                    type_url: format!("type.googleapis.com/{}", r.descriptor().full_name()),
                    value: r.encode_to_vec(),
                },)* }
            }

            pub fn set_identity(&mut self, id_number: &str, name: &str) {
                match self { $(Row::$variant(r) => {
                    r.id_number = id_number.to_owned();
                    r.name = name.to_owned();
                },)* }
            }

            pub fn id_number(&self) -> &str { match self { $(Row::$variant(r) => &r.id_number,)* } }

            pub fn name(&self) -> &str { match self { $(Row::$variant(r) => &r.name,)* } }

            pub fn set_division(&mut self, code: &str) {
                match self { $(Row::$variant(r) => r.division_code = code.to_owned(),)* }
            }

            pub fn division(&self) -> &str { match self { $(Row::$variant(r) => &r.division_code,)* } }
        }

        $(impl From<$module::$variant> for Row { fn from(r: $module::$variant) -> Row { Row::$variant(r) } })*
    };
}

datasets! {
    StudentEnrolment education Education "student_enrolment" Rhythm::Monthly(25), 45;
    SchoolCost education Education "school_cost" Rhythm::Monthly(25), 60;
    InsurancePayment hr Hr "insurance_payment" Rhythm::Monthly(15), 45;
    Unemployment hr Hr "unemployment" Rhythm::Monthly(15), 45;
    RuralHouseSafety housing Housing "rural_house_safety" Rhythm::Monthly(20), 60;
    HouseRenovation housing Housing "house_renovation" Rhythm::Monthly(20), 60;
    MajorDisease health Health "major_disease" Rhythm::Monthly(5), 45;
    DeathCertificate health Health "death_certificate" Rhythm::Daily, 7;
    Settlement medical_insurance MedicalInsurance "settlement" Rhythm::TenDays, 30;
    Enrolment medical_insurance MedicalInsurance "enrolment" Rhythm::Monthly(10), 60;
    DisasterLoss emergency Emergency "disaster_loss" Rhythm::OnEvent, 60;
    DisasterRelief emergency Emergency "disaster_relief" Rhythm::OnEvent, 60;
    MonitoredHousehold rural Rural "monitored_household" Rhythm::Monthly(20), 45;
    AssistanceMeasure rural Rural "assistance_measure" Rhythm::Monthly(20), 60;
    DisabilityCertificate disabled Disabled "disability_certificate" Rhythm::Monthly(10), 45;
    DisabilitySubsidy disabled Disabled "disability_subsidy" Rhythm::Monthly(10), 45;
    TwoCancerPatient women Women "two_cancer_patient" Rhythm::Monthly(15), 60;
    FamilyVisit women Women "family_visit" Rhythm::Monthly(15), 60;
}

impl Row {
    /// The natural key apart from the person: what tells two rows of one person in one dataset apart.
    pub fn key(&self) -> String {
        match self {
            Row::StudentEnrolment(r) => r.school_code.clone(),
            Row::SchoolCost(r) => r.school_year.clone(),
            Row::InsurancePayment(r) => format!("{} {}", r.employer_code, r.paid_month),
            Row::Unemployment(r) => r.registered_on.clone(),
            Row::RuralHouseSafety(r) => r.house_code.clone(),
            Row::HouseRenovation(r) => r.plan_year.clone(),
            Row::MajorDisease(r) => r.disease_code.clone(),
            Row::DeathCertificate(r) => r.certificate_no.clone(),
            Row::Settlement(r) => r.visit_no.clone(),
            Row::Enrolment(r) => r.year.clone(),
            Row::DisasterLoss(r) => r.event_code.clone(),
            Row::DisasterRelief(r) => format!("{} {}", r.event_code, r.kind),
            Row::MonitoredHousehold(_) | Row::DisabilityCertificate(_) => String::new(),
            Row::AssistanceMeasure(r) => format!("{} {}", r.measure, r.started_on),
            Row::DisabilitySubsidy(r) => r.kind.clone(),
            Row::TwoCancerPatient(r) => r.diagnosis.clone(),
            Row::FamilyVisit(r) => r.visited_on.clone(),
        }
    }
}

/// A date as the contracts write it.
pub fn iso(day: NaiveDate) -> String {
    day.format("%Y-%m-%d").to_string()
}

/// The month of a date as the contracts write it; text order is time order.
pub fn month(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

/// A date out of a contract's text.
pub fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use minqing_proto::contract;

    use super::*;

    #[test]
    fn every_dataset_agrees_with_its_contract() {
        assert_eq!(Dataset::ALL.len(), contract::datasets().len());
        for dataset in Dataset::ALL {
            let message = contract::dataset_message(dataset.bureau().text(), dataset.name()).unwrap();
            let contract = contract::dataset(&message).unwrap();
            assert_eq!(i64::from(contract.fresh_days), i64::try_from(dataset.fresh_days()).unwrap(), "{dataset:?}");
            let due = if let Rhythm::Monthly(day) = dataset.rhythm() { day } else { 0 };
            assert_eq!(contract.due_day, i32::try_from(due).unwrap(), "{dataset:?}");
        }
    }

    #[test]
    fn due_days_follow_the_rhythm() {
        let day = |m, d| NaiveDate::from_ymd_opt(2026, m, d).unwrap();
        assert_eq!(Rhythm::TenDays.next_due(day(10, 26)), Some(day(10, 31)));
        assert_eq!(Rhythm::TenDays.next_due(day(10, 31)), Some(day(11, 10)));
        assert_eq!(Rhythm::Monthly(10).next_due(day(11, 10)), Some(day(12, 10)));
        assert!(Rhythm::Monthly(25).due_today(day(11, 25)));
        assert!(Rhythm::OnEvent.next_due(day(11, 25)).is_none());
    }
}
