//! A fake OpenStack: Keystone's tokens, Nova's servers and Magnum's node groups, with the states and traps of Nova 34 and
//! Magnum 23 for clients that park, wake, create and delete servers, over plain HTTP on loopback. It can fail any request in
//! any way, notifies a test, and records all requests.
//!
//! ```text
//! FakeOpenStack::start() ──> add_server, fail, on ──> run a client ──> calls(), server()
//!
//!   client ── HTTP ──> route ──> script (faults, hooks) ──> keystone, nova, magnum ──> JSON
//!                                                             ^
//!                                    clock: real, or moved by the test
//! ```
//!
//! What it answers was measured at a real Keystone 30, Nova 34 and Magnum 23 (2026.2). It has no images, networks or flavors.
#![expect(
    clippy::indexing_slicing,
    reason = "JSON that has no such member is null, and this is a fake for tests"
)]

mod account;
mod answer;
mod call;
mod fake;
mod fault;
mod keystone;
mod magnum;
mod nova;
mod respond;
mod route;
mod server;
mod timing;

pub use self::account::{Account, Credential, Rule, Trust};
pub use self::call::Call;
pub use self::fake::{FakeOpenStack, Options};
pub use self::fault::Fault;
pub use self::magnum::{Cluster, Driver, NodeGroup};
pub use self::nova::{Server, Status, Task};
pub use self::timing::Timing;
pub use fake_http::{Clock, Moment, Requests};
