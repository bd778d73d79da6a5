//! A peer's answer, ended at the call's deadline and counted with the code it ended with.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::{Code, Status};

use crate::metrics::Metrics;

/// Counts a call once; one that is dropped before its end was given up by its caller.
pub(super) struct Record {
    pub metrics: Metrics,
    pub method: String,
    pub code: Code,
}

impl Drop for Record {
    fn drop(&mut self) {
        self.metrics.call_done(&self.method, self.code);
    }
}

/// The body of an answer.
pub struct PeerBody {
    body: tonic::body::Body,
    deadline: Pin<Box<Sleep>>,
    record: Record,
    over: bool,
}

impl PeerBody {
    pub(super) fn new(body: tonic::body::Body, deadline: Instant, record: Record) -> PeerBody {
        PeerBody { body, deadline: Box::pin(tokio::time::sleep_until(deadline.into())), record, over: false }
    }
}

impl Body for PeerBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let own = self.get_mut();
        if own.over {
            return Poll::Ready(None);
        }
        let polled = match Pin::new(&mut own.body).poll_frame(cx) {
            Poll::Ready(polled) => polled,
            Poll::Pending if own.deadline.as_mut().poll(cx).is_ready() => Some(Err(super::send::expired())),
            Poll::Pending => return Poll::Pending,
        };
        let polled = polled.map(|frame| frame.map_err(super::send::normal));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(status) = frame.trailers_ref().and_then(|t| t.get(Status::GRPC_STATUS)) {
                    own.record.code = Code::from_bytes(status.as_bytes());
                }
            }
            Some(Err(status)) => {
                own.record.code = status.code();
                own.over = true;
            }
            None => own.over = true,
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
