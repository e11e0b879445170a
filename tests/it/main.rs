//! All integration tests in one binary: it links once.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop there"
)]
#![expect(clippy::panic, reason = "a provider with a defect is one of the things to be tried")]
#![expect(clippy::print_stdout, reason = "what is skipped for want of a file or a program is said in a line")]

#[cfg(feature = "openstack")]
mod a_workshop_week;
mod architecture;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod aws_world;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "azure")]
mod azure_world;
mod background;
mod calendar;
mod cli;
mod clouds;
mod consent;
mod contract;
mod control_plane;
#[cfg(any(feature = "aws", feature = "azure", feature = "exec", feature = "gce", feature = "openstack"))]
mod crash;
mod credentials;
mod deploy;
mod examples;
#[cfg(feature = "exec")]
mod exec;
mod fake_api;
mod faults;
mod field;
#[cfg(all(feature = "aws", feature = "azure", feature = "exec", feature = "gce", feature = "openstack"))]
mod fuzz;
#[cfg(feature = "gce")]
mod gce;
#[cfg(feature = "gce")]
mod gce_world;
mod history;
mod hostile;
mod input;
mod kubelets;
mod live;
mod logs;
mod objects;
#[cfg(feature = "openstack")]
mod openstack;
#[cfg(feature = "openstack")]
mod openstack_world;
mod pictures;
#[cfg(feature = "simulate")]
mod plot;
mod plugin;
mod race;
#[cfg(any(feature = "aws", feature = "azure", feature = "exec", feature = "gce", feature = "openstack"))]
mod ran;
mod readme;
mod scale_py;
mod scenarios;
mod settings;
mod shells;
mod signals;
#[cfg(feature = "simulate")]
mod simulate;
#[cfg(feature = "simulate")]
mod trace;
mod usage;
#[cfg(all(feature = "exec", feature = "openstack"))]
mod wrong_clouds;
