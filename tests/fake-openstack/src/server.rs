//! Connections, and what becomes of a call on one.
//!
//! ```text
//! bytes ─> Call ─> counted by the script ─> hooks before ─> Keystone, Nova ─> hooks after ─> answer
//!                           └─ fault: refused, reset or silent ┘  └─ fault: cut, twisted, reset or silent
//! ```

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use fake_http::{Clock, Moment, Outcome, Script, cut, endless, first_half, lock, whole, wrong_types};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use tokio::task::JoinHandle;

use crate::answer::{Answer, bad_gateway, refusal};
use crate::call::Call;
use crate::fault::{Fault, Requests};
use crate::keystone::Keystone;
use crate::nova::Nova;
use crate::respond::respond;
use crate::route::Route;

/// What the test and the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) keystone: Keystone,
    pub(crate) nova: Nova,
    pub(crate) clock: Clock,
    pub(crate) script: Script<Requests>,
    pub(crate) calls: Vec<Call>,
    pub(crate) url: String,
}

/// The shared state as of now.
pub(crate) fn look(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    let mut shared = lock(shared);
    let now = shared.clock.now();
    shared.nova.advance_to(now);
    shared
}

/// Accepts connections until the returned task is aborted; then they close too.
pub(crate) fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>) -> io::Result<JoinHandle<()>> {
    fake_http::serve(listener, move |head, body| {
        let body = serde_json::from_slice(body).unwrap_or_default();
        let route = Route::parse(&head.method, head.uri.path(), &body);
        carry_out(&Call::new(head, body, route.as_ref()), route.as_ref(), &shared)
    })
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
        Some(fault) if fault.prevents() => refusal(fault),
        _ => None,
    };
    let answer = answer.unwrap_or_else(|| {
        let mut shared = look(shared);
        let now = shared.clock.now();
        let Shared { keystone, nova, url, .. } = &mut *shared;
        respond(keystone, nova, route, call, now, url)
    });
    trouble.run_hooks(Moment::After, call);
    deliver(answer, fault)
}

/// The answer as the client gets it, if it gets one.
fn deliver(answer: Answer, fault: Option<&Fault>) -> Outcome {
    let text = answer.text.clone();
    Outcome::Answer(match fault {
        Some(Fault::Reset(_)) => return Outcome::Reset,
        Some(Fault::Hang(_)) => return Outcome::Hang,
        Some(Fault::HalfBody) => {
            // A body that was to be empty is announced as longer than it is.
            let length = text.len().max(1);
            let mut response = answer.into_response(cut(first_half(&text)));
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            response
        }
        Some(Fault::MalformedJson) => answer.into_response(whole(first_half(&text))),
        Some(Fault::WrongTypes) => answer.into_response(whole(wrong_types(&text))),
        Some(Fault::Endless) => answer.into_response(endless(&text)),
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
