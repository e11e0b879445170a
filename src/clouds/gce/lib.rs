//! Google Compute Engine as this program sees it: managed instance groups behind one small trait.
//!
//! ```text
//!   settings, providerIDs --> Location, GroupId, InstanceId     names, checked before they reach a URL
//!                                       |
//!   kube-rebalancer --> dyn ComputeEngine --> connect() --> the official client
//! ```
//!
//! A crate of its own, and the trait used as an object, because the client is large: what uses the trait is compiled
//! without it. Nothing in here decides anything.

mod client;
mod engine;
mod error;
mod name;
pub mod provider;

pub use client::{ConnectOptions, Connecting, connect};
pub use engine::{ComputeEngine, CurrentAction, Group, GroupList, InstanceError, ManagedInstance};
pub use error::{ComputeError, ErrorKind};
pub use name::{GroupId, InstanceId, Location, NameError, ProjectId, Region, Zone};

/// How many instances one request may delete.
pub const MAX_DELETED_AT_ONCE: usize = 1000;
