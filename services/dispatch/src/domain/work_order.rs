//! One work order: every warning of a household merged, checked once by the township, sent on to the bureaus, closed
//! when all have answered. States: assigned → accepted → verified ⇄ feedback complete → closed; closed is final.
//!
//! What happens on one business date does not depend on the order in which it arrives: levels and limits only ever
//! get stricter, and [`WorkOrder::roll`] runs before the first change of a day, so that lateness, escalation and
//! closing go by what stood at the end of the day before.

use std::collections::HashSet;

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use super::{
    division,
    error::Refusal,
    referral::{Answer, Answered, Decision, Referral, ReferralState},
    state::{CloseReason, State},
    timetable::{Limit, Timetable, earlier},
    verdict::{Check, Verdict},
};

/// Bounces (`not_my_duty`) from which the county must call the bureaus together, and from which the city must.
const COUNTY_BOUNCES: i32 = 2;
const CITY_BOUNCES: i32 = 3;

/// One warning merged into a work order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub warning: Uuid,
    pub indicator: String,
    /// Member; none when the household or a feed.
    pub person: Option<Uuid>,
    /// 1 is the most urgent.
    pub level: i16,
    pub raised_on: NaiveDate,
    pub cleared_on: Option<NaiveDate>,
    /// A verdict covers it.
    pub covered: bool,
    /// What the first check since it was raised found, and on which business date; none when it was cleared before.
    pub found: Option<(Verdict, NaiveDate)>,
    /// Its route goes to the county desk rather than to the township.
    pub at_county: bool,
    pub timetable: Timetable,
    pub record_accepted_time: String,
}

impl Reason {
    /// Neither checked nor cleared.
    fn waits(&self) -> bool {
        !self.covered && self.cleared_on.is_none()
    }
}

/// Where a reason sends the household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub bureau: String,
    pub programme: String,
    pub due_on: NaiveDate,
    /// At once, without a field check.
    pub direct: bool,
}

/// Issuing referrals on one day: which programmes are taken already, and where new ids come from.
pub struct Issuing<'a> {
    pub on: NaiveDate,
    /// Programmes of the household, by person, that another referral stands in the way of.
    pub taken: &'a mut HashSet<(Option<Uuid>, String)>,
    pub new_id: &'a mut dyn FnMut() -> Uuid,
}

/// What others must learn of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Opened,
    Verified,
    Closed,
    Escalated {
        level: i16,
        on: NaiveDate,
    },
    Issued(Uuid),
    Settled(Uuid),
    /// The check said "not true" to this reason.
    NotTrue(Uuid),
}

/// A work order with its reasons and referrals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkOrder {
    pub id: Uuid,
    /// None for a feed.
    pub household: Option<Uuid>,
    /// The feed; none for a household.
    pub subject: Option<String>,
    pub division: String,
    pub level: i16,
    pub state: State,
    pub opened_on: NaiveDate,
    pub timetable: Timetable,
    /// 0 township, 1 county, 2 city.
    pub escalation: i16,
    pub late: bool,
    /// A bureau sent a referral back and the county has not looked at it yet.
    pub returned: bool,
    pub bounces: i32,
    pub accepted_on: Option<NaiveDate>,
    pub check: Option<Check>,
    pub verified_on: Option<NaiveDate>,
    pub completed_on: Option<NaiveDate>,
    pub closed: Option<(NaiveDate, CloseReason)>,
    pub version: i64,
    pub reasons: Vec<Reason>,
    pub referrals: Vec<Referral>,
}

/// What a work order is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub household: Option<Uuid>,
    pub subject: Option<String>,
    pub division: String,
}

impl WorkOrder {
    /// Opens a work order with its first reason.
    pub fn open(
        id: Uuid,
        about: About,
        reason: Reason,
        targets: &[Target],
        issuing: &mut Issuing<'_>,
    ) -> (WorkOrder, Vec<Effect>) {
        let mut order = WorkOrder {
            id,
            household: about.household,
            subject: about.subject,
            division: about.division,
            level: reason.level,
            state: State::Assigned,
            opened_on: reason.raised_on,
            timetable: reason.timetable,
            escalation: 0,
            late: false,
            returned: false,
            bounces: 0,
            accepted_on: None,
            check: None,
            verified_on: None,
            completed_on: None,
            closed: None,
            version: 0,
            reasons: Vec::new(),
            referrals: Vec::new(),
        };
        let mut effects = vec![Effect::Opened];
        effects.extend(order.take(reason, targets, issuing));
        (order, effects)
    }

