//! OpenStack as a provider of kube-rebalancer: sets of Nova servers, named by `NODE_GROUPS`, that are parked (shelved or
//! stopped), woken and deleted, and cannot grow; and node groups of Magnum, which grow.
//!
//! ```text
//!   PROVIDER --> provider (list, park, wake, delete)     which decides with the crate join
//!                   |
//!   credentials --> client: Keystone's token and catalogue, Nova's servers, Magnum's node groups --> plain REST
//! ```

mod client;
mod credentials;
mod id;
mod provider;

pub use credentials::read_credentials;
pub use provider::PROVIDER;
