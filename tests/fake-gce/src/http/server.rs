//! Connections, and the handling of their calls.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fake_http::{Answer, Clock, Desk, Outcome, lock};
use hyper::http::request::Parts;
use tokio::task::JoinHandle;

use super::answer::Refuses;
use super::batch::{self, Part};
use super::call::Call;
use super::respond::respond;
use super::route::{Resource, Route, Verb};
use crate::engine::Engine;
use crate::fault::{Fault, OwnFault};

/// For how long `wait` waits for an operation, as with Google.
const WAIT: Duration = Duration::from_mins(2);

/// The desk at which the calls arrive.
pub(crate) type Reception = Desk<Call, OwnFault>;

/// The state that the test and the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    /// The permissions that the client has; all of them if there are none here.
    pub(crate) permissions: Option<BTreeSet<String>>,
    /// The projects in which the client has no permission at all.
    pub(crate) closed: BTreeSet<String>,
}

/// The shared state as of now.
pub(crate) fn look(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    let mut shared = lock(shared);
    let now = shared.clock.now();
    shared.engine.advance_to(now);
    shared
}

/// Accepts connections until the returned task is aborted; then they close too.
pub(crate) fn serve(
    listener: TcpListener,
    desk: Arc<Reception>,
    shared: Arc<Mutex<Shared>>,
) -> io::Result<JoinHandle<()>> {
    fake_http::serve(listener, move |head, body| {
        if head.uri.path() == batch::PATH {
            return carry_out_batch(head, body, &desk, &shared);
        }
        let (call, route) = read(head, body);
        carry_out(&call, route.as_ref(), &desk, &shared)
    })
}

fn read(head: &Parts, body: &[u8]) -> (Call, Option<Route>) {
    let route = Route::parse(&head.method, head.uri.path());
    (Call::new(head, body, route.as_ref()), route)
}

/// Carries out the requests of a batch one by one. What the script says of them is not done.
fn carry_out_batch(head: &Parts, body: &[u8], desk: &Reception, shared: &Mutex<Shared>) -> Outcome {
    let parts = batch::parts(&head.headers, &String::from_utf8_lossy(body));
    let answers: Vec<(Part, Answer)> = parts
        .into_iter()
        .map(|part| {
            let (call, route) = read(&part.head, part.body.as_bytes());
            desk.record(&call);
            let answer = take_effect(&call, route.as_ref(), None, shared);
            (part, answer)
        })
        .collect();
    Outcome::Answer(batch::join(&answers).whole())
}

fn carry_out(call: &Call, route: Option<&Route>, desk: &Reception, shared: &Mutex<Shared>) -> Outcome {
    desk.carry_out(call, &Refuses(call), |fault| take_effect(call, route, fault, shared))
}

fn take_effect(call: &Call, route: Option<&Route>, fault: Option<&Fault>, shared: &Mutex<Shared>) -> Answer {
    let failure = match fault {
        Some(Fault::Own(OwnFault::OperationFails(failure))) => Some(failure),
        _ => None,
    };
    if let Some(Route::Compute { resource: Resource::Operations, verb: Verb::Wait, .. }) = route {
        wait_for_operation(call, shared);
    }
    let mut shared = look(shared);
    let Shared { engine, permissions, closed, .. } = &mut *shared;
    let is_closed = route.and_then(Route::project).is_some_and(|project| closed.contains(project));
    let permitted =
        |permission: &str| !is_closed && permissions.as_ref().is_none_or(|all| all.contains(permission));
    respond(engine, route, call, permitted, failure.cloned())
}

/// Returns once the operation is done, or after [`WAIT`].
fn wait_for_operation(call: &Call, shared: &Mutex<Shared>) {
    let is_done = || {
        let shared = look(shared);
        let mut operations = shared.engine.operations.values();
        let pending = operations.any(|it| Some(&it.path.name) == call.target.as_ref() && it.ended.is_none());
        (!pending).then_some(())
    };
    fake_http::waiting::until("the operation is done", WAIT, is_done).ok();
}
