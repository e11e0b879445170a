//! The provider against a fake Keystone and a fake Nova.

mod contract;
mod faults;
mod listing;
mod login;
mod permissions;
mod turns;
mod world;
