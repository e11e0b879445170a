//! Bodies of answers: whole ones, one that breaks off, and one without end.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame};

/// The body of an answer.
pub type AnswerBody = BoxBody<Bytes, io::Error>;

/// The text, whole.
#[must_use]
pub fn whole(text: impl AsRef<[u8]>) -> AnswerBody {
    Full::new(Bytes::copy_from_slice(text.as_ref())).map_err(|never: Infallible| match never {}).boxed()
}

/// Sends this text, and then fails, on which the connection closes.
#[must_use]
pub fn cut(text: impl AsRef<[u8]>) -> AnswerBody {
    BoxBody::new(Cut(Step::Text(Bytes::copy_from_slice(text.as_ref()))))
}

/// Sends this text, and then blanks for ever.
#[must_use]
pub fn endless(text: &str) -> AnswerBody {
    BoxBody::new(Endless(Bytes::copy_from_slice(text.as_bytes())))
}

#[derive(Debug)]
struct Endless(Bytes);

impl Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let blanks = Bytes::from_static(&[b' '; 1 << 12]);
        Poll::Ready(Some(Ok(Frame::data(std::mem::replace(&mut self.0, blanks)))))
    }
}

#[derive(Debug)]
struct Cut(Step);

#[derive(Debug)]
enum Step {
    Text(Bytes),
    Flush,
    Fail,
}

impl Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match std::mem::replace(&mut self.0, Step::Fail) {
            Step::Text(bytes) => {
                self.0 = Step::Flush;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            // Not ready once: hyper only flushes when the body is not ready.
            Step::Flush => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Fail => Poll::Ready(Some(Err(io::Error::other("half a body, as the test asked")))),
        }
    }
}

/// The first half of a text.
#[must_use]
pub fn first_half(text: &str) -> &str {
    text.get(..text.floor_char_boundary(text.len() / 2)).unwrap_or_default()
}
