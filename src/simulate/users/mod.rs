//! The users of a simulation: their arrivals, lengths of stay and requests.

pub mod people;
mod profile;

pub use profile::{Demand, MONDAY, Profile};
