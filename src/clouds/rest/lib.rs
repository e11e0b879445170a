//! One request to a cloud by plain REST: bounded in time and size, retried if that is safe. OpenStack and Azure share this
//! crate.
//!
//! ```text
//!   Request --> Transport: once, again after what may pass --> Reply, or Silence with whether it may have been carried out
//! ```

mod answer;
mod error;
mod pace;
mod reply;
mod request;
mod text;
mod transport;
mod words;

pub use answer::answer;
pub use error::{CloudError, Kind};
pub use pace::Pace;
pub use reply::{LONGEST, Reply, Silence};
pub use request::Request;
pub use text::Text;
pub use transport::Transport;
