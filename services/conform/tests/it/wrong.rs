//! Adapters that are wrong in one thing each: they stand before the real one and change what goes through. The kit must
//! find just that.

use std::{collections::BTreeSet, sync::Arc};

use minqing_conform::{report::Verdict, session::Target};
use minqing_kit::{Call, Parts, ServiceDef, client, client::Peer};
use minqing_proto::minqing::bureau::v1::{
    exchange_service_client::ExchangeServiceClient,
    exchange_service_server::{ExchangeService, ExchangeServiceServer},
    submit_batch_request::Part,
    *,
};
use minqing_test_kit::TestService;
use tokio::sync::Mutex;
use tokio_stream::StreamExt as _;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::mesh::Mesh;

static NO_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    NoReceipts,
    MiscountsRows,
    ErrorsForgotten,
    ValueInError,
    OnlyEnglish,
    EveryRequestNew,
    OlderReplaces,
    FutureTaken,
    CutTaken,
    OneStreamAtATime,
    UnknownDropped,
    PoisonRefusesAll,
    PartsUnbounded,
    SignsAnother,
    ReceiptChanged,
    NoWithdrawal,
    WithdrawnCounts,
}

struct Proxy {
    wrong: Wrong,
    peer: Peer,
    turn: Mutex<()>,
}

type Answer<T> = Result<Response<T>, Status>;

impl Proxy {
    fn real(&self) -> ExchangeServiceClient<Peer> {
        ExchangeServiceClient::new(self.peer.clone())
    }

    fn spoil(&self, header: &mut BatchHeader, rows: &mut Vec<prost_types::Any>) -> Result<(), Status> {
        match self.wrong {
            Wrong::EveryRequestNew if Uuid::try_parse(&header.request_id).is_ok() => {
                header.request_id =
                    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{:p}{rows:?}", rows.as_ptr()).as_bytes()).to_string();
            }
            Wrong::OlderReplaces if header.as_of.starts_with("20") => header.as_of = "2026-10-26".to_owned(),
            Wrong::FutureTaken if header.as_of.as_str() > "2026-10-26" && header.as_of.starts_with("20") => {
                header.as_of = "2026-10-26".to_owned();
            }
            Wrong::CutTaken if (0..=400_000).contains(&header.row_count) => header.row_count = rows.len() as i32,
            Wrong::UnknownDropped => rows.iter_mut().for_each(|row| {
                if row.value.ends_with(&[0xfa, 0xff, 0x07, 0x01, b'x']) {
                    row.value.truncate(row.value.len() - 5);
                }
            }),
            Wrong::PoisonRefusesAll if rows.iter().any(|r| r.value == [0xff; 40]) => {
                return Err(Status::invalid_argument("cannot decode"));
            }
            _ => (),
        }
        Ok(())
    }

    fn bend(&self, answer: &mut SubmitBatchResponse) {
        match self.wrong {
            Wrong::MiscountsRows => answer.batch.iter_mut().for_each(|b| b.accepted += 1),
            Wrong::ErrorsForgotten => drop(answer.errors.pop()),
            Wrong::ValueInError => answer.errors.iter_mut().for_each(|e| e.message += " 不在表内的代码"),
            Wrong::OnlyEnglish => answer.errors.iter_mut().for_each(|e| e.message_zh.clone_from(&e.message)),
            Wrong::SignsAnother => answer.receipt.iter_mut().for_each(|r| r.digest = "0".repeat(64)),
            Wrong::ReceiptChanged => answer.receipt.iter_mut().for_each(|r| r.signature[0] ^= 1),
            _ => (),
        }
    }
}

#[tonic::async_trait]
impl ExchangeService for Proxy {
    async fn list_datasets(&self, request: Request<ListDatasetsRequest>) -> Answer<ListDatasetsResponse> {
        self.real().list_datasets(request.into_inner()).await
    }

