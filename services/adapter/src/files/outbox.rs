//! What the folder's bureau is given: a file for each referral, and once a month the list of the classes' members.
//! Identities go from the register's answer into the file and nowhere else.

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::{Datelike as _, NaiveDate};
use futures::future::BoxFuture;
use minqing_kit::{
    Call, Error, Kind,
    delivery::{Carrier, Delivery, Outcome},
    reconcile::{Pass, Reconciler},
};
use minqing_proto::minqing::{
    bureau::v1::{IdentityEntry, Referral, ReferredPerson},
    registry::v1::{ListClassMembersRequest, ListClassMembersResponse},
    types::v1::{AssistanceClass, WarningLevel},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Folder, result::Table};
use crate::{Result, core::Core, exchange, referral, store};

const PAGE: i32 = 500;
const LIST_EVERY: Duration = Duration::from_secs(10);

const REFERRAL_HEADER: [&str; 13] = [
    "转介编号",
    "项目代码",
    "项目名称",
    "紧急程度",
    "预警指标",
    "预警原因",
    "行政区划代码",
    "下发日期",
    "办理期限",
    "身份证号",
    "姓名",
    "电话",
    "地址",
];
const RECALL_HEADER: [&str; 4] = ["转介编号", "项目代码", "撤回日期", "说明"];
const LIST_HEADER: [&str; 6] = ["身份证号", "姓名", "对象类别", "行政区划代码", "认定日期", "终止日期"];

/// Writes `outbox/referral_<id>.csv`. Writing it again makes the same file.
pub struct ReferralFiles {
    pub core: Arc<Core>,
    pub folder: Folder,
}

impl Carrier for ReferralFiles {
    fn kind(&self) -> &'static str {
        referral::DELIVERY
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

/// What became of an attempt to hand a referral over by a push.
pub fn settled(done: Result<()>, attempt: i32) -> Outcome {
    match done {
        Ok(()) => Outcome::Done,
        Err(error) if error.kind() == Kind::NotFound => Outcome::Dead { reason: error.message().to_owned() },
        Err(error) => Outcome::Retry { after: pause(attempt), reason: error.message().to_owned() },
    }
}

/// A register that is restarted is waited for in seconds, one that is away in hours.
fn pause(attempt: i32) -> Duration {
    const SECONDS: [u64; 7] = [1, 2, 5, 20, 300, 1_800, 7_200];
    let at = usize::try_from(attempt - 1).unwrap_or_default().min(SECONDS.len() - 1);
    Duration::from_secs(SECONDS[at])
}

impl ReferralFiles {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let call = Call::worker(&self.core.cx.name, "referral_file").with_purpose("referral");
        let (id, referral) = self.core.delivered(&call, delivery).await?;
        let folder = self.folder.outbox();
        let written = tokio::task::spawn_blocking(move || write_referral(folder, id, &referral));
        written.await.map_err(Error::bug)?.map_err(Error::bug)
    }
}

fn write_referral(folder: PathBuf, id: Uuid, referral: &Referral) -> std::io::Result<()> {
    let mut table = Table::create(&folder, &format!("referral_{id}.csv"))?;
    table.line(REFERRAL_HEADER)?;
    let level = level_word(referral.level());
    // Should the register know nobody there any more, the bureau still has to answer the referral.
    let nobody = [ReferredPerson::default()];
    let persons = if referral.persons.is_empty() { &nobody[..] } else { &referral.persons };
    for person in persons {
        table.line([
            referral.name.as_str(),
            &referral.programme,
            &referral.programme_title,
            level,
            &referral.reason,
            &referral.reason_title,
            &referral.division_code,
            &referral.issued_on,
            &referral.due_on,
            &person.id_number,
            &person.name,
            &person.phone,
            &person.address,
        ])?;
    }
    table.finish()
}

/// Writes `outbox/withdrawn_<id>.csv` for a referral that was written and whose data were withdrawn since.
pub struct RecallFiles {
    pub core: Arc<Core>,
    pub folder: Folder,
}

impl Carrier for RecallFiles {
    fn kind(&self) -> &'static str {
        referral::RECALL
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

impl RecallFiles {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let row = self.core.taken_back(delivery).await?;
        let (id, on) = (row.id, row.withdrawn_on.map_or_else(String::new, |on| on.to_string()));
        let folder = self.folder.outbox();
        let written = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            let mut table = Table::create(&folder, &format!("withdrawn_{id}.csv"))?;
            table.line(RECALL_HEADER)?;
            table.line([row.name().as_str(), &row.programme, &on, "所依据的数据已撤回，无需办理"])?;
            table.finish()
        });
        written.await.map_err(Error::bug)?.map_err(Error::bug)
    }
}

/// As bureaus write a warning's level.
pub fn level_word(level: WarningLevel) -> &'static str {
    match level {
        WarningLevel::Unspecified => "",
        WarningLevel::Red => "L1",
        WarningLevel::Orange => "L2",
        WarningLevel::Yellow => "L3",
        WarningLevel::Blue => "L4",
        WarningLevel::Green => "L5",
    }
}

