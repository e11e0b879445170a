//! What the program may rely on in an API server, checked on the fake and on a real one, so that the fake cannot lie.
//! Each test has a namespace to itself, since the real one is shared.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

mod events;
mod leases;
mod lists;
mod nodes;
mod notes;
mod refusals;
mod servers;
