//! kube-rebalancer: looks at a Kubernetes cluster once, decides which nodes to uncordon, create, cordon and delete, says
//! why, and exits. It never touches a running pod.
//!
//! ```text
//!   main --> cli, terminal          what was typed, and where
//!     run -----+--> settings        variables and flags, all checked before anything else
//!              +--> observe         files, or the answers of a live cluster --> Snapshot
//!              +--> run::clouds     the node groups of each cloud, brought together by the crate join
//!              +--> core::plan      Snapshot, Policy --> Plan        (the pure crate)
//!              +--> core::check     the Plan's own rules             (shares no code with plan)
//!              +--> apply --> ports the Plan, action by action, each judged again by core::recheck
//!              |               ^
//!              |       live ---+    an API server: requests, lists, patches, Lease, events
//!              |  providers ---+    the table of clouds: groups that grow, instances that go
//!              +--> report          text for people, JSON for programs
//!     logs --------> standard error text, or JSON for Cloud Logging
//! ```
//!
//! The library exists for the program and its tests; it promises no stable interface.

pub mod cli;
pub mod error;
pub mod logs;
pub mod providers;
pub mod report;
pub mod run;
pub mod settings;
pub mod terminal;

pub use kube_rebalancer_ports as ports;
