//! OpenStack as a provider of kube-rebalancer: sets of Nova servers by name (`NODE_GROUPS`), which a run parks (shelves
//! or stops), wakes and deletes, and which cannot grow; and node groups of Magnum, which grow.
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
