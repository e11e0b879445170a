//! A fake Azure: tokens, uniform scale sets and agent pools of AKS, with the traps for clients that grow, delete, park and wake
//! instances, over plain HTTP on loopback. It can fail any request in any way, notifies a test, and records all requests.
//!
//! ```text
//! FakeAzure::start() ──> add_set, add_cluster, fail, on ──> run a client ──> calls(), set()
//!
//!   client ── HTTP ──> route ──> script (faults, hooks) ──> login, compute, aks ──> JSON
//!                                                              ^
//!                                     clock: real, or moved by the test
//! ```
//!
//! The traps: deallocate and start without `instanceIds` mean every instance, and so does `*`; a lower capacity deletes
//! instances of Azure's own choice; a later change of a set cancels a deletion under way; a mismatch of `If-Match` is 412;
//! overprovisioning creates more instances and deletes some. It has no networks and no disks.
#![expect(
    clippy::indexing_slicing,
    reason = "JSON that has no such member is null, and this is a fake for tests"
)]

mod account;
mod aks;
mod aks_requests;
mod answer;
mod call;
mod compute;
mod compute_requests;
mod fake;
mod fault;
mod respond;
mod route;
mod server;
mod skus;
mod timing;

pub use self::account::Account;
pub use self::aks::{Cluster, Pool};
pub use self::call::Call;
pub use self::compute::{Machine, ScaleSet};
pub use self::fake::{FakeAzure, Options};
pub use self::fault::Fault;
pub use self::timing::Timing;
pub use fake_http::{Clock, Moment, Requests};
