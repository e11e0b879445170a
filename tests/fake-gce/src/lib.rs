//! A fake Compute Engine: managed instance groups with the semantics for clients that grow them and delete from
//! them, over plain HTTP on loopback, with the metadata server on the same port. It fails any request in any way,
//! holds it, tells a test of it, and remembers every one.
//!
//! ```text
//! FakeGce::start() ──> add_group, fail, on ──> run a client ──> calls(), group(), machines(), losses()
//!
//!   client ── HTTP ──> route ──> script (faults, hooks) ──> engine ──> JSON
//!                                                             ^
//!                                    clock: real, or moved by the test
//! ```

mod config;
mod engine;
mod fake;
mod fault;
mod http;
#[cfg(test)]
mod tests;
mod wire;

pub use self::config::{Config, ConfigError};
pub use self::engine::{
    Action, AttemptError, Cause, Group, GroupPath, InstancePath, Location, Loss, Machine, MachineStatus,
    Member, OperationFailure, Redistribution, Template, Timing,
};
pub use self::fake::{FakeGce, GroupNow, Options};
pub use self::fault::{Fault, OwnFault};
pub use self::http::Call;
pub use fake_http::{Clock, Moment, Requests};
