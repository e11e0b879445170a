//! The transport of the official client: every answer is bounded, and no redirect is followed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use kube_rebalancer_ports::{Bounded, LONGEST_FAILURE};

use kube_rebalancer_ports::words;

/// Maximum number of bytes of an answer. A page of a hundred groups of a thousand instances would have forty million, and
/// is cut by the service long before.
const LONGEST: usize = 16 << 20;
/// Maximum number of list members in an answer: a short text of many of them is large once it is decoded.
const MOST_MEMBERS: usize = 100_000;
/// The beginnings of a list's element, of Auto Scaling and of EC2.
const MEMBERS: [&[u8]; 2] = [b"<member", b"<item>"];

/// An HTTP client for all requests of the official client, including credentials.
#[derive(Clone, Debug)]
pub(super) struct Transport(reqwest::Client);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    /// Whether the request may have been carried out anyway.
    pub(super) in_doubt: bool,
    /// The failure.
    pub(super) words: String,
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

impl Error for Silence {}

impl Transport {
    pub(super) fn new(connect: Duration) -> Result<Self, Silence> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(connect)
            .build();
        client.map(Self).map_err(|error| Silence { in_doubt: false, words: words::root_cause(&error) })
    }

    /// Sends a request and reads its whole answer.
    pub(super) async fn ask(self, request: HttpRequest) -> Result<HttpResponse, Silence> {
        let not_sent = |error: &dyn Error| Silence { in_doubt: false, words: words::root_cause(error) };
        let request = request.try_into_http1x().map_err(|error| not_sent(&error))?;
        let (head, body) = request.into_parts();
        let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
        let asked = self.0.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
        let silence = |error: reqwest::Error| Silence {
            in_doubt: !error.is_connect() && !error.is_builder(),
            words: words::root_cause(&error),
        };
        let mut response = asked.send().await.map_err(silence)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Bounded::new(if status.is_success() { LONGEST } else { LONGEST_FAILURE });
        while let Some(bytes) = response.chunk().await.map_err(silence)? {
            if !body.push(&bytes) {
                break;
            }
        }
        if body.is_cut() && status.is_success() {
            return Err(Silence {
                in_doubt: true,
                words: format!("the answer is longer than {LONGEST} bytes"),
            });
        }
        let bytes = body.into_bytes();
        if members(&bytes) > MOST_MEMBERS {
            let words = format!("the answer has more than {MOST_MEMBERS} members of lists");
            return Err(Silence { in_doubt: true, words });
        }
        if status.is_success() && !is_whole(&bytes) {
            return Err(Silence { in_doubt: true, words: "the answer breaks off".to_owned() });
        }
        let mut answer = http::Response::new(SdkBody::from(bytes));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        HttpResponse::try_from(answer)
            .map_err(|error| Silence { in_doubt: true, words: words::root_cause(&error) })
    }
}

fn members(body: &[u8]) -> usize {
    let count = |mark: &[u8]| body.windows(mark.len()).filter(|window| *window == mark).count();
    MEMBERS.into_iter().map(count).sum()
}

/// Whether XML ends with the end of its first element. The official client accepts half an answer as a whole one: as a group
/// with fewer instances, and without suspended processes. Other formats are not checked here.
fn is_whole(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return true };
    let text = text.trim();
    let rest = match text.strip_prefix("<?") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest.trim_start()),
        None => text,
    };
    let Some(rest) = rest.strip_prefix('<') else { return !text.starts_with('<') };
    let name = rest.split(|letter: char| letter.is_whitespace() || matches!(letter, '>' | '/')).next();
    name.is_some_and(|name| !name.is_empty() && text.ends_with(&format!("</{name}>")))
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = self.clone();
        HttpConnectorFuture::new(async move {
            transport.ask(request).await.map_err(|silence| ConnectorError::io(silence.into()))
        })
    }
}

impl HttpClient for Transport {
    /// The caller bounds every try, so the settings are not used.
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_is_found_out() {
        for (text, whole) in [
            ("<A xmlns=\"u\"><B>1</B></A>", true),
            ("<?xml version=\"1.0\"?>\n<A><B/></A>\n", true),
            ("<A></A>", true),
            ("{\"AccessKeyId\":\"a\"}", true),
            ("", true),
            ("<A xmlns=\"u\"><B>1</B></", false),
            ("<A><B>1</B>", false),
            ("<A", false),
            ("<", false),
            ("<?xml version", false),
            ("<?xml version=\"1.0\"?>", false),
        ] {
            assert_eq!(is_whole(text.as_bytes()), whole, "{text}");
        }
        assert_eq!(members(b"<member><a/></member><member/><members>"), 3);
        assert_eq!(members(b"<itemSet><item><a/></item><item/></itemSet>"), 1);
    }
}
