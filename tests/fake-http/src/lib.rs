//! What the fakes of HTTP services have in common: a server on loopback whose answers may break off, be reset or never
//! come, and scripts that say which request runs into which trouble.
//!
//! ```text
//! bytes ─> serve ─> the fake's own function ─> Outcome ─> an answer, a reset, or silence
//!                        └─> Script: counts the request, runs hooks, names a fault
//! ```

mod answer;
mod background;
mod body;
mod clock;
mod desk;
mod fault;
mod query;
mod requests;
mod script;
mod server;
mod twist;
pub mod waiting;

pub use answer::Answer;
pub use background::runtime;
pub use body::{AnswerBody, cut, endless, first_half, whole};
pub use clock::{Clock, after};
pub use desk::Desk;
pub use fault::{Fault, Refuse};
pub use query::{decode, parameter};
pub use requests::{Named, Requests};
pub use script::{Moment, Rule, Script, Trouble, Which};
pub use server::{Outcome, serve};
pub use twist::wrong_types;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, even after a panic of its holder, so that a failing test shows its own error.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
