//! The provider on the fake Auto Scaling.

mod deleting;
mod faults;
mod growing;
mod listing;
mod login;
mod moto;
mod parking;
mod permissions;
mod returning;
mod rows;
mod shapes;
mod world;
