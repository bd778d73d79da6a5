//! Class status: what collection found and what identification decided, laid on each subject's timeline.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::NaiveDate;
use minqing_kit::{
    Result,
    db::Work,
    id::{name, parse_name},
};
use minqing_proto::minqing::identification::v1::{ClassEnded, ClassGranted};
use uuid::Uuid;

use crate::{
    domain::{
        class::class_text,
        collect::parse_date,
        prepared::PreparedHousehold,
        timeline::{self, Change, Period},
    },
    store::{
        self,
        chain::NewEntry,
        class_status::{Changes, NewStatus, Subject},
    },
};

type Timelines = BTreeMap<(Subject, String), Vec<Period>>;

/// Lays what a slice of a batch found on the timelines.
pub async fn collected(work: &mut Work, households: &[PreparedHousehold], as_of: NaiveDate) -> Result<()> {
    let ids: Vec<Uuid> = households.iter().map(PreparedHousehold::household_id).collect();
    let persons: Vec<Uuid> = households.iter().flat_map(|h| h.members.iter().map(|m| m.person_id())).collect();
    let timelines = load(work, &ids, &persons).await?;
    let mut changes = Changes::default();
    let mut found = HashSet::new();
    let nothing = Vec::new();
    for household in households {
        for class in &household.classes {
            let subject = class.person_id().map_or(Subject::Household(household.household_id()), Subject::Person);
            let key = (subject, class.assistance_class.clone());
            let periods = timelines.get(&key).unwrap_or(&nothing);
            let steps = timeline::collect(periods, class.valid_from(), class.amount_fen);
            note(work, &mut changes, &key, steps);
            found.insert(key);
        }
    }
    for (key, periods) in timelines.iter().filter(|(key, _)| !found.contains(key)) {
        note(work, &mut changes, key, timeline::absent(periods, as_of));
    }
    let today = work.today();
    if !changes.is_empty() {
        store::class_status::apply(work.conn(), &changes, today).await?;
    }
    Ok(())
}

async fn load(work: &mut Work, households: &[Uuid], persons: &[Uuid]) -> Result<Timelines> {
    let mut timelines = Timelines::new();
    for (subject, class, period) in store::class_status::periods(work.conn(), households, persons).await? {
        timelines.entry((subject, class)).or_default().push(period);
    }
    Ok(timelines)
}

fn note(work: &Work, changes: &mut Changes, key: &(Subject, String), steps: Vec<Change>) {
    for step in steps {
        match step {
            Change::Close { id, last_day } => changes.close.push((id, last_day)),
            Change::Amend { id, amount_fen } => changes.amend.push((id, amount_fen)),
            Change::Open { from, amount_fen } => changes.open.push(NewStatus {
                class_status_id: work.new_id(),
                subject: key.0,
                assistance_class: key.1.clone(),
                amount_fen,
                valid_from: from,
            }),
        }
    }
}

/// A decision of identification.
pub struct Decision {
    id: Uuid,
    household: Uuid,
    person_key: Option<Uuid>,
    assistance_class: String,
    step: Step,
}

enum Step {
    Grant { from: NaiveDate, amount_fen: i64 },
    End { last_day: NaiveDate },
}

impl Decision {
    /// Reads the event; an event that cannot be read is a fault of its sender.
    pub fn granted(event: &ClassGranted) -> Result<Decision> {
        let from = day(&event.valid_from)?;
        Ok(Decision {
            id: parse_name("decisions", &event.decision, "decision")?,
            household: parse_name("households", &event.household, "household")?,
            person_key: person_key(&event.person_key)?,
            assistance_class: class_text(event.assistance_class()).ok_or_else(|| unreadable("assistance_class"))?,
            step: Step::Grant { from, amount_fen: event.amount_fen.max(0) },
        })
    }

    pub fn ended(event: &ClassEnded) -> Result<Decision> {
        let last_day = day(&event.valid_to)?;
        Ok(Decision {
            id: parse_name("decisions", &event.decision, "decision")?,
            household: parse_name("households", &event.household, "household")?,
            person_key: person_key(&event.person_key)?,
            assistance_class: class_text(event.assistance_class()).ok_or_else(|| unreadable("assistance_class"))?,
            step: Step::End { last_day },
        })
    }
}

fn unreadable(field: &str) -> minqing_kit::Error {
    minqing_kit::Error::bug(anyhow::anyhow!("an event of identification has no readable {field}"))
}

fn day(text: &str) -> Result<NaiveDate> {
    parse_date(text).ok_or_else(|| unreadable("date"))
}

fn person_key(text: &str) -> Result<Option<Uuid>> {
    if text.is_empty() {
        return Ok(None);
    }
    Uuid::try_parse(text).map(Some).map_err(|_| unreadable("person_key"))
}

/// Carries out a decision: status, chain entry. Gives the households whose state is another one now. The same
/// decision again changes nothing: its chain entry is there already.
pub async fn decided(work: &mut Work, decision: &Decision) -> Result<BTreeSet<Uuid>> {
    let mut changed = BTreeSet::new();
    let entry = entry(work.new_id(), decision);
    if store::chain::add(work.conn(), &[entry]).await? == 0 {
        return Ok(changed);
    }
    let subject = match decision.person_key {
        None => store::household::file(work.conn(), decision.household)
            .await?
            .map(|_| Subject::Household(decision.household)),
        Some(key) => store::person::id_of(work.conn(), key).await?.map(Subject::Person),
    };
    let Some(subject) = subject else {
        tracing::warn!(decision = %decision.id, "a decision concerns nobody on file; its chain entry is kept");
        return Ok(changed);
    };
    let (households, persons) = match subject {
        Subject::Household(id) => (vec![id], vec![]),
        Subject::Person(id) => (vec![], vec![id]),
    };
    let key = (subject, decision.assistance_class.clone());
    let periods = load(work, &households, &persons).await?.remove(&key).unwrap_or_default();
    let steps = match decision.step {
        Step::Grant { from, amount_fen } => timeline::grant(&periods, from, amount_fen),
        Step::End { last_day } => timeline::end(&periods, last_day),
    };
    let mut changes = Changes { decision: Some(decision.id), ..Changes::default() };
    note(work, &mut changes, &key, steps);
    let today = work.today();
    if !changes.is_empty() {
        store::class_status::apply(work.conn(), &changes, today).await?;
    }
    changed.insert(decision.household);
    if let Some(key) = decision.person_key {
        // The person may have moved since the case was opened.
        changed.extend(store::membership::household_of(work.conn(), key).await?.map(|(_, household)| household));
    }
    Ok(changed)
}

fn entry(chain_entry_id: Uuid, decision: &Decision) -> NewEntry {
    let (kind, amount_fen, occurred_on) = match decision.step {
        Step::Grant { from, amount_fen } => ("class_granted", amount_fen, from),
        Step::End { last_day } => ("class_ended", 0, last_day),
    };
    NewEntry {
        chain_entry_id,
        source: name("decisions", decision.id),
        household_id: Some(decision.household),
        person_key: decision.person_key,
        kind,
        bureau: "civil_affairs".to_owned(),
        programme: decision.assistance_class.clone(),
        amount_fen,
        occurred_on,
        referral: String::new(),
        record_no: String::new(),
        supersedes: String::new(),
    }
}
