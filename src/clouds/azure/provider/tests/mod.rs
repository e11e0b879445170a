//! The provider against a fake Azure.

mod faults;
mod listing;
mod login;
mod permissions;
mod pools;
mod rows;
mod sets;
mod sizes;
mod world;
