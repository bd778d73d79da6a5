//! Runs what was sent through today's checks again, against today's register: the same way as anew, so the answer is
//! the one that sending it anew would get.

use std::{
    io::{BufReader, Read},
    sync::Arc,
};

use minqing_kit::{Call, Error, db::Fingerprint, id};
use minqing_proto::minqing::bureau::v1::{
    BatchHeader, DigestForm, ReplayBatchRequest, ReplayBatchResponse, SubmitBatchResponse,
    replay_service_server::ReplayService,
};
use prost::Message as _;
use prost_types::Any;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{pieces::Pieces, store, store::RawRow};
use crate::{
    Result,
    batch::{Announced, Intake},
    core::Core,
    files::{Refusal, name::Format, read, table::BatchSink},
    receipt::{Received, RowsDigest},
    spool::MAX_ROWS,
    tables::canonical,
};

/// Longest part of a stored row; the stream has no longer message.
const MAX_PART: usize = 4 * 1024 * 1024;

/// The operators' server.
pub struct Replay(pub Arc<Core>);

#[tonic::async_trait]
impl ReplayService for Replay {
    async fn replay_batch(
        &self,
        request: Request<ReplayBatchRequest>,
    ) -> Result<Response<ReplayBatchResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.replay(&call, request.into_inner()).await?))
    }
}

impl Core {
    /// Takes a stored batch again.
    pub async fn replay(&self, call: &Call, request: ReplayBatchRequest) -> Result<ReplayBatchResponse> {
        let fingerprint = Fingerprint::of(&call.method, &request);
        if let Some(done) = self.cx.db.outcome(call, &request.request_id, fingerprint).await? {
            return Ok(done);
        }
        let raw = self.raw_of(call, &request.name).await?;
        let header = BatchHeader::decode(raw.header.as_slice()).map_err(Error::bug)?;
        let _place = self.places.take(u32::try_from(header.row_count).unwrap_or(MAX_ROWS)).await?;
        let said = Announced {
            request_id: &request.request_id,
            batch_no: &header.batch_no,
            dataset: &header.dataset,
            mode: header.mode(),
            division_code: &header.division_code,
            as_of: &header.as_of,
            row_count: u32::try_from(header.row_count).ok(),
        };
        let intake = self.open(&said).await?;
        let digest = raw.digest.as_slice().try_into().map_err(Error::bug)?;
        let pieces = Pieces::of(self, &raw);
        let form = match raw.transport.as_str() {
            "csv" | "xlsx" => DigestForm::File,
            "table" => DigestForm::Table,
            _ => DigestForm::Rows,
        };
        let read = tokio::task::spawn_blocking(move || match raw.transport.as_str() {
            "csv" => read_file(intake, &pieces, Format::Csv, digest),
            "xlsx" => read_file(intake, &pieces, Format::Xlsx, digest),
            "table" => read_table(intake, &pieces, digest),
            _ => read_rows(intake, pieces, digest),
        });
        let intake = read.await.map_err(Error::bug)??;
        let received = Received { form, digest, signature: None, raw: None };
        let answer = self.finish(intake, call, fingerprint, received).await?;
        let SubmitBatchResponse { batch, errors, receipt, notes } = answer;
        Ok(ReplayBatchResponse { batch, errors, receipt, notes })
    }

    /// What was sent for a batch; the look is audited before anything of it is opened.
    async fn raw_of(&self, call: &Call, name: &str) -> Result<RawRow> {
        let batch: Uuid = id::parse_name("batches", name, "name")?;
        let subject = name.to_owned();
        let found = self.cx.db.read(call, move |w| {
            let subject = subject.clone();
            Box::pin(async move {
                w.audit(&subject, &["raw"]);
                store::of_batch(w.conn(), batch).await
            })
        });
        let days = self.cx.settings.raw_days;
        found.await?.ok_or_else(|| {
            Error::failed_state(
                "RAW_NOT_KEPT",
                format!("what was sent for this batch is not kept (any more); it is kept {days} days"),
                format!("该批次的原始数据未保存或已超过 {days} 天保存期"),
            )
        })
    }
}

fn broken() -> Error {
    Error::bug(anyhow::anyhow!("what was sent is not stored as it came"))
}

fn read_file(mut intake: Intake, pieces: &Pieces, format: Format, digest: [u8; 32]) -> Result<Intake> {
    let look = read::look_through(pieces.again()).map_err(Error::bug)?;
    if look.digest != digest {
        return Err(broken());
    }
    let read = read::read_from(|| Ok(pieces.again()), format, &look, &mut BatchSink::new(&mut intake));
    read.map_err(|refusal| refused(&refusal))?;
    intake.end_nothing_when_empty();
    Ok(intake)
}

fn read_table(mut intake: Intake, pieces: &Pieces, digest: [u8; 32]) -> Result<Intake> {
    if read::look_through(pieces.again()).map_err(Error::bug)?.digest != digest {
        return Err(broken());
    }
    let read = canonical::read(BufReader::new(pieces.again()), &mut BatchSink::new(&mut intake));
    read.map_err(|refusal| refused(&refusal))?;
    Ok(intake)
}

fn refused(refusal: &Refusal) -> Error {
    Error::failed_state(
        "REPLAY_REFUSED",
        format!("today the whole batch is refused, {}: {}", refusal.reason, refusal.en),
        format!("按现行规则整批被退回（{}）：{}", refusal.reason, refusal.zh),
    )
}

fn read_rows(mut intake: Intake, pieces: Pieces, digest: [u8; 32]) -> Result<Intake> {
    let (mut input, mut seen) = (BufReader::new(pieces), RowsDigest::default());
    while let Some(name) = part(&mut input)? {
        let value = part(&mut input)?.ok_or_else(broken)?;
        let row = Any { type_url: String::from_utf8(name).map_err(|_| broken())?, value };
        seen.row(&row);
        intake.take_typed(std::slice::from_ref(&row))?;
    }
    if seen.finish() == digest { Ok(intake) } else { Err(broken()) }
}

/// The next length and what it counts; `None` at the end.
fn part(input: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if input.read(&mut length[..1]).map_err(Error::bug)? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut length[1..]).map_err(Error::bug)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(Error::bug)?;
    if length > MAX_PART {
        return Err(broken());
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes).map_err(Error::bug)?;
    Ok(Some(bytes))
}
