//! Reads and changes a Kubernetes cluster, live or in a dump.
//!
//! ```text
//!   live ------> observe --> core::model
//!     |             ^
//!     |             +------- files: what kubectl printed
//!     +--> ports: patches, events, the clock; and the Lease
//! ```

pub mod live;
pub mod observe;
