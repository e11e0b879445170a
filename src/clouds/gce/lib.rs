//! Google Compute Engine as a provider of kube-rebalancer: managed instance groups.
//!
//! ```text
//!   PROVIDER --> provider (list, grow, delete)      which decides with the crate join
//!                   |
//!   settings, providerIDs --> Location, GroupId, InstanceId     names, checked before they reach a URL
//!                   |
//!                dyn ComputeEngine --> connect() --> the official client
//! ```
//!
//! The provider and the engine are used as objects, and both connections are made by boxed futures, because the client
//! is large: the program is compiled without it.

mod client;
mod engine;
mod error;
mod name;
mod provider;

pub use client::{ConnectOptions, Connecting, connect, read_answer};
pub use engine::{
    ComputeEngine, CurrentAction, Group, GroupList, InstanceError, InstanceTemplate, MachineType,
    ManagedInstance,
};
pub use error::{ComputeError, ErrorKind};
pub use name::{
    GroupId, InstanceId, Location, MachineTypeId, NameError, ProjectId, Region, TemplateId, Zone,
};
pub use provider::PROVIDER;

/// Maximum number of instances of one request to delete.
pub const MAX_DELETED_AT_ONCE: usize = 1000;
