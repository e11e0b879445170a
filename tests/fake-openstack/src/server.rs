//! Connections, and the handling of their calls.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use fake_http::{Answer, Clock, Desk, lock};
use tokio::task::JoinHandle;

use crate::answer::Refuses;
use crate::call::Call;
use crate::keystone::Keystone;
use crate::magnum::Magnum;
use crate::nova::Nova;
use crate::respond::respond;
use crate::route::Route;

/// The desk at which the calls arrive.
pub(crate) type Reception = Desk<Call, Infallible>;

/// The state that the test and the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) keystone: Keystone,
    pub(crate) nova: Nova,
    pub(crate) magnum: Magnum,
    pub(crate) clock: Clock,
    pub(crate) url: String,
}

/// The shared state as of now.
pub(crate) fn look(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    let mut shared = lock(shared);
    let now = shared.clock.now();
    shared.nova.advance_to(now);
    shared.magnum.advance_to(now);
    shared
}

/// Accepts connections until the returned task is aborted; then they close too.
pub(crate) fn serve(
    listener: TcpListener,
    desk: Arc<Reception>,
    shared: Arc<Mutex<Shared>>,
) -> io::Result<JoinHandle<()>> {
    fake_http::serve(listener, move |head, body| {
        let body = serde_json::from_slice(body).unwrap_or_default();
        let route = Route::parse(&head.method, head.uri.path(), &body);
        let call = Call::new(head, body, route.as_ref());
        desk.carry_out(&call, &Refuses, |_| take_effect(&call, route.as_ref(), &shared))
    })
}

fn take_effect(call: &Call, route: Option<&Route>, shared: &Mutex<Shared>) -> Answer {
    let mut shared = look(shared);
    let now = shared.clock.now();
    let Shared { keystone, nova, magnum, url, .. } = &mut *shared;
    respond(keystone, (nova, magnum), route, call, now, url)
}
