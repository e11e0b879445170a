//! Who comes when, for how long, and with what request.

pub mod people;
mod profile;

pub use profile::{Demand, MONDAY, Profile};
