//! The contract of an API server on which the program relies, checked on the fake and on a real one, so that the fake
//! is right. Each test has a separate namespace, because the real server is shared.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

mod events;
mod leases;
mod lists;
mod nodes;
mod notes;
mod refusals;
mod servers;
