//! kube-rebalancer: observes a Kubernetes cluster once, decides which nodes to uncordon, create, cordon and delete,
//! reports the reasons, and exits. It never touches a running pod, unless `DRAIN` allows it to evict one that is not a
//! user's.
//!
//! ```text
//!   main, cli, settings, run, report, logs    the program: the only place that knows all stages; names no cloud
//!     |
//!     |-- simulate      users, a simulated cluster, other rules, plots, traces   --> apply, page, ports, core
//!     |-- clouds/gce    Compute Engine; a provider is a crate and a feature      --> join, ports, retry, core
//!     |-- clouds/aws    Auto Scaling groups of AWS, likewise                     --> join, ports, retry, core
//!     |-- clouds/exec   the operator's own commands; a provider too              --> ports, core
//!     |-- kube          a live cluster, the Lease, events; dumps                 --> ports, retry, core
//!     |-- clouds/openstack  OpenStack Nova and Magnum, likewise                  --> join, ports, rest, core
//!     |-- clouds/azure  scale sets of Azure and agent pools of AKS, likewise      --> join, ports, rest, core
//!     |-- clouds/rest   one bounded request by plain REST                        --> join, ports, retry
//!     |-- clouds/join   which node is which instance, whatever the cloud         --> core
//!     |-- apply         the plan, action by action, each judged again            --> ports, core
//!     |-- notify        messages to people, metrics for Prometheus             --> ports, core
//!     |-- prometheus    what pods used                                       --> ports, core
//!     |-- ports         what all of these need of each other: traits and values  --> core
//!     |-- calendar      what an operator knows ahead, out of an iCalendar file           --> core
//!     |-- history       what foresight learns from, as text                          --> core
//!     |-- page          what reports are written with                            --> core
//!     |-- retry         the one loop that tries a request again
//!     `-- core          model, planner, checker, second judgement: no input, no output
//! ```
//!
//! Arrows point down only; `tests/it/architecture` verifies that in the manifests. A run goes through the stages in
//! this order:
//!
//! ```text
//!   settings     variables and flags, all checked before anything else
//!   kube         files, or the answers of a live cluster --> Snapshot
//!   run::clouds  the node groups of each cloud in the table of providers, brought together by join --> Snapshot
//!   core::plan   Snapshot, Policy --> Plan
//!   core::check  the Plan's own rules (shares no code with plan)
//!   apply        the Plan, each action judged again by core::recheck
//!   report       text for people, JSON for programs
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