/// Writes `outbox/identity_list_<date>.csv` once in every business month.
pub struct IdentityLists {
    pub core: Arc<Core>,
    pub folder: Folder,
}

impl IdentityLists {
    async fn pass(&self) -> Result<Pass> {
        let today = self.core.cx.clock.today();
        let month = list_of(today);
        if list_is_written(&self.core, &month).await? {
            return Ok(Pass { did: 0, caught_up: true, detail: "this month's list is written".to_owned() });
        }
        let call = Call::worker(&self.core.cx.name, "identity_list").with_purpose("identity_list");
        let name = format!("identity_list_{today}.csv");
        let members = match self.write(&call, &name).await {
            Ok(members) => members,
            // The list is no part of a day's work: a register that is away only puts it off.
            Err(error) => return Ok(Pass { did: 0, caught_up: true, detail: format!("the list waits: {error}") }),
        };
        if members == 0 {
            return Ok(Pass { did: 0, caught_up: true, detail: "the register has no members yet".to_owned() });
        }
        note_list(&self.core, &call, month, format!("files/{name}")).await?;
        Ok(Pass { did: 1, caught_up: true, detail: format!("wrote a list of {members}") })
    }

    /// Members written. Without any, no file appears.
    async fn write(&self, call: &Call, name: &str) -> Result<usize> {
        let (folder, own) = (self.folder.outbox(), name.to_owned());
        let mut table = None;
        let mut members = 0;
        let mut page_token = String::new();
        loop {
            let page = members_page(&self.core, call, page_token).await?;
            page_token = page.next_page_token;
            members += page.members.len();
            let entries: Vec<_> = page.members.into_iter().map(exchange::entry).collect();
            let (folder, own, before) = (folder.clone(), own.clone(), table.take());
            let written = tokio::task::spawn_blocking(move || write_entries(&folder, &own, before, &entries));
            table = written.await.map_err(Error::bug)?.map_err(Error::bug)?;
            if page_token.is_empty() {
                break;
            }
        }
        if let Some(table) = table {
            tokio::task::spawn_blocking(move || table.finish()).await.map_err(Error::bug)?.map_err(Error::bug)?;
        }
        Ok(members)
    }
}

/// Name under which a business month's list is noted.
pub fn list_of(today: NaiveDate) -> String {
    format!("identity_list_{:04}-{:02}", today.year(), today.month())
}

pub async fn list_is_written(core: &Core, list: &str) -> Result<bool> {
    store::file_is_done(&mut *core.cx.db.acquire().await?, list).await
}

/// A page of the members of all classes.
pub async fn members_page(core: &Core, call: &Call, page_token: String) -> Result<ListClassMembersResponse> {
    let asked =
        ListClassMembersRequest { classes: Vec::new(), division_code: String::new(), page_size: PAGE, page_token };
    core.peers.class_members(call, asked).await
}

/// Notes a month's list as written, with the audit row that says where it went.
pub async fn note_list(core: &Core, call: &Call, list: String, to: String) -> Result<()> {
    let digest: [u8; 32] = Sha256::digest(list.as_bytes()).into();
    let request_id = Uuid::new_v5(&Uuid::NAMESPACE_URL, list.as_bytes());
    core.cx
        .db
        .change(call, move |w| {
            let (list, to) = (list.clone(), to.clone());
            Box::pin(async move {
                let row = store::FileRow { name: &list, digest, kind: "identity_list", request_id };
                store::file_taken(w.conn(), &row).await?;
                store::file_ended(w.conn(), &list, digest, "").await?;
                w.audit(&to, &["id_number", "name", "assistance_class"]);
                Ok(())
            })
        })
        .await
}

fn write_entries(
    folder: &std::path::Path,
    name: &str,
    before: Option<Table>,
    entries: &[IdentityEntry],
) -> std::io::Result<Option<Table>> {
    let mut table = match before {
        Some(table) => table,
        None if entries.is_empty() => return Ok(None),
        None => {
            let mut table = Table::create(folder, name)?;
            table.line(LIST_HEADER)?;
            table
        }
    };
    for e in entries {
        let class = class_title(e.assistance_class());
        table.line([e.id_number.as_str(), &e.name, class, &e.division_code, &e.valid_from, &e.valid_to])?;
    }
    Ok(Some(table))
}

pub fn class_title(class: AssistanceClass) -> &'static str {
    match class {
        AssistanceClass::Unspecified => "",
        AssistanceClass::MinimumLiving => "最低生活保障对象",
        AssistanceClass::Destitute => "特困人员",
        AssistanceClass::Edge => "最低生活保障边缘家庭成员",
        AssistanceClass::RigidExpenditure => "刚性支出困难家庭成员",
        AssistanceClass::ReturnToPoverty => "防止返贫监测对象",
        AssistanceClass::OtherHardship => "其他困难人员",
        AssistanceClass::Orphan => "孤儿",
        AssistanceClass::UnattendedChild => "事实无人抚养儿童",
    }
}

impl Reconciler for IdentityLists {
    fn name(&self) -> &'static str {
        "identity_list"
    }

    fn every(&self) -> Duration {
        LIST_EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.pass())
    }
}
