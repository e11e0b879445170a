//! Answers, before they are sent.

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::engine::Refusal;
use crate::fault::Fault;
use crate::wire;
use fake_http::AnswerBody;

/// A whole answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=UTF-8", format!("{body:#}\n"))
    }

    pub(super) fn text(status: u16, text: &str) -> Self {
        Self::new(status, "application/text", text.to_owned())
    }

    pub(super) fn multipart(boundary: &str, text: String) -> Self {
        let kind = HeaderValue::from_str(&format!("multipart/mixed; boundary={boundary}"));
        let headers = kind.ok().map(|kind| (CONTENT_TYPE, kind));
        Self { status: 200, headers: headers.into_iter().collect(), text }
    }

    fn new(status: u16, kind: &'static str, text: String) -> Self {
        Self { status, headers: vec![(CONTENT_TYPE, HeaderValue::from_static(kind))], text }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With this body in the place of its own.
    pub(super) fn into_response(self, body: AnswerBody) -> Response<AnswerBody> {
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::json(refusal.status, &wire::error(refusal.status, refusal.reason, &refusal.message, None))
    }
}

/// The answer to a request without credentials, or with ones that are no longer good.
pub(super) fn unauthorized() -> Answer {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                   other valid authentication credential.";
    Answer::json(401, &wire::error(401, "authError", message, Some("UNAUTHENTICATED")))
}

/// The answer to a request that is not carried out, if that is what the fault says.
pub(super) fn refusal(fault: &Fault, path: &str, permission: Option<&str>) -> Option<Answer> {
    let resource = path.strip_prefix("/compute/v1/").unwrap_or(path);
    let answer = match fault {
        Fault::Unauthorized => unauthorized(),
        Fault::Forbidden => Refusal::forbidden(permission.unwrap_or("compute.nothing.get"), resource).into(),
        Fault::QuotaExceeded => Refusal::new(
            403,
            "quotaExceeded",
            "Quota 'INSTANCES' exceeded. Limit: 24.0 in region us-central1.",
        )
        .into(),
        Fault::NotFound => Refusal::not_found(resource).into(),
        Fault::Conflict => {
            let message = format!("The resource '{resource}' is not ready");
            Refusal::new(409, "resourceNotReady", message).into()
        }
        Fault::PreconditionFailed => {
            Refusal::new(412, "conditionNotMet", "Precondition Failed: the fingerprint does not match.")
                .into()
        }
        Fault::TooManyRequests { retry_after_seconds } => {
            let message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service \
                           'compute.googleapis.com'.";
            let body = wire::error(429, "rateLimitExceeded", message, Some("RESOURCE_EXHAUSTED"));
            Answer::json(429, &body).with_header(RETRY_AFTER, HeaderValue::from(*retry_after_seconds))
        }
        Fault::InternalError => {
            let message = "Internal error. Please try again or contact Google Support.";
            Refusal::new(500, "internalError", message).into()
        }
        Fault::Unavailable => {
            Refusal::new(503, "backendError", "The service is currently unavailable.").into()
        }
        Fault::BadGateway(_) => bad_gateway(),
        Fault::OperationFails(_)
        | Fault::MalformedJson
        | Fault::WrongTypes
        | Fault::HalfBody
        | Fault::Slow(_)
        | Fault::Reset(_)
        | Fault::Hang(_) => return None,
    };
    Some(answer)
}

/// What Google's front end says when what is behind it does not answer: a page.
pub(super) fn bad_gateway() -> Answer {
    let page = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n\
                <p><b>502.</b> <ins>That's an error.</ins>\n\
                <p>The server encountered a temporary error and could not complete your request.\n";
    Answer::new(502, "text/html; charset=UTF-8", page.to_owned())
}
