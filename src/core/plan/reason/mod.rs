//! The reasons: one type for each kind of decision, with the compared numbers. `Display` here is the only source of
//! their text.

mod cordon;
mod delete;
mod evict;
mod grow;
mod keep;
mod loss;
mod note;
mod object;
mod park;
mod steer;
mod text;
mod time;
mod uncordon;
mod words;

pub use cordon::*;
pub use delete::*;
pub use evict::*;
pub use grow::*;
pub use keep::*;
pub use loss::*;
pub use note::*;
pub use object::*;
pub use park::*;
pub use steer::*;
pub use time::*;
pub use uncordon::*;
pub use words::Reason;

pub(super) use text::{among, excerpt, plural};
pub(super) use words::reasons;
