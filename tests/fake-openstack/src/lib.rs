//! A fake OpenStack: Keystone's tokens and Nova's servers, with the states and traps of Nova 34 that matter to who parks,
//! wakes and deletes servers, over plain HTTP on loopback. It fails any request in any way, tells a test of it, and
//! remembers every one.
//!
//! ```text
//! FakeOpenStack::start() ──> add_server, fail, on ──> run a client ──> calls(), server()
//!
//!   client ── HTTP ──> route ──> script (faults, hooks) ──> keystone, nova ──> JSON
//!                                                             ^
//!                                    clock: real, or moved by the test
//! ```
//!
//! What it answers was measured at a real Keystone 30 and Nova 34 (2026.2). It has no images, networks or flavors.
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
mod nova;
mod respond;
mod route;
mod server;
mod timing;

pub use self::account::{Account, Credential, Rule};
pub use self::call::Call;
pub use self::fake::{FakeOpenStack, Options};
pub use self::fault::Fault;
pub use self::nova::{Server, Status, Task};
pub use self::timing::Timing;
pub use fake_http::{Clock, Moment, Requests};
