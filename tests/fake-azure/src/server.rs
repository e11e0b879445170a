//! Connections, and the handling of their calls.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use fake_http::{Clock, Desk, lock};
use tokio::task::JoinHandle;

use crate::account::Account;
use crate::aks::Cluster;
use crate::answer::Refuses;
use crate::call::Call;
use crate::compute::{Compute, Room};
use crate::respond::respond;
use crate::route::Route;
use crate::timing::Timing;

/// The desk at which the calls arrive.
pub(crate) type Reception = Desk<Call, Infallible>;

/// The state that the test and the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) account: Account,
    pub(crate) tokens: BTreeSet<String>,
    pub(crate) issued: usize,
    pub(crate) compute: Compute,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) timing: Timing,
    pub(crate) room: Room,
    /// The number of items of a page.
    pub(crate) page: usize,
    pub(crate) clock: Clock,
    pub(crate) url: String,
}

/// The shared state as of now.
pub(crate) fn look(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    let mut shared = lock(shared);
    let now = shared.clock.now();
    shared.compute.advance_to(now);
    shared
}

/// Accepts connections until the returned task is aborted; then they close too.
pub(crate) fn serve(
    listener: TcpListener,
    desk: Arc<Reception>,
    shared: Arc<Mutex<Shared>>,
) -> io::Result<JoinHandle<()>> {
    fake_http::serve(listener, move |head, body| {
        let route = Route::parse(&head.method, head.uri.path());
        let call = Call::new(head, body, route.as_ref());
        desk.carry_out(&call, &Refuses, |_| respond(&mut look(&shared), route.as_ref(), &call))
    })
}
