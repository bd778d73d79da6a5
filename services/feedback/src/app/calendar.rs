//! Working days, from the policy pack's calendar.

use std::sync::Arc;

use chrono::NaiveDate;
use minqing_kit::{Error, Result};
use minqing_policy::Pack;

/// The pack's calendar and signing limit.
#[derive(Clone)]
pub struct WorkingDays {
    pack: Arc<Pack>,
}

impl WorkingDays {
    pub fn new(pack: Pack) -> WorkingDays {
        WorkingDays { pack: Arc::new(pack) }
    }

    /// Last day to sign for a referral. A year the calendar lacks stops the work visibly rather than setting a wrong
    /// limit.
    pub fn sign_due_on(&self, issued_on: NaiveDate) -> Result<NaiveDate> {
        let days = self.pack.signing_working_days();
        self.pack.calendar().add_working_days(issued_on, days).map_err(|error| {
            Error::failed_state(
                "CALENDAR_YEAR_MISSING",
                format!("the policy pack's calendar has no year {}", error.year),
                format!("政策包日历缺少{}年", error.year),
            )
        })
    }
}
