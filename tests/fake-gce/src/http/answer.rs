//! The answers of the fake.

use fake_http::{Answer, Refuse};
use hyper::header::RETRY_AFTER;
use serde_json::Value;

use super::call::Call;
use crate::engine::Refusal;
use crate::fault::{Fault, OwnFault};
use crate::wire;

/// Text as the metadata server writes it.
pub(super) fn plain(status: u16, text: &str) -> Answer {
    Answer::new(status, "application/text", text)
}

/// JSON as Google writes it.
pub(super) fn json(status: u16, body: &Value) -> Answer {
    Answer::new(status, "application/json; charset=UTF-8", format!("{body:#}\n"))
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        json(refusal.status, &wire::error(refusal.status, refusal.reason, &refusal.message, None))
    }
}

/// The answer to a request without credentials, or with ones that are no longer good.
pub(super) fn unauthorized() -> Answer {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                   other valid authentication credential.";
    json(401, &wire::error(401, "authError", message, Some("UNAUTHENTICATED")))
}

/// The refusals of Compute Engine.
pub(super) struct Refuses<'a>(pub(super) &'a Call);

impl Refuse<OwnFault> for Refuses<'_> {
    fn refuse(&self, fault: &Fault) -> Option<Answer> {
        refusal(fault, &self.0.path, self.0.permission.as_deref())
    }
}

fn refusal(fault: &Fault, path: &str, permission: Option<&str>) -> Option<Answer> {
    let resource = path.strip_prefix("/compute/v1/").unwrap_or(path);
    let answer = match fault {
        Fault::Unauthorized => unauthorized(),
        Fault::Forbidden => Refusal::forbidden(permission.unwrap_or("compute.nothing.get"), resource).into(),
        Fault::Own(OwnFault::QuotaExceeded) => Refusal::new(
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
        Fault::Own(OwnFault::PreconditionFailed) => {
            Refusal::new(412, "conditionNotMet", "Precondition Failed: the fingerprint does not match.")
                .into()
        }
        Fault::TooManyRequests { retry_after_seconds } => {
            let message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service \
                           'compute.googleapis.com'.";
            let body = wire::error(429, "rateLimitExceeded", message, Some("RESOURCE_EXHAUSTED"));
            json(429, &body).with_header(RETRY_AFTER, &retry_after_seconds.to_string())
        }
        Fault::InternalError => {
            let message = "Internal error. Please try again or contact Google Support.";
            Refusal::new(500, "internalError", message).into()
        }
        Fault::Unavailable => {
            Refusal::new(503, "backendError", "The service is currently unavailable.").into()
        }
        Fault::BadGateway(_) => bad_gateway(),
        Fault::Own(OwnFault::OperationFails(_))
        | Fault::MalformedJson
        | Fault::WrongTypes
        | Fault::Endless
        | Fault::HalfBody
        | Fault::Slow(_)
        | Fault::Reset(_)
        | Fault::Hang(_) => return None,
    };
    Some(answer)
}

/// The page of Google's front end if the service does not answer.
fn bad_gateway() -> Answer {
    let page = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n\
                <p><b>502.</b> <ins>That's an error.</ins>\n\
                <p>The server encountered a temporary error and could not complete your request.\n";
    Answer::new(502, "text/html; charset=UTF-8", page)
}
