//! The answers of the fake.

use std::convert::Infallible;

use fake_http::{Answer, Refuse};
use hyper::header::RETRY_AFTER;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::keystone::Denied;
use crate::nova::Refusal;

/// JSON.
pub(crate) fn json(status: u16, body: &Value) -> Answer {
    Answer::new(status, "application/json", body.to_string())
}

/// A status and nothing else.
pub(crate) fn empty(status: u16) -> Answer {
    Answer::new(status, "application/json", "")
}

impl From<Refusal> for Answer {
    fn from(Refusal(status, name, words): Refusal) -> Self {
        json(status, &json!({name: {"code": status, "message": words}}))
    }
}

impl From<Denied> for Answer {
    fn from(Denied(status, title, words): Denied) -> Self {
        json(status, &json!({"error": {"code": status, "message": words, "title": title}}))
    }
}

/// The refusals of Keystone and Nova.
pub(crate) struct Refuses;

impl Refuse<Infallible> for Refuses {
    fn refuse(&self, fault: &Fault) -> Option<Answer> {
        refusal(fault)
    }
}

fn refusal(fault: &Fault) -> Option<Answer> {
    let answer = match fault {
        Fault::Unauthorized => Denied::unauthorized().into(),
        Fault::Forbidden => {
            let words = "Policy doesn't allow os_compute_api:os-shelve:shelve to be performed.";
            Refusal(403, "forbidden", words.to_owned()).into()
        }
        Fault::NotFound => Refusal(404, "itemNotFound", "The resource could not be found.".to_owned()).into(),
        Fault::Conflict => {
            let words = "Cannot 'shelve' instance while it is in task_state rebooting";
            Refusal(409, "conflictingRequest", words.to_owned()).into()
        }
        Fault::TooManyRequests { retry_after_seconds } => {
            let words = "This request was rate-limited.".to_owned();
            let answer: Answer = Refusal(429, "overLimit", words).into();
            answer.with_header(RETRY_AFTER, &retry_after_seconds.to_string())
        }
        Fault::InternalError => Refusal(500, "computeFault", "Unexpected API Error.".to_owned()).into(),
        Fault::Unavailable => Refusal(503, "serviceUnavailable", "Try later.".to_owned()).into(),
        Fault::BadGateway(_) => bad_gateway(),
        Fault::Own(never) => match *never {},
        Fault::MalformedJson
        | Fault::WrongTypes
        | Fault::Endless
        | Fault::HalfBody
        | Fault::Slow(_)
        | Fault::Reset(_)
        | Fault::Hang(_) => return None,
    };
    Some(answer)
}

/// The page of a load balancer whose server does not answer.
fn bad_gateway() -> Answer {
    let page =
        "<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid response.\n</body></html>\n";
    Answer::new(502, "text/html", page)
}
