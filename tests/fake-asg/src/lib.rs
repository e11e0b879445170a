//! A fake EC2 Auto Scaling over plain HTTP on loopback, with the dangerous semantics of the real one. It can fail any request
//! in any way, notifies a test, and records all requests.
//!
//! ```text
//! FakeAsg::start() ──> add_group, fail, on ──> run a client ──> calls(), group()
//!
//!   client ── HTTP ──> call ──> script (faults, hooks) ──> credentials, groups ──> XML
//!                                                            ^
//!                                   clock: real, or moved by the test
//! ```
//!
//! - A lower desired capacity terminates any instances, in an unpredictable order.
//! - A group of several zones launches and terminates to even them out, unless `AZRebalance` is suspended.
//! - A second termination of a terminating instance lowers the desired capacity again.
//! - An instance in service whose machine stops is terminated and replaced; one in standby is not.
//! - Standby without the decrement launches another instance; no answer takes a group past `MinSize` or `MaxSize`.
//! - A hook holds an instance in `Terminating:Wait`. Throttling has status 400, contention 500.
//!
//! Its answers have the form of the real service's, according to the model from which AWS's clients are generated;
//! `tests/fake-asg/try-aws` has AWS's own clients read them.

mod account;
mod answer;
mod call;
mod describe;
mod fake;
mod fault;
mod group;
mod launch;
mod machines;
mod respond;
mod server;
mod standby;
mod steps;
mod templates;
mod timing;
mod xml;

pub use self::account::Account;
pub use self::call::Call;
pub use self::fake::{FakeAsg, Options};
pub use self::fault::{Fault, Own};
pub use self::group::{Activity, Group, Instance};
pub use self::templates::LaunchTemplate;
pub use self::timing::Timing;
pub use fake_http::{Clock, Moment, Requests};
