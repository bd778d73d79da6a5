//! One referral to a bureau: issued, signed for, put off at most twice, settled. Settled is final; corrections of a
//! bureau's record live in feedback and do not move it again.

use chrono::NaiveDate;
use uuid::Uuid;

/// Most times a bureau may put a referral off.
pub const MOST_DEFERRALS: i16 = 2;

/// Life of a referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferralState {
    Issued,
    Signed,
    Deferred,
    Settled,
}

impl ReferralState {
    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            ReferralState::Issued => "issued",
            ReferralState::Signed => "signed",
            ReferralState::Deferred => "deferred",
            ReferralState::Settled => "settled",
        }
    }

    /// The state stored under a name.
    pub fn parse(text: &str) -> Option<ReferralState> {
        use ReferralState::{Deferred, Issued, Settled, Signed};
        [Issued, Signed, Deferred, Settled].into_iter().find(|s| s.as_str() == text)
    }
}

/// What ends a referral: a bureau's decision, or that the data behind it were withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Granted,
    Refused,
    AlreadyAided,
    CannotReach,
    NotMyDuty,
    Withdrawn,
}

impl Decision {
    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Granted => "granted",
            Decision::Refused => "refused",
            Decision::AlreadyAided => "already_aided",
            Decision::CannotReach => "cannot_reach",
            Decision::NotMyDuty => "not_my_duty",
            Decision::Withdrawn => "withdrawn",
        }
    }

    /// The decision stored under a name.
    pub fn parse(text: &str) -> Option<Decision> {
        use Decision::{AlreadyAided, CannotReach, Granted, NotMyDuty, Refused, Withdrawn};
        [Granted, Refused, AlreadyAided, CannotReach, NotMyDuty, Withdrawn].into_iter().find(|d| d.as_str() == text)
    }
}

/// What a bureau's feedback says about a referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Put off until a day.
    Deferred { to: Option<NaiveDate> },
    /// Decided on a day.
    Decided { decision: Decision, on: NaiveDate },
}

/// What an answer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Nothing: it was settled before, or put off twice before.
    Nothing,
    /// Put off.
    Deferred,
    /// Settled by this answer.
    Settled(Decision),
}

/// A referral.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    pub id: Uuid,
    /// Warning that led here.
    pub warning: Uuid,
    /// Member; none when the household.
    pub person: Option<Uuid>,
    pub bureau: String,
    pub programme: String,
    pub indicator: String,
    /// 1 is the most urgent.
    pub level: i16,
    pub state: ReferralState,
    pub issued_on: NaiveDate,
    pub due_on: NaiveDate,
    pub signed_on: Option<NaiveDate>,
    pub deferrals: i16,
    pub deferred_to: Option<NaiveDate>,
    /// Day of the bureau's decision, as the bureau gives it.
    pub settled_on: Option<NaiveDate>,
    /// Business date on which the mesh learned of it.
    pub settled_seen_on: Option<NaiveDate>,
    pub decision: Option<Decision>,
    /// Wall-clock commit time of the record behind a direct referral; empty after a field check.
    pub record_accepted_time: String,
}

impl Referral {
    /// The bureau signs. A receipt that comes after the answer only fills in the day.
    pub fn sign(&mut self, on: NaiveDate) {
        self.signed_on = Some(self.signed_on.map_or(on, |before| before.min(on)));
        if self.state == ReferralState::Issued {
            self.state = ReferralState::Signed;
        }
    }

    /// The bureau answers; `seen_on` is the business date on which the mesh learns of it.
    pub fn answer(&mut self, answer: Answer, seen_on: NaiveDate) -> Answered {
        if self.state == ReferralState::Settled {
            return Answered::Nothing;
        }
        match answer {
            Answer::Deferred { .. } if self.deferrals >= MOST_DEFERRALS => Answered::Nothing,
            Answer::Deferred { to } => {
                self.deferrals += 1;
                self.deferred_to = self.deferred_to.max(to);
                self.state = ReferralState::Deferred;
                Answered::Deferred
            }
            Answer::Decided { decision, on } => {
                self.state = ReferralState::Settled;
                self.decision = Some(decision);
                self.settled_on = Some(on);
                self.settled_seen_on = Some(seen_on);
                Answered::Settled(decision)
            }
        }
    }

    /// The data behind it were withdrawn; false when it was settled before.
    pub fn withdraw(&mut self, on: NaiveDate) -> bool {
        let open = self.state != ReferralState::Settled;
        if open {
            self.state = ReferralState::Settled;
            self.decision = Some(Decision::Withdrawn);
            self.settled_on = Some(on);
            self.settled_seen_on = Some(on);
        }
        open
    }

    /// Whether it still stands in the way of another referral for the same programme on `day`. One settled that
    /// very day still does, so that the order of that day's events does not matter; one withdrawn does not, for the
    /// data that are right may need it the same day.
    pub fn blocks_on(&self, day: NaiveDate) -> bool {
        self.decision != Some(Decision::Withdrawn) && self.settled_seen_on.is_none_or(|seen| seen >= day)
    }

    /// The bureau sent it back.
    pub fn bounced(&self) -> bool {
        self.decision == Some(Decision::NotMyDuty)
    }
}
