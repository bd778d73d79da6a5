//! The bureaus and their datasets as the city knows them: one row type each, taken from the contracts, with the few
//! things the city has to do with any row whatever its type.

use std::sync::LazyLock;

use chrono::{Datelike, Days, Months, NaiveDate};
use minqing_proto::{
    contract,
    minqing::{
        bureau::{
            disabled::v1 as disabled, education::v1 as education, emergency::v1 as emergency, health::v1 as health,
            housing::v1 as housing, hr::v1 as hr, medical_insurance::v1 as medical_insurance, outside::v1 as outside,
            rural::v1 as rural, women::v1 as women,
        },
        options::v1 as options,
        types::v1 as types,
    },
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
    /// The offices outside the nine bureaus; they give feeds only.
    Outside,
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
    pub const ALL: [Bureau; 10] = [
        Bureau::Education,
        Bureau::Hr,
        Bureau::Housing,
        Bureau::Health,
        Bureau::MedicalInsurance,
        Bureau::Emergency,
        Bureau::Rural,
        Bureau::Disabled,
        Bureau::Women,
        Bureau::Outside,
    ];

    /// Those that act on referrals and give aid.
    pub fn acting() -> impl Iterator<Item = Bureau> {
        Bureau::ALL.into_iter().filter(|bureau| *bureau != Bureau::Outside)
    }

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
            Bureau::Outside => "outside",
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
            Bureau::Outside => "其他部门",
        }
    }

    pub fn transport(self) -> Transport {
        match self {
            Bureau::Education | Bureau::Women => Transport::Xlsx,
            Bureau::Hr | Bureau::Disabled => Transport::CsvGb18030,
            Bureau::Emergency | Bureau::Outside => Transport::CsvUtf8,
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
            Bureau::Outside => types::Bureau::Outside,
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
    (persons { $($person:ident $module:ident $bureau:ident $name:literal;)* }
     divisions { $($division:ident $of:ident $from:ident $called:literal;)* }) => {
        datasets! {
            all: $($person $module $bureau $name;)* $($division $of $from $called;)*
        }

        impl Dataset {
            /// Rows are about a county or a township and name nobody.
            pub fn is_of_divisions(self) -> bool { matches!(self, $(Dataset::$division)|*) }
        }

        impl Row {
            /// Says whom the row is about, where it is about a person.
            pub fn set_identity(&mut self, id_number: &str, name: &str) {
                match self {
                    $(Row::$person(r) => {
                        r.id_number = id_number.to_owned();
                        r.name = name.to_owned();
                    },)*
                    $(Row::$division(_) => {})*
                }
            }

            pub fn id_number(&self) -> &str {
                match self { $(Row::$person(r) => &r.id_number,)* $(Row::$division(_) => "",)* }
            }

            pub fn name(&self) -> &str {
                match self { $(Row::$person(r) => &r.name,)* $(Row::$division(_) => "",)* }
            }
        }
    };
    (all: $($variant:ident $module:ident $bureau:ident $name:literal;)*) => {
        /// A bureau's dataset.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Dataset { $($variant,)* }

        impl Dataset {
            pub const ALL: &'static [Dataset] = &[$(Dataset::$variant,)*];

            pub fn bureau(self) -> Bureau { match self { $(Dataset::$variant => Bureau::$bureau,)* } }
            pub fn name(self) -> &'static str { match self { $(Dataset::$variant => $name,)* } }
        }

        /// One row of a dataset.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Row { $($variant($module::$variant),)* }

        impl Row {
            pub fn dataset(&self) -> Dataset { match self { $(Row::$variant(_) => Dataset::$variant,)* } }

            /// The row as a generic message, for writing it into files by column.
            pub fn dynamic(&self) -> DynamicMessage { match self { $(Row::$variant(r) => r.transcode_to_dynamic(),)* } }

            pub fn encode(&self) -> Vec<u8> { match self { $(Row::$variant(r) => r.encode_to_vec(),)* } }

            pub fn decode(dataset: Dataset, bytes: &[u8]) -> anyhow::Result<Row> {
                Ok(match dataset { $(Dataset::$variant => Row::$variant($module::$variant::decode(bytes)?),)* })
            }

            /// The row as it travels over gRPC.
            pub fn any(&self) -> prost_types::Any {
                match self { $(Row::$variant(r) => prost_types::Any {
                    type_url: format!("type.googleapis.com/{}", r.descriptor().full_name()),
                    value: self.encode(),
                },)* }
            }

            pub fn set_division(&mut self, code: &str) {
                match self { $(Row::$variant(r) => r.division_code = code.to_owned(),)* }
            }

            pub fn division(&self) -> &str { match self { $(Row::$variant(r) => &r.division_code,)* } }
        }

        $(impl From<$module::$variant> for Row { fn from(r: $module::$variant) -> Row { Row::$variant(r) } })*
    };
}

datasets! {
    persons {
    StudentEnrolment education Education "student_enrolment";
    SchoolCost education Education "school_cost";
    InsurancePayment hr Hr "insurance_payment";
    Unemployment hr Hr "unemployment";
    RuralHouseSafety housing Housing "rural_house_safety";
    HouseRenovation housing Housing "house_renovation";
    MajorDisease health Health "major_disease";
    DeathCertificate health Health "death_certificate";
    Settlement medical_insurance MedicalInsurance "settlement";
    Enrolment medical_insurance MedicalInsurance "enrolment";
    DisasterLoss emergency Emergency "disaster_loss";
    DisasterRelief emergency Emergency "disaster_relief";
    MonitoredHousehold rural Rural "monitored_household";
    AssistanceMeasure rural Rural "assistance_measure";
    DisabilityCertificate disabled Disabled "disability_certificate";
    DisabilitySubsidy disabled Disabled "disability_subsidy";
    TwoCancerPatient women Women "two_cancer_patient";
    FamilyVisit women Women "family_visit";
    StudentAid education Education "student_aid";
    StudentLoan education Education "student_loan";
    EmploymentDifficult hr Hr "employment_difficult";
    PublicPost hr Hr "public_post";
    JobOffer hr Hr "job_offer";
    Subsidy hr Hr "subsidy";
    Pension hr Hr "pension";
    PensionPremium hr Hr "pension_premium";
    Skill hr Hr "skill";
    Training hr Hr "training";
    PublicRental housing Housing "public_rental";
    Dwelling housing Housing "dwelling";
    Property housing Housing "property";
    MentalRisk health Health "mental_risk";
    SelfCare health Health "self_care";
    EmergencyUnpaid health Health "emergency_unpaid";
    Birth health Health "birth";
    TwoCancerScreen health Health "two_cancer_screen";
    FamilyDoctor health Health "family_doctor";
    LongStay health Health "long_stay";
    PremiumAid medical_insurance MedicalInsurance "premium_aid";
    OutpatientMonth medical_insurance MedicalInsurance "outpatient_month";
    PolicyShare medical_insurance MedicalInsurance "policy_share";
    Event emergency Emergency "event";
    WinterSpring emergency Emergency "winter_spring";
    Rebuild emergency Emergency "rebuild";
    NetIncome rural Rural "net_income";
    OneKeyReport rural Rural "one_key_report";
    ThreeGuarantees rural Rural "three_guarantees";
    LabourMigration rural Rural "labour_migration";
    Rehabilitation disabled Disabled "rehabilitation";
    Device disabled Disabled "device";
    BarrierFree disabled Disabled "barrier_free";
    SunshineHome disabled Disabled "sunshine_home";
    CertificateApplicant disabled Disabled "certificate_applicant";
    ViolenceCase women Women "violence_case";
    LeftBehind women Women "left_behind";
    SpringBud women Women "spring_bud";
    MarketEntity outside Outside "market_entity";
    TaxIndividualIncome outside Outside "tax_individual_income";
    TaxInvoice outside Outside "tax_invoice";
    CivilPayment outside Outside "civil_payment";
    CivilSupplement outside Outside "civil_supplement";
    CivilTemporaryAid outside Outside "civil_temporary_aid";
    CivilHeating outside Outside "civil_heating";
    CivilNeed outside Outside "civil_need";
    CivilDecision outside Outside "civil_decision";
    CivilExit outside Outside "civil_exit";
    CivilGrace outside Outside "civil_grace";
    CivilReview outside Outside "civil_review";
    CivilRelativeFile outside Outside "civil_relative_file";
    CivilMeansTest outside Outside "civil_means_test";
    CivilIncomeItem outside Outside "civil_income_item";
    CivilSupporter outside Outside "civil_supporter";
    CivilChoice outside Outside "civil_choice";
    CivilRescue outside Outside "civil_rescue";
    CivilChild outside Outside "civil_child";
    CivilOldAgeAllowance outside Outside "civil_old_age_allowance";
    CivilCareService outside Outside "civil_care_service";
    CivilMarriage outside Outside "civil_marriage";
    CivilFuneral outside Outside "civil_funeral";
    WaterSupply outside Outside "water_supply";
    VoiceMatter outside Outside "voice_matter";
    ProvinceDuplicate outside Outside "province_duplicate";
    UnionWorker outside Outside "union_worker";
    CharityItem outside Outside "charity_item";
    BankBalance outside Outside "bank_balance";
    BankFlow outside Outside "bank_flow";
    FinancePayroll outside Outside "finance_payroll";
    JusticeCustody outside Outside "justice_custody";
    JusticeAid outside Outside "justice_aid";
    PoliceHouseholdRegister outside Outside "police_household_register";
    PoliceParent outside Outside "police_parent";
    PoliceAccident outside Outside "police_accident";
    PoliceIdentity outside Outside "police_identity";
    PoliceTravel outside Outside "police_travel";
    VehicleRegistration outside Outside "vehicle_registration";
    EstateProperty outside Outside "estate_property";
    ProvidentAccount outside Outside "provident_account";
    }
    divisions {
    StatisticsPriceIndex outside Outside "statistics_price_index";
    CivilReserveFund outside Outside "civil_reserve_fund";
    }
}

/// Rhythm and days of freshness as the contracts say, in the order of [`Dataset::ALL`].
static TERMS: LazyLock<Vec<(Rhythm, u64)>> = LazyLock::new(|| {
    let terms = |dataset: &Dataset| {
        let message = contract::dataset_message(dataset.bureau().text(), dataset.name());
        let said = message.and_then(|m| contract::dataset(&m)).unwrap_or_default();
        let rhythm = match said.rhythm() {
            options::Rhythm::Daily => Rhythm::Daily,
            options::Rhythm::TenDays => Rhythm::TenDays,
            options::Rhythm::Monthly => Rhythm::Monthly(u32::try_from(said.due_day).unwrap_or(1)),
            options::Rhythm::OnEvent | options::Rhythm::Unspecified => Rhythm::OnEvent,
        };
        (rhythm, u64::try_from(said.fresh_days).unwrap_or(0))
    };
    Dataset::ALL.iter().map(terms).collect()
});

impl Dataset {
    /// Whether the city writes believable rows of it for many; the other datasets come with few rows or none.
    pub fn is_rich(self) -> bool {
        self <= Dataset::FamilyVisit
    }

    pub fn rhythm(self) -> Rhythm {
        TERMS[self as usize].0
    }

    /// Days after its as-of date for which the data count as fresh.
    pub fn fresh_days(self) -> u64 {
        TERMS[self as usize].1
    }
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
            _ => self.key_columns(),
        }
    }
}

