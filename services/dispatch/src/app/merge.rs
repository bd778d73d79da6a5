//! Warnings come in: merged per household into its one open work order, or suppressed. A batch of events costs the
//! same few statements whatever its size.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use minqing_kit::{Result, db::Work};
use uuid::Uuid;

use super::{rules::Rules, tell::tell};
use crate::{
    domain::work_order::{About, Effect, Issuing, Reason, WorkOrder},
    store::{
        row::ReasonRow,
        suppression::{self, Suppression},
        work_order::{self, Standing},
    },
};

/// A warning as monitoring tells of it.
#[derive(Clone, Debug)]
pub struct Raised {
    pub warning: Uuid,
    pub about: About,
    pub indicator: String,
    pub person: Option<Uuid>,
    pub level: i16,
    pub raised_on: NaiveDate,
    pub record_accepted_time: String,
    /// Day of the check that found the same not true, when it comes up again.
    pub changed_since: Option<NaiveDate>,
}

/// What monitoring tells.
#[derive(Clone, Debug)]
pub enum Incoming {
    Raised(Raised),
    /// `withdrawn`: because the data behind it were withdrawn.
    Cleared {
        warning: Uuid,
        on: NaiveDate,
        withdrawn: bool,
    },
}

/// Takes a batch of warnings raised and cleared, in order.
pub async fn merge(work: &mut Work, rules: &Rules, batch: Vec<Incoming>) -> Result<()> {
    let mut desk = Desk::open(work, &batch).await?;
    for incoming in batch {
        match incoming {
            Incoming::Raised(raised) => desk.raise(work, rules, raised)?,
            Incoming::Cleared { warning, on, withdrawn } => desk.clear(work, rules, warning, (on, withdrawn)),
        }
    }
    desk.save(work).await
}

/// The work orders of one batch, locked, with what decides over merging.
struct Desk {
    orders: BTreeMap<Uuid, WorkOrder>,
    touched: HashSet<Uuid>,
    /// Open work order of a household or feed.
    open: HashMap<(Option<Uuid>, Option<String>), Uuid>,
    /// Work order of each warning known; none when suppressed.
    known: HashMap<Uuid, Option<Uuid>>,
    standing: HashMap<Uuid, Vec<Standing>>,
    suppressions: Vec<Suppression>,
    suppressed: HashMap<Uuid, ReasonRow>,
    cleared: Vec<(Uuid, NaiveDate)>,
}

impl Desk {
    async fn open(work: &mut Work, batch: &[Incoming]) -> Result<Desk> {
        let (mut warnings, mut households, mut subjects, mut first) = (Vec::new(), Vec::new(), Vec::new(), None);
        for incoming in batch {
            match incoming {
                Incoming::Cleared { warning, .. } => warnings.push(*warning),
                Incoming::Raised(raised) => {
                    warnings.push(raised.warning);
                    households.extend(raised.about.household);
                    subjects.extend(raised.about.subject.clone());
                    first = crate::domain::timetable::earlier(first, Some(raised.raised_on));
                }
            }
        }
        let known = work_order::of_warnings(work.conn(), &warnings).await?;
        let mut ids = work_order::open_of(work.conn(), &households, &subjects).await?;
        ids.extend(known.values().flatten());
        ids.sort_unstable();
        ids.dedup();
        let orders = work_order::lock(work.conn(), &ids).await?;
        let mut standing: HashMap<Uuid, Vec<Standing>> = HashMap::new();
        for referral in work_order::standing(work.conn(), &households, first).await? {
            standing.entry(referral.household_id).or_default().push(referral);
        }
        let suppressions = suppression::of(work.conn(), &households, &subjects).await?;
        let open = orders.iter().filter(|o| o.is_open()).map(|o| ((o.household, o.subject.clone()), o.id)).collect();
        Ok(Desk {
            orders: orders.into_iter().map(|o| (o.id, o)).collect(),
            touched: HashSet::new(),
            open,
            known,
            standing,
            suppressions,
            suppressed: HashMap::new(),
            cleared: Vec::new(),
        })
    }

    fn raise(&mut self, work: &mut Work, rules: &Rules, raised: Raised) -> Result<()> {
        if self.known.contains_key(&raised.warning) {
            return Ok(());
        }
        let reason = Reason {
            warning: raised.warning,
            indicator: raised.indicator.clone(),
            person: raised.person,
            level: raised.level,
            raised_on: raised.raised_on,
            cleared_on: None,
            covered: false,
            found: None,
            at_county: raised.about.household.is_none() || rules.at_county(&raised.indicator),
            timetable: rules.timetable(&raised.indicator, raised.level, raised.raised_on)?,
            record_accepted_time: raised.record_accepted_time.clone(),
        };
        if let Some(until) = self.quiet_until(&raised) {
            self.known.insert(raised.warning, None);
            self.suppressed.insert(raised.warning, suppressed_row(&raised, reason, until));
            return Ok(());
        }
        let place = (raised.about.household, raised.about.subject.clone());
        if let Some(&id) = self.open.get(&place) {
            self.roll(work, rules, id, raised.raised_on);
        }
        let targets = match raised.about.household {
            Some(_) => rules.targets(&raised.indicator, raised.level, raised.raised_on)?,
            None => Vec::new(),
        };
        let mut taken = self.taken(raised.about.household, raised.raised_on);
        let first_id = work.new_id();
        let mut new_id = || work.new_id();
        let mut issuing = Issuing { on: raised.raised_on, taken: &mut taken, new_id: &mut new_id };
        let (id, effects) = match self.open.get(&place).and_then(|id| self.orders.get_mut(id)) {
            Some(order) => (order.id, order.merge(reason, &targets, &mut issuing)?),
            None => {
                let (order, effects) = WorkOrder::open(first_id, raised.about, reason, &targets, &mut issuing);
                let id = order.id;
                self.orders.insert(id, order);
                self.open.insert(place, id);
                (id, effects)
            }
        };
        self.known.insert(raised.warning, Some(id));
        self.tell(work, rules, id, &effects);
        Ok(())
    }

