//! A run that is killed at a request to the API server.

use std::process::{Child, Output};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::fake_api::{FakeApi, Moment, Requests};

/// Longer than any run takes.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// Starts a run and kills it at a request, before the request takes effect or after; the exit code of its end is none. The
/// fake behaves again from then on.
pub(crate) fn killed(fake: &FakeApi, at: &Requests, moment: Moment, spawn: impl FnOnce() -> Child) -> Output {
    let child = Arc::new(Mutex::new(None));
    let (victim, (sender, killed)) = (Arc::clone(&child), mpsc::channel());
    fake.crash(at, moment, move |_| {
        // The process is dead, not only dying, before the request continues.
        let mut victim: Child = victim.lock().unwrap().take().unwrap();
        victim.kill().unwrap();
        sender.send(victim.wait_with_output().unwrap()).unwrap();
    });
    {
        // The request waits for this lock.
        let mut child = child.lock().unwrap();
        *child = Some(spawn());
    }
    let ended = killed.recv_timeout(PATIENCE).expect("the request is made");
    fake.behave();
    ended
}
