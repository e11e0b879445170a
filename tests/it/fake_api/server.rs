//! The HTTP side of the fake: connections in, calls through the script and the store, answers (or trouble) out.
//!
//! ```text
//! bytes ─> Call ─> counted by the script ─> hooks before ─> the store ─> hooks after ─> answer
//!                           └─ fault: refused, reset or silent ┘  └─ fault: cut, reset or silent
//! ```

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use fake_http::{AnswerBody, Outcome, Script, cut, lock, whole};
use hyper::Response;
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::call::Call;
use super::fault::{Fault, Moment, Requests};
use super::status::Refusal;
use super::store::Store;
use super::target::Target;

/// The user name of all clients of the fake.
const USER: &str = "test";

/// The state that the test and the connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) script: Script<Requests, Call, Fault>,
    pub(super) calls: Vec<Call>,
    /// The minor version that it says it has; one that is too old for it does not say.
    pub(super) version: Option<&'static str>,
    /// The Date header, if it is not to be this machine's time.
    pub(super) date: Option<String>,
}

/// Accepts connections until the returned task is aborted; then they close too.
pub(super) fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) -> io::Result<JoinHandle<()>> {
    fake_http::serve(listener, move |head, body| {
        let call = Call {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.clone(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        };
        carry_out(&call, &shared)
    })
}

fn carry_out(call: &Call, shared: &Mutex<Shared>) -> Outcome {
    let trouble = {
        let mut shared = lock(shared);
        shared.calls.push(call.clone());
        shared.script.count(call)
    };
    let fault = trouble.fault;
    trouble.run_hooks(Moment::Before, call);
    match fault {
        Some(Fault::Reset(Moment::Before)) => return Outcome::Reset,
        Some(Fault::Hang(Moment::Before)) => return Outcome::Hang,
        _ => {}
    }
    let (mut answer, text) = {
        let mut shared = lock(shared);
        let (mut answer, text) = respond(call, fault, &mut shared);
        if let Some(date) = &shared.date {
            answer.headers_mut().insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        (answer, text)
    };
    trouble.run_hooks(Moment::After, call);
    match fault {
        Some(Fault::Reset(Moment::After)) => return Outcome::Reset,
        Some(Fault::Hang(Moment::After)) => return Outcome::Hang,
        Some(Fault::HalfBody) => {
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
            *answer.body_mut() = cut(half(&text));
        }
        Some(Fault::MalformedJson) => *answer.body_mut() = whole(half(&text)),
        _ => *answer.body_mut() = whole(text),
    }
    Outcome::Answer(answer)
}

/// The first half of a body.
fn half(body: &[u8]) -> &[u8] {
    &body[..body.len() / 2]
}

/// Whether an answer must be in protobuf: the client prefers it, and the real server has it for all kinds except custom
/// resources.
fn in_protobuf(call: &Call) -> bool {
    let accept = call.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').next() == Some(as_protobuf::MEDIA_TYPE)
}

/// The answer's head, and its body.
fn respond(call: &Call, fault: Option<Fault>, shared: &mut Shared) -> (Response<AnswerBody>, Vec<u8>) {
    if let Some(Fault::TooManyRequests { retry_after_seconds }) = fault {
        let text = "Too many requests, please try again later.\n";
        let answer = Response::builder()
            .status(429)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .header(RETRY_AFTER, retry_after_seconds);
        return (answer.body(whole("")).unwrap(), text.as_bytes().to_vec());
    }
    if let Some(Fault::Instead(text)) = fault {
        let kind = if text.starts_with('<') { "text/html" } else { "application/json" };
        let answer = Response::builder().status(200).header(CONTENT_TYPE, kind);
        return (answer.body(whole("")).unwrap(), text.as_bytes().to_vec());
    }
    let (status, body) = match decide(call, fault, shared) {
        Ok((status, body)) => (status, body),
        Err(refusal) => (refusal.code, refusal.body),
    };
    let (kind, written) = if in_protobuf(call) {
        (as_protobuf::MEDIA_TYPE, as_protobuf::message(&body))
    } else {
        ("application/json", format!("{body}\n").into_bytes())
    };
    let answer = Response::builder().status(status).header(CONTENT_TYPE, kind);
    (answer.body(whole("")).unwrap(), written)
}

fn decide(call: &Call, fault: Option<Fault>, shared: &mut Shared) -> Result<(u16, Value), Refusal> {
    if let (None, "/version", Some(minor)) = (fault, call.path.as_str(), shared.version) {
        return Ok((200, json!({"major": "1", "minor": minor})));
    }
    let target = Target::parse(&call.path).ok_or_else(Refusal::no_such_path)?;
    let name = || target.name.clone().unwrap_or_default();
    match fault {
        Some(Fault::InternalError) => Err(Refusal::internal_error()),
        Some(Fault::Unavailable) => Err(Refusal::unavailable()),
        Some(Fault::Conflict) => Err(Refusal::conflict(target.resource, &name())),
        Some(Fault::NotFound) => Err(Refusal::not_found(target.resource, &name())),
        Some(Fault::BudgetRefuses) => Err(Refusal::disruption_budget(&name())),
        Some(Fault::Forbidden) => Err(Refusal::forbidden(USER, &call.method, &target)),
        Some(Fault::ExpiredToken) => Err(shared.store.pages.refuse_as_expired(&target, String::new())),
        Some(
            Fault::TooManyRequests { .. }
            | Fault::Instead(_)
            | Fault::MalformedJson
            | Fault::HalfBody
            | Fault::Reset(_)
            | Fault::Hang(_),
        )
        | None => shared.store.answer(&target, call),
    }
}
