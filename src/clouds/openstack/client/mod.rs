//! Keystone, Nova and Magnum by plain REST.
//!
//! ```text
//!   Credentials --> login --> Session (token, endpoints of Nova and Magnum)
//!                               |
//!   Nova: servers, server, act, delete --+--> transport: one request, bounded, tried again where that is safe
//!   Magnum: node group, resize ----------+
//! ```

mod catalog;
mod login;
mod magnum;
mod nova;
mod page;
mod server;
mod transport;

pub(crate) use magnum::{Cluster, ClusterGroup, Magnum, parse as parse_magnum};
pub(crate) use nova::{Action, Nova, Sent};
pub(crate) use server::Server;
pub(crate) use transport::Transport;

/// A session with Nova.
#[derive(Clone)]
pub(crate) struct Session {
    /// The token. It is only sent to the endpoint.
    token: crate::credentials::Secret,
    /// The endpoint of the catalogue, without a slash at its end.
    endpoint: String,
    /// The same of Magnum, if the catalogue has one.
    magnum: Option<String>,
    /// The region of the endpoint.
    pub(crate) region: String,
    /// The project of the token.
    pub(crate) project: Project,
}

/// A project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Project {
    /// Its ID.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
}
