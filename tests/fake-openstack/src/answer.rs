//! Answers, before they are sent.

use fake_http::AnswerBody;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::keystone::Denied;
use crate::nova::Refusal;

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A status and nothing else.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, "application/json", String::new())
    }

    fn new(status: u16, kind: &'static str, text: String) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, HeaderValue::from_static(kind))], text }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// With this body in the place of its own.
    pub(crate) fn into_response(self, body: AnswerBody) -> Response<AnswerBody> {
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<Refusal> for Answer {
    fn from(Refusal(status, name, words): Refusal) -> Self {
        Self::json(status, &json!({name: {"code": status, "message": words}}))
    }
}

impl From<Denied> for Answer {
    fn from(Denied(status, title, words): Denied) -> Self {
        Self::json(status, &json!({"error": {"code": status, "message": words, "title": title}}))
    }
}

/// The answer to a request that is not carried out, if that is what the fault says.
pub(crate) fn refusal(fault: &Fault) -> Option<Answer> {
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
            answer.with_header("retry-after", &retry_after_seconds.to_string())
        }
        Fault::InternalError => Refusal(500, "computeFault", "Unexpected API Error.".to_owned()).into(),
        Fault::Unavailable => Refusal(503, "serviceUnavailable", "Try later.".to_owned()).into(),
        Fault::BadGateway(_) => bad_gateway(),
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

/// What a load balancer says when what is behind it does not answer: a page.
pub(crate) fn bad_gateway() -> Answer {
    let page =
        "<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid response.\n</body></html>\n";
    Answer::new(502, "text/html", page.to_owned())
}
