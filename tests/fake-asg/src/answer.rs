//! The answers of the fake.

use fake_http::{Answer, Refuse};
use hyper::header::RETRY_AFTER;

use crate::fault::{Fault, Own};
use crate::xml::{leaf, nest};

const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
const REQUEST: &str = "7c6e177f-f082-11e1-ac58-3714bEXAMPLE";

/// An answer that is no success: status, code, message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str, pub(crate) String);

impl Refusal {
    pub(crate) fn validation(words: impl Into<String>) -> Self {
        Self(400, "ValidationError", words.into())
    }
}

fn xml(status: u16, text: &str) -> Answer {
    Answer::new(status, "text/xml", text)
}

/// The answer of an action.
pub(crate) fn result(action: &str, inner: Option<&[String]>) -> Answer {
    let inner = inner.map(|inner| nest(&format!("{action}Result"), inner)).unwrap_or_default();
    let meta = nest("ResponseMetadata", &[leaf("RequestId", REQUEST)]);
    xml(200, &format!("<{action}Response xmlns=\"{NAMESPACE}\">{inner}{meta}</{action}Response>"))
}

/// The answer of an action of EC2, which has another form.
pub(crate) fn ec2_result(action: &str, inner: &[String]) -> Answer {
    let id = leaf("requestId", REQUEST);
    xml(200, &format!("<{action}Response xmlns=\"{EC2}\">{id}{}</{action}Response>", inner.concat()))
}

/// A refusal by EC2.
pub(crate) fn ec2_refusal(Refusal(status, code, words): Refusal) -> Answer {
    let error = nest("Error", &[leaf("Code", code), leaf("Message", words)]);
    let id = leaf("RequestID", REQUEST);
    xml(
        status,
        &format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors>{error}</Errors>{id}</Response>"
        ),
    )
}

impl From<Refusal> for Answer {
    fn from(Refusal(status, code, words): Refusal) -> Self {
        let kind = leaf("Type", if status < 500 { "Sender" } else { "Receiver" });
        let error = nest("Error", &[kind, leaf("Code", code), leaf("Message", words)]);
        let id = leaf("RequestId", REQUEST);
        xml(status, &format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}{id}</ErrorResponse>"))
    }
}

/// The refusals of Auto Scaling.
pub(crate) struct Refuses;

impl Refuse<Own> for Refuses {
    fn refuse(&self, fault: &Fault) -> Option<Answer> {
        let told = |status, code, words: &str| Some(Refusal(status, code, words.to_owned()).into());
        match fault {
            Fault::Unauthorized => {
                told(403, "ExpiredToken", "The security token included in the request is expired")
            }
            Fault::Forbidden => told(403, "AccessDenied", "User is not authorized to perform this action"),
            Fault::NotFound => told(400, "ValidationError", "AutoScalingGroup name not found - null"),
            Fault::Conflict | Fault::Own(Own::ScalingActivityInProgress) => told(
                400,
                "ScalingActivityInProgress",
                "Scaling activity is in progress and blocks this action",
            ),
            Fault::TooManyRequests { retry_after_seconds } => {
                let answer: Answer = Refusal(400, "Throttling", "Rate exceeded".to_owned()).into();
                Some(answer.with_header(RETRY_AFTER, &retry_after_seconds.to_string()))
            }
            Fault::Own(Own::Throttling) => told(400, "Throttling", "Rate exceeded"),
            Fault::Own(Own::ResourceContention) => told(
                500,
                "ResourceContention",
                "You already have a pending update to an Auto Scaling resource",
            ),
            Fault::InternalError => told(500, "InternalFailure", "We encountered an internal error."),
            Fault::Unavailable => told(503, "ServiceUnavailable", "Service is unable to handle request."),
            Fault::BadGateway(_) => Some(bad_gateway()),
            Fault::MalformedJson
            | Fault::WrongTypes
            | Fault::Endless
            | Fault::HalfBody
            | Fault::Slow(_)
            | Fault::Reset(_)
            | Fault::Hang(_) => None,
        }
    }
}

/// The page of a load balancer whose server does not answer.
fn bad_gateway() -> Answer {
    let page =
        "<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid response.\n</body></html>\n";
    Answer::new(502, "text/html", page)
}
