//! An answer on its way: it ends at the call's deadline even when its reader has stopped reading, it holds the call's
//! places and its span until then, and it is counted with the code it ended with.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures::task::AtomicWaker;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tracing::Span;

use super::guard::{Places, Record, expired, panicked};
use crate::{call, error::Error};

/// What an answer holds until its end.
pub(super) struct Held {
    pub record: Record,
    #[expect(dead_code, reason = "kept until the end of the answer for its drop alone")]
    pub places: Places,
    pub span: Span,
    pub deadline: Instant,
    /// Largest message in bytes.
    pub message: usize,
}

struct Answer {
    body: tonic::body::Body,
    held: Held,
    meter: Meter,
}

struct Shared {
    /// Empty once the answer has ended or its deadline has passed.
    answer: Mutex<Option<Answer>>,
    reader: AtomicWaker,
}

/// The body the connection writes out.
pub(crate) struct Watched {
    shared: Option<Arc<Shared>>,
    over: CancellationToken,
}

impl Watched {
    pub fn new(body: tonic::body::Body, held: Held) -> Watched {
        if body.is_end_stream() {
            return Watched::empty();
        }
        let deadline = held.deadline;
        let answer = Mutex::new(Some(Answer { body, held, meter: Meter::default() }));
        let shared = Arc::new(Shared { answer, reader: AtomicWaker::new() });
        let over = CancellationToken::new();
        // A reader that has closed its window polls no body, so the deadline needs a task of its own.
        #[expect(clippy::disallowed_methods, reason = "ends with its answer, at the deadline at the latest")]
        tokio::spawn(watch(shared.clone(), over.clone(), deadline));
        Watched { shared: Some(shared), over }
    }

    pub fn empty() -> Watched {
        Watched { shared: None, over: CancellationToken::new() }
    }

    fn end(&mut self) {
        self.shared = None;
        self.over.cancel();
    }
}

async fn watch(shared: Arc<Shared>, over: CancellationToken, deadline: Instant) {
    tokio::select! {
        () = over.cancelled() => {}
        () = tokio::time::sleep_until(deadline.into()) => {
            let answer = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut answer) = answer {
                answer.held.record.set(Code::DeadlineExceeded);
            }
            shared.reader.wake();
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        self.over.cancel();
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let own = self.get_mut();
        let Some(shared) = own.shared.clone() else { return Poll::Ready(None) };
        shared.reader.register(cx.waker());
        let mut slot = shared.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(answer) = slot.as_mut() else {
            own.end();
            return Poll::Ready(Some(Ok(trailers(&expired()))));
        };
        let end = match answer.poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Step::Data(frame)) => return Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Step::Trailers(frame)) => Some(frame),
            Poll::Ready(Step::End) => None,
        };
        slot.take();
        own.end();
        Poll::Ready(end.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.shared.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

enum Step {
    Data(Frame<Bytes>),
    Trailers(Frame<Bytes>),
    End,
}

impl Answer {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let Answer { body, held, meter } = self;
        let _entered = held.span.enter();
        let poll = AssertUnwindSafe(|| call::within_sync(held.deadline, || Pin::new(body).poll_frame(cx)));
        let polled = match std::panic::catch_unwind(poll) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(polled)) => polled,
            Err(_) => Some(Err(panicked())),
        };
        let failed = match polled {
            None => return Poll::Ready(Step::End),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if meter.fits(&data, held.message) => return Poll::Ready(Step::Data(Frame::data(data))),
                Ok(_) => too_large(),
                Err(frame) => {
                    let code = frame.trailers_ref().and_then(|t| t.get(Status::GRPC_STATUS));
                    held.record.set(code.map_or(Code::Unknown, |v| Code::from_bytes(v.as_bytes())));
                    return Poll::Ready(Step::Trailers(frame));
                }
            },
            Some(Err(status)) => status,
        };
        held.record.set(failed.code());
        Poll::Ready(Step::Trailers(trailers(&failed)))
    }
}

fn trailers(status: &Status) -> Frame<Bytes> {
    let mut map = HeaderMap::new();
    if status.add_header(&mut map).is_err() {
        map.insert(Status::GRPC_STATUS, http::HeaderValue::from(Code::Internal as i32));
    }
    Frame::trailers(map)
}

fn too_large() -> Status {
    Error::busy(
        "ANSWER_TOO_LARGE",
        "the answer is larger than a message may be; ask for a smaller page",
        "返回内容过大，请减小分页",
    )
    .into()
}

/// Follows the length prefixes of the messages in a body.
#[derive(Default)]
struct Meter {
    /// Bytes of the current message still to come.
    left: usize,
    prefix: [u8; 5],
    have: usize,
}

impl Meter {
    /// Whether every message that begins in `data` is within `limit`.
    fn fits(&mut self, mut data: &[u8], limit: usize) -> bool {
        while !data.is_empty() {
            if self.left > 0 {
                let step = self.left.min(data.len());
                self.left -= step;
                data = &data[step..];
                continue;
            }
            let step = (5 - self.have).min(data.len());
            self.prefix[self.have..self.have + step].copy_from_slice(&data[..step]);
            self.have += step;
            data = &data[step..];
            if self.have == 5 {
                self.have = 0;
                let [_, a, b, c, d] = self.prefix;
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                if self.left > limit {
                    return false;
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_over_the_limit_is_found_however_the_bytes_are_cut() {
        let mut bytes = vec![0, 0, 0, 0, 3, 1, 2, 3];
        bytes.extend([0, 0, 0, 0, 9, 1]);
        for cut in 1..bytes.len() {
            let mut meter = Meter::default();
            assert!(!(meter.fits(&bytes[..cut], 8) && meter.fits(&bytes[cut..], 8)), "{cut}");
            let mut meter = Meter::default();
            assert!(meter.fits(&bytes[..cut], 9) && meter.fits(&bytes[cut..], 9), "{cut}");
        }
    }
}