    async fn submit_batch(&self, request: Request<Streaming<SubmitBatchRequest>>) -> Answer<SubmitBatchResponse> {
        let mut stream = request.into_inner();
        let _turn = if self.wrong == Wrong::OneStreamAtATime { Some(self.turn.lock().await) } else { None };
        let (mut parts, mut header, mut rows) = (Vec::new(), None, Vec::new());
        while let Some(message) = stream.next().await {
            let message = message?;
            match message.part.clone() {
                Some(Part::Header(h)) if header.is_none() && parts.is_empty() => header = Some(h),
                Some(Part::Rows(r)) if header.is_some() => rows.extend(r.rows),
                _ => (),
            }
            parts.push(message);
            if self.wrong != Wrong::PartsUnbounded && rows.len() > 3_000 {
                break;
            }
        }
        let plain = parts.iter().filter(|p| matches!(p.part, Some(Part::Header(_)))).count() == 1;
        let too_large = parts.iter().any(|p| {
            matches!(&p.part, Some(Part::Rows(r)) if r.rows.len() > 2_000 || r.rows.iter().map(|r| r.value.len()).sum::<usize>() > 1 << 20)
        });
        let mut messages = parts;
        if let (true, Some(mut header)) = (plain, header)
            && (!too_large || self.wrong == Wrong::PartsUnbounded)
        {
            self.spoil(&mut header, &mut rows)?;
            messages = vec![SubmitBatchRequest { part: Some(Part::Header(header)) }];
            let part = |rows: &[prost_types::Any]| SubmitBatchRequest {
                part: Some(Part::Rows(BatchRows { rows: rows.to_vec() })),
            };
            messages.extend(rows.chunks(10).map(part));
        }
        let mut answer = self.real().submit_batch(tokio_stream::iter(messages)).await?;
        self.bend(answer.get_mut());
        Ok(answer)
    }

    async fn get_batch(&self, request: Request<GetBatchRequest>) -> Answer<GetBatchResponse> {
        let mut answer = self.real().get_batch(request.into_inner()).await?;
        if self.wrong == Wrong::WithdrawnCounts {
            answer.get_mut().set_state(BatchState::Unspecified);
        }
        Ok(answer)
    }

