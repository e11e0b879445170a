//! Connections, and what becomes of a call on one.
//!
//! ```text
//! bytes ─> Call ─> counted by the script ─> hooks before ─> the engine ─> hooks after ─> answer
//!                           └─ fault: refused, reset or silent ┘  └─ fault: cut, twisted, reset or silent
//! ```

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fake_http::{Outcome, Script, cut, first_half, lock, whole, wrong_types};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::http::request::Parts;
use tokio::task::JoinHandle;

use super::answer::{Answer, bad_gateway, refusal};
use super::batch::{self, Part};
use super::call::Call;
use super::respond::respond;
use super::route::{Resource, Route, Verb};
use crate::engine::Engine;
use crate::fault::{Fault, Moment, Requests};
use fake_http::Clock;

/// For how long `wait` waits for an operation, as with Google.
const WAIT: Duration = Duration::from_mins(2);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

/// What the test and the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    pub(crate) script: Script<Requests>,
    pub(crate) calls: Vec<Call>,
    /// The permissions that the client has; all of them if there are none here.
    pub(crate) permissions: Option<BTreeSet<String>>,
}

/// The shared state as of now.
pub(crate) fn look(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    let mut shared = lock(shared);
    let now = shared.clock.now();
    shared.engine.advance_to(now);
    shared
}

/// Accepts connections until the returned task is aborted; then they close too.
pub(crate) fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) -> io::Result<JoinHandle<()>> {
    fake_http::serve(listener, move |head, body| {
        if head.uri.path() == batch::PATH {
            return carry_out_batch(head, body, &shared);
        }
        let (call, route) = read(head, body);
        carry_out(&call, route.as_ref(), &shared)
    })
}

fn read(head: &Parts, body: &[u8]) -> (Call, Option<Route>) {
    let route = Route::parse(&head.method, head.uri.path());
    (Call::new(head, body, route.as_ref()), route)
}

/// Carries out the requests of a batch one by one. What the script says of them is not done.
fn carry_out_batch(head: &Parts, body: &[u8], shared: &Mutex<Shared>) -> Outcome {
    let parts = batch::parts(&head.headers, &String::from_utf8_lossy(body));
    let answers: Vec<(Part, Answer)> = parts
        .into_iter()
        .map(|part| {
            let (call, route) = read(&part.head, part.body.as_bytes());
            lock(shared).calls.push(call.clone());
            let answer = take_effect(&call, route.as_ref(), None, shared);
            (part, answer)
        })
        .collect();
    deliver(batch::join(&answers), None)
}

fn carry_out(call: &Call, route: Option<&Route>, shared: &Mutex<Shared>) -> Outcome {
    let trouble = {
        let mut shared = lock(shared);
        shared.calls.push(call.clone());
        shared.script.count(call)
    };
    let fault = trouble.fault.as_ref();
    trouble.run_hooks(Moment::Before, call);
    let answer = match fault {
        Some(Fault::Reset(Moment::Before)) => return Outcome::Reset,
        Some(Fault::Hang(Moment::Before)) => return Outcome::Hang,
        Some(fault) if fault.prevents() => refusal(fault, &call.path, call.permission.as_deref()),
        _ => None,
    };
    let answer = answer.unwrap_or_else(|| take_effect(call, route, fault, shared));
    trouble.run_hooks(Moment::After, call);
    deliver(answer, fault)
}

fn take_effect(call: &Call, route: Option<&Route>, fault: Option<&Fault>, shared: &Mutex<Shared>) -> Answer {
    let failure = match fault {
        Some(Fault::OperationFails(failure)) => Some(failure),
        _ => None,
    };
    if let Some(Route::Compute { resource: Resource::Operations, verb: Verb::Wait, .. }) = route {
        wait_for_operation(call, shared);
    }
    let mut shared = look(shared);
    let Shared { engine, permissions, .. } = &mut *shared;
    let permitted = |permission: &str| permissions.as_ref().is_none_or(|all| all.contains(permission));
    respond(engine, route, call, permitted, failure.cloned())
}

/// Returns once the operation is done, or after [`WAIT`].
fn wait_for_operation(call: &Call, shared: &Mutex<Shared>) {
    let mut left = WAIT;
    while !left.is_zero() {
        let pending = {
            let shared = look(shared);
            let mut operations = shared.engine.operations.values();
            operations.any(|it| Some(&it.path.name) == call.target.as_ref() && it.ended.is_none())
        };
        if !pending {
            return;
        }
        std::thread::sleep(LOOK);
        left = left.saturating_sub(LOOK);
    }
}

/// The answer as the client gets it, if it gets one.
fn deliver(answer: Answer, fault: Option<&Fault>) -> Outcome {
    let text = answer.text.clone();
    Outcome::Answer(match fault {
        Some(Fault::Reset(_)) => return Outcome::Reset,
        Some(Fault::Hang(_)) => return Outcome::Hang,
        Some(Fault::HalfBody) => {
            let mut response = answer.into_response(cut(first_half(&text)));
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
            response
        }
        Some(Fault::MalformedJson) => answer.into_response(whole(first_half(&text))),
        Some(Fault::WrongTypes) => answer.into_response(whole(wrong_types(&text))),
        Some(Fault::BadGateway(Moment::After)) => {
            let page = bad_gateway();
            let text = whole(&page.text);
            page.into_response(text)
        }
        Some(Fault::Slow(delay)) => {
            std::thread::sleep(*delay);
            answer.into_response(whole(&text))
        }
        _ => answer.into_response(whole(&text)),
    })
}