    fn clear(&mut self, work: &mut Work, rules: &Rules, warning: Uuid, (on, withdrawn): (NaiveDate, bool)) {
        match self.known.get(&warning).copied() {
            Some(Some(id)) => {
                self.roll(work, rules, id, on);
                let Some(order) = self.orders.get_mut(&id) else { return };
                let effects = if withdrawn {
                    order.withdraw(warning, on)
                } else {
                    order.clear(warning, on);
                    Vec::new()
                };
                self.tell(work, rules, id, &effects);
            }
            Some(None) => match self.suppressed.get_mut(&warning) {
                Some(row) => row.cleared_on = Some(on),
                None => self.cleared.push((warning, on)),
            },
            None => tracing::debug!("a warning was cleared that dispatch never saw"),
        }
    }

    /// Brings a work order to the start of a day; one that closes makes room for a new one.
    fn roll(&mut self, work: &mut Work, rules: &Rules, id: Uuid, day: NaiveDate) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        let (late, effects) = (order.late, order.roll(day));
        let (closed, place) = (!order.is_open(), (order.household, order.subject.clone()));
        if order.late != late {
            self.touched.insert(id);
        }
        if closed && self.open.get(&place) == Some(&id) {
            self.open.remove(&place);
        }
        if !effects.is_empty() {
            self.tell(work, rules, id, &effects);
        }
    }

    fn tell(&mut self, work: &mut Work, rules: &Rules, id: Uuid, effects: &[Effect]) {
        self.touched.insert(id);
        if let Some(order) = self.orders.get(&id) {
            self.suppressions.extend(tell(work, rules, order, effects));
        }
    }

    /// Day until which a checked "not true" keeps the warning quiet, if it does.
    fn quiet_until(&self, raised: &Raised) -> Option<NaiveDate> {
        let about = &raised.about;
        self.suppressions
            .iter()
            .filter(|s| s.household_id == about.household && s.subject == about.subject)
            .filter(|s| s.indicator == raised.indicator && s.person_key == raised.person)
            .find(|s| s.quiet().holds(raised.raised_on, raised.changed_since))
            .map(|s| s.until_on)
    }

    /// Programmes another referral of the household stands in the way of on a day.
    fn taken(&self, household: Option<Uuid>, day: NaiveDate) -> HashSet<(Option<Uuid>, String)> {
        let stored = household.and_then(|h| self.standing.get(&h)).into_iter().flatten();
        let stored = stored
            .filter(|s| s.settled_seen_on.is_none_or(|seen| seen >= day))
            .map(|s| (s.person_key, s.programme.clone()));
        let fresh = self
            .orders
            .values()
            .filter(|o| o.household == household)
            .flat_map(|o| &o.referrals)
            .filter(|r| r.blocks_on(day))
            .map(|r| (r.person, r.programme.clone()));
        stored.chain(fresh).collect()
    }

    async fn save(self, work: &mut Work) -> Result<()> {
        let touched: Vec<&WorkOrder> = self.orders.values().filter(|o| self.touched.contains(&o.id)).collect();
        work_order::save(work.conn(), &touched).await?;
        if !self.suppressed.is_empty() {
            work_order::save_reasons(work.conn(), self.suppressed.into_values().collect()).await?;
        }
        if !self.cleared.is_empty() {
            let (warnings, days): (Vec<_>, Vec<_>) = self.cleared.into_iter().unzip();
            work_order::clear_suppressed(work.conn(), &warnings, &days).await?;
        }
        Ok(())
    }
}

fn suppressed_row(raised: &Raised, reason: Reason, until: NaiveDate) -> ReasonRow {
    let limits = reason.timetable;
    ReasonRow {
        warning_id: raised.warning,
        work_order_id: None,
        household_id: raised.about.household,
        subject: raised.about.subject.clone(),
        division_code: raised.about.division.clone(),
        indicator: reason.indicator,
        person_key: reason.person,
        level: reason.level,
        raised_on: reason.raised_on,
        cleared_on: None,
        covered: false,
        verdict: None,
        verdict_on: None,
        at_county: reason.at_county,
        check_due_on: limits.check.due_on,
        check_county_on: limits.check.county_on,
        check_city_on: limits.check.city_on,
        close_due_on: limits.close.due_on,
        close_county_on: limits.close.county_on,
        close_city_on: limits.close.city_on,
        record_accepted_time: reason.record_accepted_time,
        suppressed_until: Some(until),
    }
}