    async fn withdraw_batch(&self, request: Request<WithdrawBatchRequest>) -> Answer<WithdrawBatchResponse> {
        if self.wrong == Wrong::NoWithdrawal {
            return Err(Status::unimplemented("later"));
        }
        self.real().withdraw_batch(request.into_inner()).await
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Answer<GetReceiptResponse> {
        if self.wrong == Wrong::NoReceipts {
            return Err(Status::unimplemented("later"));
        }
        self.real().get_receipt(request.into_inner()).await
    }

    async fn list_row_errors(&self, request: Request<ListRowErrorsRequest>) -> Answer<ListRowErrorsResponse> {
        self.real().list_row_errors(request.into_inner()).await
    }

    async fn fetch_referrals(&self, request: Request<FetchReferralsRequest>) -> Answer<FetchReferralsResponse> {
        let call = Call::of(&request);
        self.real().fetch_referrals(client::request(&call, request.into_inner())).await
    }

    async fn acknowledge_referrals(
        &self,
        request: Request<AcknowledgeReferralsRequest>,
    ) -> Answer<AcknowledgeReferralsResponse> {
        self.real().acknowledge_referrals(request.into_inner()).await
    }

    async fn fetch_verifications(
        &self,
        request: Request<FetchVerificationsRequest>,
    ) -> Answer<FetchVerificationsResponse> {
        let call = Call::of(&request);
        self.real().fetch_verifications(client::request(&call, request.into_inner())).await
    }

    async fn acknowledge_verifications(
        &self,
        request: Request<AcknowledgeVerificationsRequest>,
    ) -> Answer<AcknowledgeVerificationsResponse> {
        self.real().acknowledge_verifications(request.into_inner()).await
    }

    async fn answer_verification(
        &self,
        request: Request<AnswerVerificationRequest>,
    ) -> Answer<AnswerVerificationResponse> {
        self.real().answer_verification(request.into_inner()).await
    }

    async fn report_feedback(&self, request: Request<ReportFeedbackRequest>) -> Answer<ReportFeedbackResponse> {
        self.real().report_feedback(request.into_inner()).await
    }

    async fn fetch_identity_list(
        &self,
        request: Request<FetchIdentityListRequest>,
    ) -> Answer<FetchIdentityListResponse> {
        let call = Call::of(&request);
        self.real().fetch_identity_list(client::request(&call, request.into_inner())).await
    }
}

/// Cases that fail against an adapter that is wrong in this.
async fn failed(mesh: &Mesh, wrong: Wrong) -> BTreeSet<&'static str> {
    let peer = mesh.adapter.as_caller(&format!("bureau/{}", mesh.bureau.name)).unwrap();
    let proxy = Arc::new(Proxy { wrong, peer, turn: Mutex::new(()) });
    let def = ServiceDef {
        name: mesh.bureau.service_name(),
        identity: mesh.bureau.identity(),
        schema: "proxy".to_owned(),
        migrations: &NO_MIGRATIONS,
        build: Box::new(move |_| {
            Box::pin(async move {
                let mut parts = Parts::default();
                parts.routes.add_service(ExchangeServiceServer::from_arc(proxy));
                Ok(parts)
            })
        }),
    };
    let stand_in = TestService::builder().beside(&mesh.adapter).start(def).await.unwrap();
    let target = Target {
        datasets: vec!["family_visit".to_owned()],
        run: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{wrong:?}").as_bytes()),
        ..mesh.target(&stand_in.url())
    };
    let report = minqing_conform::run(&target).await.unwrap();
    let failed: BTreeSet<_> = report.cases.iter().filter(|c| c.verdict == Verdict::Failed).map(|c| c.name).collect();
    for case in report.cases.iter().filter(|c| c.verdict == Verdict::Failed) {
        for fault in &case.faults {
            assert!(!fault.expected.en.is_empty() && !fault.expected.zh.is_empty(), "{}", report.table());
            assert!(!fault.mend.en.is_empty() && !fault.mend.zh.is_empty(), "{}", report.table());
        }
    }
    assert_eq!(report.is_good(), failed.is_empty());
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_adapter_fails_in_what_it_does_wrong() {
    let mesh = Mesh::start(minqing_bureaus::by_name("women").unwrap()).await;
    for (wrong, expected) in [
        (Wrong::NoReceipts, &["spec", "receipts"][..]),
        (Wrong::MiscountsRows, &["valid_batch", "bad_rows"]),
        (Wrong::ErrorsForgotten, &["bad_rows"]),
        (Wrong::ValueInError, &["bad_rows"]),
        (Wrong::OnlyEnglish, &["bad_rows"]),
        (Wrong::EveryRequestNew, &["duplicate"]),
        (Wrong::OlderReplaces, &["out_of_order"]),
        (Wrong::FutureTaken, &["clock_skew"]),
        (Wrong::CutTaken, &["resume"]),
        (Wrong::OneStreamAtATime, &["slow_consumer"]),
        (Wrong::UnknownDropped, &["schema_drift"]),
        (Wrong::PoisonRefusesAll, &["poison_record"]),
        (Wrong::PartsUnbounded, &["oversized"]),
        (Wrong::SignsAnother, &["receipts"]),
        (Wrong::ReceiptChanged, &["receipts"]),
        (Wrong::NoWithdrawal, &["withdraw"]),
        (Wrong::WithdrawnCounts, &["withdraw"]),
    ] {
        let found = failed(&mesh, wrong).await;
        let missed: Vec<_> = expected.iter().filter(|case| !found.contains(*case)).collect();
        assert!(missed.is_empty(), "{wrong:?}: {missed:?} did not fail, {found:?} did");
    }
    assert!(failed(&mesh, Wrong::Nothing).await.is_empty(), "the stand-in itself fails nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_lets_another_certificate_in_fails() {
    let mesh = Mesh::start(minqing_bureaus::by_name("women").unwrap()).await;
    let mut target = mesh.target(&mesh.adapter.url());
    // As if the adapter served everybody: the other certificate is one it serves.
    target.other = Some(target.identity.clone());
    let report = minqing_conform::run(&target).await.unwrap();
    let failed: Vec<_> = report.cases.iter().filter(|c| c.verdict == Verdict::Failed).map(|c| c.name).collect();
    assert_eq!(failed, ["wrong_certificate"], "{}", report.table());
    assert!(report.table().contains("不符合"));
}