    /// Merges a warning. One that is in already changes nothing.
    pub fn merge(
        &mut self,
        reason: Reason,
        targets: &[Target],
        issuing: &mut Issuing<'_>,
    ) -> Result<Vec<Effect>, Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed);
        }
        if self.reasons.iter().any(|r| r.warning == reason.warning) {
            return Ok(Vec::new());
        }
        Ok(self.take(reason, targets, issuing))
    }

    fn take(&mut self, reason: Reason, targets: &[Target], issuing: &mut Issuing<'_>) -> Vec<Effect> {
        let day = reason.raised_on;
        let index = self.reasons.len();
        self.reasons.push(reason);
        self.tighten();
        let direct: Vec<_> = targets.iter().filter(|t| t.direct).cloned().collect();
        let effects = self.issue(index, &direct, issuing);
        self.settle_state(day);
        effects
    }

    /// Marks a warning cleared. The work order goes on unless all are, see [`WorkOrder::roll`].
    pub fn clear(&mut self, warning: Uuid, on: NaiveDate) {
        if let Some(reason) = self.reasons.iter_mut().find(|r| r.warning == warning) {
            reason.cleared_on = earlier(reason.cleared_on, Some(on));
            if self.is_open() {
                self.tighten();
            }
            self.settle_state(on);
        }
    }

    /// Clears a warning whose data were withdrawn and takes its referrals back, unless a field check has found the need
    /// to be there.
    pub fn withdraw(&mut self, warning: Uuid, on: NaiveDate) -> Vec<Effect> {
        let covered = self.reasons.iter().any(|r| r.warning == warning && r.covered);
        let found = covered && self.check.as_ref().is_some_and(|check| check.verdict.is_true());
        let mut effects = Vec::new();
        if !found {
            let own = self.referrals.iter_mut().filter(|r| r.warning == warning);
            effects.extend(own.filter_map(|r| r.withdraw(on).then_some(Effect::Settled(r.id))));
        }
        self.clear(warning, on);
        effects
    }

    /// The township, or the county desk, signs.
    pub fn accept(&mut self, on: NaiveDate) -> Result<(), Refusal> {
        match self.state {
            State::Closed => Err(Refusal::Closed),
            State::Assigned => {
                self.state = State::Accepted;
                self.accepted_on = Some(on);
                Ok(())
            }
            _ => Err(Refusal::AcceptedAlready),
        }
    }

    /// Records what the check found: true issues what is still to be issued for every reason not cleared; anything
    /// else closes a work order that was never true, or only answers the new reasons of one that was.
    pub fn record(
        &mut self,
        check: Check,
        targets: &dyn Fn(&Reason) -> Vec<Target>,
        issuing: &mut Issuing<'_>,
    ) -> Result<Vec<Effect>, Refusal> {
        let first = match self.state {
            State::Closed => return Err(Refusal::Closed),
            State::Assigned | State::Accepted => true,
            State::Verified | State::FeedbackComplete if self.recheck() => false,
            State::Verified | State::FeedbackComplete => return Err(Refusal::VerdictGiven),
        };
        let day = issuing.on;
        self.accepted_on.get_or_insert(day);
        let verdict = check.verdict;
        let mut effects = Vec::new();
        if verdict == Verdict::NotTrue {
            effects.extend(self.reasons.iter().filter(|r| !r.covered).map(|r| Effect::NotTrue(r.warning)));
        }
        for reason in self.reasons.iter_mut().filter(|r| !r.covered) {
            // What is cleared on the day of the check counts as checked, whichever came first.
            reason.found = reason.cleared_on.is_none_or(|on| on >= day).then_some((verdict, day));
            reason.covered = true;
        }
        self.returned = false;
        if verdict.is_true() {
            self.check = Some(check);
            self.verified_on = Some(day);
            self.state = State::Verified;
            effects.push(Effect::Verified);
            effects.extend(self.issue_for_all(targets, issuing));
        } else if first {
            self.check = Some(check);
            effects.push(self.close(day, CloseReason::Verdict));
        }
        self.tighten();
        self.settle_state(day);
        Ok(effects)
    }

    fn issue_for_all(&mut self, targets: &dyn Fn(&Reason) -> Vec<Target>, issuing: &mut Issuing<'_>) -> Vec<Effect> {
        let mut open: Vec<usize> = (0..self.reasons.len()).filter(|&i| self.reasons[i].cleared_on.is_none()).collect();
        // Two reasons may lead to one programme; the most urgent gives its name to the referral.
        open.sort_by(|&a, &b| {
            let key = |i: usize| (self.reasons[i].level, &self.reasons[i].indicator, self.reasons[i].person);
            key(a).cmp(&key(b))
        });
        open.into_iter()
            .flat_map(|index| {
                let wanted = targets(&self.reasons[index]);
                self.issue(index, &wanted, issuing)
            })
            .collect()
    }

    /// Issues referrals for one reason: never twice for the same warning unless the bureau sent it back, and never
    /// beside another open one for the same programme.
    fn issue(&mut self, index: usize, targets: &[Target], issuing: &mut Issuing<'_>) -> Vec<Effect> {
        let reason = &self.reasons[index];
        let mut effects = Vec::new();
        for target in targets {
            let had = self
                .referrals
                .iter()
                .any(|r| r.warning == reason.warning && r.programme == target.programme && !r.bounced());
            if had || !issuing.taken.insert((reason.person, target.programme.clone())) {
                continue;
            }
            let id = (issuing.new_id)();
            effects.push(Effect::Issued(id));
            self.referrals.push(Referral {
                id,
                warning: reason.warning,
                person: reason.person,
                bureau: target.bureau.clone(),
                programme: target.programme.clone(),
                indicator: reason.indicator.clone(),
                level: reason.level,
                state: ReferralState::Issued,
                issued_on: issuing.on,
                due_on: target.due_on,
                signed_on: None,
                deferrals: 0,
                deferred_to: None,
                settled_on: None,
                settled_seen_on: None,
                decision: None,
                record_accepted_time: if target.direct && !reason.covered {
                    reason.record_accepted_time.clone()
                } else {
                    String::new()
                },
            });
        }
        effects
    }

    /// A bureau signs for a referral.
    pub fn sign(&mut self, referral: Uuid, on: NaiveDate) {
        if let Some(referral) = self.referrals.iter_mut().find(|r| r.id == referral) {
            referral.sign(on);
        }
    }

    /// A bureau answers a referral; `seen_on` is the business date on which the mesh learns of it. One sent back
    /// puts the work order on the county desk; a second one escalates it.
    pub fn answer(&mut self, referral: Uuid, answer: Answer, seen_on: NaiveDate) -> Vec<Effect> {
        let Some(found) = self.referrals.iter_mut().find(|r| r.id == referral) else { return Vec::new() };
        let Answered::Settled(decision) = found.answer(answer, seen_on) else { return Vec::new() };
        let mut effects = vec![Effect::Settled(referral)];
        if decision == Decision::NotMyDuty && self.is_open() {
            self.bounces += 1;
            self.returned = true;
            let level = match self.bounces {
                CITY_BOUNCES.. => 2,
                COUNTY_BOUNCES.. => 1,
                _ => 0,
            };
            effects.extend(self.escalate(level, seen_on));
        }
        self.settle_state(seen_on);
        effects
    }

    /// Brings the work order to the start of `day`: closes what was done by the end of the day before, else marks
    /// it late and moves it up. Idempotent, and the same whether run day by day or over several days at once.
    pub fn roll(&mut self, day: NaiveDate) -> Vec<Effect> {
        if let Some((on, reason)) = self.done()
            && on < day
        {
            return vec![self.close(on, reason)];
        }
        if self.late_from().is_some_and(|from| from <= day) {
            self.late = true;
        }
        let (county, city) = self.steps();
        let due = |step: Option<NaiveDate>| step.filter(|on| *on <= day);
        let mut effects: Vec<_> = due(county).and_then(|on| self.escalate(1, on)).into_iter().collect();
        effects.extend(due(city).and_then(|on| self.escalate(2, on)));
        effects
    }

    /// First day on which [`WorkOrder::roll`] will do something.
    pub fn next_roll_on(&self) -> Option<NaiveDate> {
        let (county, city) = self.steps();
        let done = self.done().and_then(|(on, _)| day_after(on));
        let late = self.late_from().filter(|_| !self.late);
        let county = county.filter(|_| self.escalation < 1);
        let city = city.filter(|_| self.escalation < 2);
        [done, late, county, city].into_iter().fold(None, earlier)
    }

    /// Not closed.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// After a true verdict: something new waits for a check, or a bureau sent a referral back.
    pub fn recheck(&self) -> bool {
        matches!(self.state, State::Verified | State::FeedbackComplete)
            && (self.returned || self.reasons.iter().any(Reason::waits))
    }

    /// Division code of the desk that has it: the township, or the county after a bounce or when no reason needs a
    /// township.
    pub fn assigned_to(&self) -> String {
        if self.bounces > 0 || self.reasons.iter().all(|r| r.at_county) {
            division::county(&self.division)
        } else {
            division::township(&self.division)
        }
    }

    /// Indicators of the warnings not cleared, each once, in order.
    pub fn indicators(&self) -> Vec<String> {
        let mut all: Vec<_> =
            self.reasons.iter().filter(|r| r.cleared_on.is_none()).map(|r| r.indicator.clone()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Level and limits over every reason ever merged. After a verdict the check's limit is that of the reasons that
    /// wait for another one; without any it stays that of the reasons the verdict covers.
    fn tighten(&mut self) {
        for reason in &self.reasons {
            self.level = self.level.min(reason.level);
            self.timetable.close = self.timetable.close.merge(reason.timetable.close);
        }
        let checked = self.check.is_some();
        let waits = self.reasons.iter().any(Reason::waits);
        let counts = |r: &&Reason| !checked || if waits { r.waits() } else { r.covered };
        let limits = self.reasons.iter().filter(counts).map(|r| r.timetable.check);
        if let Some(check) = limits.reduce(Limit::merge) {
            self.timetable.check = check;
        }
    }

    fn awaits_check(&self) -> bool {
        matches!(self.state, State::Assigned | State::Accepted)
            || self.is_open() && self.reasons.iter().any(Reason::waits)
    }

    /// Limits that run now, the stricter of each entry.
    fn running(&self) -> Limit {
        match (self.is_open(), self.awaits_check()) {
            (false, _) => Limit::default(),
            (true, false) => self.timetable.close,
            (true, true) => self.timetable.close.merge(self.timetable.check),
        }
    }

    fn late_from(&self) -> Option<NaiveDate> {
        self.running().due_on.and_then(day_after)
    }

    fn steps(&self) -> (Option<NaiveDate>, Option<NaiveDate>) {
        let running = self.running();
        (running.county_on, running.city_on)
    }

    fn escalate(&mut self, level: i16, on: NaiveDate) -> Option<Effect> {
        (level > self.escalation).then(|| {
            self.escalation = level;
            Effect::Escalated { level, on }
        })
    }

    /// The day by which nothing is left to do, and why.
    fn done(&self) -> Option<(NaiveDate, CloseReason)> {
        match self.state {
            State::FeedbackComplete => self.completed_on.map(|on| (on, CloseReason::FeedbackComplete)),
            State::Assigned => {
                let cleared: Option<Vec<_>> = self.reasons.iter().map(|r| r.cleared_on).collect();
                cleared?.into_iter().max().map(|on| (on, CloseReason::AllCleared))
            }
            _ => None,
        }
    }

    /// Moves between verified and feedback complete as referrals and reasons stand.
    fn settle_state(&mut self, day: NaiveDate) {
        let complete = !self.recheck() && self.referrals.iter().all(|r| r.state == ReferralState::Settled);
        match self.state {
            State::Verified if complete => {
                self.state = State::FeedbackComplete;
                self.completed_on = Some(day);
            }
            State::FeedbackComplete if !complete => {
                self.state = State::Verified;
                self.completed_on = None;
            }
            _ => {}
        }
    }

    fn close(&mut self, on: NaiveDate, reason: CloseReason) -> Effect {
        self.state = State::Closed;
        self.closed = Some((on, reason));
        Effect::Closed
    }
}

fn day_after(day: NaiveDate) -> Option<NaiveDate> {
    day.checked_add_days(Days::new(1))
}