impl Row {
    /// The contract's key columns but the person.
    fn key_columns(&self) -> String {
        let row = self.dynamic();
        let message = row.descriptor();
        let keys = message.fields().filter(|field| {
            contract::column(field).is_some_and(|c| c.key && c.format() != options::ColumnFormat::IdNumber)
        });
        let texts: Vec<String> = keys.map(|field| row.get_field(&field).to_string()).collect();
        texts.join(" ")
    }
}

/// A date as the contracts write it. By hand: a large city writes and reads more dates than anything else.
pub fn iso(day: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day())
}

/// The month of a date as the contracts write it; text order is time order.
pub fn month(day: NaiveDate) -> String {
    format!("{:04}-{:02}", day.year(), day.month())
}

/// A date out of a contract's text.
pub fn date(text: &str) -> Option<NaiveDate> {
    let number = |digits: &[u8]| {
        let digit = |sum: u32, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'));
        digits.iter().try_fold(0, digit)
    };
    match text.as_bytes() {
        [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => {
            let year = i32::try_from(number(year)?).ok()?;
            NaiveDate::from_ymd_opt(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_city_plays_every_dataset_of_the_contracts() {
        let mine: std::collections::HashSet<_> = Dataset::ALL.iter().map(|d| (d.bureau().text(), d.name())).collect();
        let contract = contract::datasets();
        assert_eq!(mine.len(), contract.len());
        assert!(contract.iter().all(|(d, _)| mine.contains(&(d.bureau.as_str(), d.name.as_str()))));
    }

    #[test]
    fn dates_are_written_and_read_as_chrono_does_it() {
        let first = NaiveDate::from_ymd_opt(1919, 12, 28).unwrap();
        for day in first.iter_days().step_by(3).take(20_000) {
            let text = day.format("%Y-%m-%d").to_string();
            assert_eq!(iso(day), text);
            assert_eq!(month(day), day.format("%Y-%m").to_string());
            assert_eq!(date(&text), Some(day));
        }
        for wrong in ["", "2026-02-30", "2026-13-01", "20261026", "2026-10-2x", "26-10-26", "约三千"] {
            assert_eq!(date(wrong), None, "{wrong}");
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
