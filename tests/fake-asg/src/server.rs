//! Connections, and the handling of their calls.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};

use fake_http::{Clock, Desk, lock};
use tokio::task::JoinHandle;

use crate::answer::Refuses;
use crate::call::Call;
use crate::fault::Own;
use crate::respond::{Service, respond};
use crate::steps::Engine;

/// The desk at which the calls arrive.
pub(crate) type Reception = Desk<Call, Own>;

/// The state that the test and the connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) service: Service,
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
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
        let call = Call::new(head, body);
        desk.carry_out(&call, &Refuses, |_| {
            let mut shared = look(&shared);
            let Shared { service, engine, .. } = &mut *shared;
            respond(service, engine, &call)
        })
    })
}
