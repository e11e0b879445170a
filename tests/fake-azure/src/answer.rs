//! The answers of the fake.

use std::convert::Infallible;

use fake_http::{Answer, Refuse};
use hyper::header::RETRY_AFTER;
use serde_json::{Value, json};

use crate::fault::Fault;

/// An answer that is no success: the HTTP status, Azure's code, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str, pub(crate) String);

/// JSON.
pub(crate) fn json(status: u16, body: &Value) -> Answer {
    Answer::new(status, "application/json; charset=utf-8", body.to_string())
}

impl From<Refusal> for Answer {
    fn from(Refusal(status, code, words): Refusal) -> Self {
        json(status, &json!({"error": {"code": code, "message": words}}))
    }
}

/// The refusals of Azure.
pub(crate) struct Refuses;

impl Refuse<Infallible> for Refuses {
    fn refuse(&self, fault: &Fault) -> Option<Answer> {
        let text = str::to_owned;
        let refusal = match fault {
            Fault::Unauthorized => {
                Refusal(401, "ExpiredAuthenticationToken", text("The access token expiry has passed."))
            }
            Fault::Forbidden => {
                Refusal(403, "AuthorizationFailed", text("The client does not have authorization."))
            }
            Fault::NotFound => Refusal(404, "ResourceNotFound", text("The Resource was not found.")),
            Fault::Conflict => Refusal(409, "OperationNotAllowed", text("Another operation is in progress.")),
            Fault::TooManyRequests { retry_after_seconds } => {
                let answer: Answer = Refusal(429, "TooManyRequests", text("Rate limit exceeded.")).into();
                return Some(answer.with_header(RETRY_AFTER, &retry_after_seconds.to_string()));
            }
            Fault::InternalError => {
                Refusal(500, "InternalServerError", text("Encountered internal server error."))
            }
            Fault::Unavailable => Refusal(503, "ServerBusy", text("The server is busy.")),
            Fault::BadGateway(_) => {
                let page = "<html><body><h1>502 Bad Gateway</h1></body></html>\n";
                return Some(Answer::new(502, "text/html", page));
            }
            Fault::Own(never) => match *never {},
            Fault::MalformedJson
            | Fault::WrongTypes
            | Fault::Endless
            | Fault::HalfBody
            | Fault::Slow(_)
            | Fault::Reset(_)
            | Fault::Hang(_) => return None,
        };
        Some(refusal.into())
    }
}
