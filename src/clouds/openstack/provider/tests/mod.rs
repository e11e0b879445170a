//! The provider against a fake Keystone and a fake Nova.

mod contract;
mod faults;
mod gone;
mod heat;
mod listing;
mod login;
mod magnum;
mod magnum_contract;
mod permissions;
mod side;
mod turns;
mod world;
