//! What can go wrong with a request to a cloud, and how its answer then reaches the client.

use std::ops::ControlFlow;
use std::time::Duration;

use hyper::header::{CONTENT_LENGTH, HeaderValue};

use crate::{Answer, Moment, Outcome, cut, endless, first_half, waiting, whole, wrong_types};

/// A fault. `Own` are the faults that only one service has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault<Own> {
    /// 401, as for a token that has expired; not carried out.
    Unauthorized,
    /// 403 for want of a permission; not carried out.
    Forbidden,
    /// 404; not carried out.
    NotFound,
    /// 409; not carried out.
    Conflict,
    /// 429 with this Retry-After; not carried out.
    TooManyRequests {
        /// The time for which the client must wait.
        retry_after_seconds: u32,
    },
    /// 500; not carried out.
    InternalError,
    /// 502 with a page for people, by something in front of the service: it had not yet passed the request on, or it lost
    /// the answer.
    BadGateway(Moment),
    /// 503; not carried out.
    Unavailable,
    /// A fault of this service alone.
    Own(Own),
    /// A good status, and a body that breaks off in the middle though the connection does not; carried out.
    MalformedJson,
    /// A good status, and JSON whose members are of other types than they should be; carried out.
    WrongTypes,
    /// A good status, and a body without end; carried out.
    Endless,
    /// The connection closes in the middle of the body; carried out.
    HalfBody,
    /// Carried out at once, answered so much later.
    Slow(Duration),
    /// The connection is reset, without any answer.
    Reset(Moment),
    /// There is never an answer.
    Hang(Moment),
}

impl<Own> Fault<Own> {
    /// The faults of a request to any service, except slow answers.
    #[must_use]
    pub fn of_any_service(retry_after_seconds: u32) -> Vec<Self> {
        vec![
            Self::Unauthorized,
            Self::Forbidden,
            Self::NotFound,
            Self::Conflict,
            Self::TooManyRequests { retry_after_seconds },
            Self::InternalError,
            Self::BadGateway(Moment::Before),
            Self::BadGateway(Moment::After),
            Self::Unavailable,
            Self::MalformedJson,
            Self::WrongTypes,
            Self::HalfBody,
            Self::Reset(Moment::Before),
            Self::Reset(Moment::After),
            Self::Hang(Moment::Before),
            Self::Hang(Moment::After),
        ]
    }
}

/// The refusals of one service.
pub trait Refuse<Own> {
    /// The answer to a request that is not carried out, if that is what the fault means.
    fn refuse(&self, fault: &Fault<Own>) -> Option<Answer>;
}

/// The effect of a fault before a request is carried out: the end of the connection, a refusal, or nothing.
pub(crate) fn before<Own>(
    fault: Option<&Fault<Own>>,
    service: &impl Refuse<Own>,
) -> ControlFlow<Outcome, Option<Answer>> {
    ControlFlow::Continue(match fault {
        Some(Fault::Reset(Moment::Before)) => return ControlFlow::Break(Outcome::Reset),
        Some(Fault::Hang(Moment::Before)) => return ControlFlow::Break(Outcome::Hang),
        Some(Fault::BadGateway(Moment::After)) | None => None,
        Some(fault) => service.refuse(fault),
    })
}

/// The answer as the client gets it, if it gets one.
pub(crate) fn deliver<Own>(
    answer: Answer,
    fault: Option<&Fault<Own>>,
    service: &impl Refuse<Own>,
) -> Outcome {
    let text = answer.text.clone();
    Outcome::Answer(match fault {
        Some(Fault::Reset(_)) => return Outcome::Reset,
        Some(Fault::Hang(_)) => return Outcome::Hang,
        Some(Fault::HalfBody) => {
            // A body that was to be empty is announced as longer than it is.
            let length = text.len().max(1);
            let mut response = answer.into_response(cut(first_half(&text)));
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            response
        }
        Some(Fault::MalformedJson) => answer.into_response(whole(first_half(&text))),
        Some(Fault::WrongTypes) => answer.into_response(whole(wrong_types(&text))),
        Some(Fault::Endless) => answer.into_response(endless(&text)),
        Some(lost @ Fault::BadGateway(Moment::After)) => service.refuse(lost).unwrap_or(answer).whole(),
        Some(Fault::Slow(delay)) => {
            waiting::take(*delay);
            answer.whole()
        }
        _ => answer.whole(),
    })
}
