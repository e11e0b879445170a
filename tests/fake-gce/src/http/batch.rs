//! Several requests in one, as gcloud sends them: a multipart body with an HTTP request in each part.

use fake_http::Answer;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};

/// Their path.
pub(super) const PATH: &str = "/batch/compute/v1";

/// Between the parts of an answer.
const BOUNDARY: &str = "batch_of_answers";

/// One of them.
#[derive(Debug)]
pub(super) struct Part {
    /// By which the client knows the answer to it.
    id: String,
    pub(super) head: Parts,
    pub(super) body: String,
}

/// The parts of a body. They inherit the headers of the whole, above all the credentials.
pub(super) fn parts(headers: &HeaderMap, body: &str) -> Vec<Part> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Some((_, boundary)) = kind.split_once("boundary=") else { return Vec::new() };
    let separator = format!("--{}", boundary.trim_matches('"'));
    let body = body.replace("\r\n", "\n");
    body.split(&separator).filter_map(|part| parse(part, headers)).collect()
}

fn parse(part: &str, headers: &HeaderMap) -> Option<Part> {
    let (part_headers, request) = part.trim_start().split_once("\n\n")?;
    let id = part_headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-id").then(|| value.trim().to_owned())
    })?;
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let mut first = head.lines().next()?.split(' ');
    let method = Method::from_bytes(first.next()?.as_bytes()).ok()?;
    let (mut head, ()) = Request::builder().method(method).uri(first.next()?).body(()).ok()?.into_parts();
    head.headers = headers.clone();
    Some(Part { id, head, body: body.to_owned() })
}

/// The answers to the parts, in their order.
pub(super) fn join(answers: &[(Part, Answer)]) -> Answer {
    let parts = answers.iter().map(|(part, answer)| {
        let id = part.id.trim_start_matches('<');
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        format!(
            "--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <response-{id}\r\n\r\n\
             HTTP/1.1 {status}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{}\r\n",
            answer.text,
        )
    });
    let kind = format!("multipart/mixed; boundary={BOUNDARY}");
    let text: String = parts.chain([format!("--{BOUNDARY}--\r\n")]).collect();
    Answer::new(200, &kind, text)
}
