//! The HTTP side of the fake: connections in, calls through the script and the store, answers (or trouble) out.
//!
//! ```text
//! bytes ─> Call ─> counted by the script ─> hooks before ─> the store ─> hooks after ─> answer
//!                           └─ fault: refused, reset or silent ┘  └─ fault: cut, reset or silent
//! ```

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use socket2::SockRef;
use tokio::task::{JoinHandle, JoinSet};

use super::body::{AnswerBody, cut, whole};
use super::call::Call;
use super::fault::{Effect, Fault, Moment, Script};
use super::status::Refusal;
use super::store::Store;
use super::target::Target;
use crate::background;

/// As whom the fake knows everybody.
const USER: &str = "test";

/// What the test and the connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) script: Script,
    pub(super) calls: Vec<Call>,
    /// The Date header, if it is not to be this machine's time.
    pub(super) date: Option<String>,
}

/// Accepts connections until the returned task is aborted; then they close too.
pub(super) fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) -> JoinHandle<()> {
    background::runtime().spawn(async move {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream.into_std().unwrap(), Arc::clone(&shared)));
        }
    })
}

async fn connection(stream: std::net::TcpStream, shared: Arc<Mutex<Shared>>) {
    let handle = stream.try_clone().unwrap();
    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
    let service = service_fn(|request| exchange(request, Arc::clone(&shared), &handle));
    // An error here is the trouble that the test asked for, or the client's end.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// What comes of a call.
enum Outcome {
    Answer(Response<AnswerBody>),
    Reset,
    Hang,
}

async fn exchange(
    request: Request<Incoming>,
    shared: Arc<Mutex<Shared>>,
    handle: &std::net::TcpStream,
) -> io::Result<Response<AnswerBody>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let call = Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    // In a task of its own: that the client is gone (a hook may have killed it) must not stop it halfway. A real
    // server goes on too. Blocking, as hooks may block.
    let outcome = background::runtime().spawn_blocking(move || carry_out(&call, &shared)).await;
    match outcome.map_err(io::Error::other)? {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Hang => std::future::pending().await,
        Outcome::Reset => {
            // A socket that closes without lingering sends RST, not FIN.
            SockRef::from(handle).set_linger(Some(Duration::ZERO))?;
            Err(io::Error::other("reset, as the test asked"))
        }
    }
}

fn carry_out(call: &Call, shared: &Mutex<Shared>) -> Outcome {
    let effects = {
        let mut shared = shared.lock().unwrap();
        shared.calls.push(call.clone());
        shared.script.count(call)
    };
    let fault = effects.iter().find_map(|effect| match effect {
        Effect::Fault(fault) => Some(*fault),
        Effect::Hook(..) => None,
    });
    run_hooks(&effects, Moment::Before, call);
    match fault {
        Some(Fault::Reset(Moment::Before)) => return Outcome::Reset,
        Some(Fault::Hang(Moment::Before)) => return Outcome::Hang,
        _ => {}
    }
    let (mut answer, text) = {
        let mut shared = shared.lock().unwrap();
        let (mut answer, text) = respond(call, fault, &mut shared);
        if let Some(date) = &shared.date {
            answer.headers_mut().insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        (answer, text)
    };
    run_hooks(&effects, Moment::After, call);
    match fault {
        Some(Fault::Reset(Moment::After)) => return Outcome::Reset,
        Some(Fault::Hang(Moment::After)) => return Outcome::Hang,
        Some(Fault::HalfBody) => {
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
            *answer.body_mut() = cut(first_half(&text));
        }
        Some(Fault::MalformedJson) => *answer.body_mut() = whole(first_half(&text)),
        _ => *answer.body_mut() = whole(&text),
    }
    Outcome::Answer(answer)
}

fn run_hooks(effects: &[Effect], at: Moment, call: &Call) {
    for effect in effects {
        if let Effect::Hook(moment, hook) = effect
            && *moment == at
        {
            hook.lock().unwrap()(call);
        }
    }
}

/// The answer's head, and the text of its body.
fn respond(call: &Call, fault: Option<Fault>, shared: &mut Shared) -> (Response<AnswerBody>, String) {
    if let Some(Fault::TooManyRequests { retry_after_seconds }) = fault {
        let text = "Too many requests, please try again later.\n";
        let answer = Response::builder()
            .status(429)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .header(RETRY_AFTER, retry_after_seconds);
        return (answer.body(whole("")).unwrap(), text.to_owned());
    }
    if let Some(Fault::Instead(text)) = fault {
        let kind = if text.starts_with('<') { "text/html" } else { "application/json" };
        let answer = Response::builder().status(200).header(CONTENT_TYPE, kind);
        return (answer.body(whole("")).unwrap(), text.to_owned());
    }
    let (status, body) = match decide(call, fault, shared) {
        Ok((status, body)) => (status, body),
        Err(refusal) => (refusal.code, refusal.body),
    };
    let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    (answer.body(whole("")).unwrap(), format!("{body}\n"))
}

fn decide(call: &Call, fault: Option<Fault>, shared: &mut Shared) -> Result<(u16, Value), Refusal> {
    let target = Target::parse(&call.path).ok_or_else(Refusal::no_such_path)?;
    let name = || target.name.clone().unwrap_or_default();
    match fault {
        Some(Fault::InternalError) => Err(Refusal::internal_error()),
        Some(Fault::Unavailable) => Err(Refusal::unavailable()),
        Some(Fault::Conflict) => Err(Refusal::conflict(target.resource, &name())),
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

fn first_half(text: &str) -> &str {
    text.get(..text.floor_char_boundary(text.len() / 2)).unwrap_or_default()
}
