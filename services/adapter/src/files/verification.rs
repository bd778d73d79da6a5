//! Verification requests for the folder's bureau: a file for each, a row for each person and dataset, and one that says
//! so when it is called off. Identities go from the register's answer into the file and nowhere else.

use std::{path::PathBuf, sync::Arc};

use futures::future::BoxFuture;
use minqing_kit::{
    Call, Error,
    delivery::{Carrier, Delivery, Outcome},
    id,
};
use minqing_proto::minqing::bureau::v1::VerificationRequest;

use super::{Folder, outbox::settled, result::Table};
use crate::{
    Result,
    core::Core,
    verification::{self, VERIFICATIONS},
};

const HEADER: [&str; 9] =
    ["核对编号", "核对类型", "下发日期", "答复期限", "身份证号", "姓名", "授权书编号", "授权截止日期", "数据集"];
const RECALL_HEADER: [&str; 3] = ["核对编号", "撤销日期", "说明"];

/// Writes `outbox/verification_<id>.csv`. Writing it again makes the same file.
pub struct VerificationFiles {
    pub core: Arc<Core>,
    pub folder: Folder,
}

impl Carrier for VerificationFiles {
    fn kind(&self) -> &'static str {
        verification::DELIVERY
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

impl VerificationFiles {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let call = Call::worker(&self.core.cx.name, "verification_file").with_purpose(verification::PURPOSE);
        let request = self.core.delivered_verification(&call, delivery).await?;
        let id = id::parse_name(VERIFICATIONS, &request.name, "name")?;
        let folder = self.folder.outbox();
        let written =
            tokio::task::spawn_blocking(move || write_request(folder, &format!("verification_{id}.csv"), &request));
        written.await.map_err(Error::bug)?.map_err(Error::bug)
    }
}

fn write_request(folder: PathBuf, name: &str, request: &VerificationRequest) -> std::io::Result<()> {
    let mut table = Table::create(&folder, name)?;
    table.line(HEADER)?;
    for person in &request.persons {
        for dataset in &request.datasets {
            table.line([
                request.name.as_str(),
                &request.type_title,
                &request.requested_on,
                &request.due_on,
                &person.id_number,
                &person.name,
                &person.authorisation,
                &person.authorised_until,
                dataset,
            ])?;
        }
    }
    table.finish()
}

/// Writes `outbox/verification_withdrawn_<id>.csv` for a verification that was written and called off since.
pub struct CalledOffFiles {
    pub core: Arc<Core>,
    pub folder: Folder,
}

impl Carrier for CalledOffFiles {
    fn kind(&self) -> &'static str {
        verification::RECALL
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { settled(self.write(delivery).await, delivery.attempt) })
    }
}

impl CalledOffFiles {
    async fn write(&self, delivery: &Delivery) -> Result<()> {
        let row = self.core.called_off(delivery).await?;
        let (folder, on) = (self.folder.outbox(), row.withdrawn_on.map_or_else(String::new, |on| on.to_string()));
        let written = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            let mut table = Table::create(&folder, &format!("verification_withdrawn_{}.csv", row.id))?;
            table.line(RECALL_HEADER)?;
            table.line([row.name().as_str(), &on, "该核对已撤销，不得再查询，无需答复"])?;
            table.finish()
        });
        written.await.map_err(Error::bug)?.map_err(Error::bug)
    }
}
