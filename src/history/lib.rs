//! The text form of a history: for the `ConfigMap` beside the Lease, and for files.
//!
//! ```text
//!   kube-rebalancer/history/v1
//!   base64 of zlib of: the number of series, then of each
//!     pool, resource, first slot, number of slots,
//!     and of each slot 0 for a gap, else 1 + the difference to the peak before, in zigzag form
//! ```
//!
//! All numbers are LEB128. Peaks of memory are in mebibytes. A text is at most 256 KiB long: the oldest week is dropped
//! first. A text that this program did not write is an error, and takes a bounded amount of memory.

mod bytes;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::{BadHistory, decode, decode_bytes};
pub use encode::encode;

/// The longest text, in bytes.
pub const LONGEST: usize = 256 * 1024;

/// The first line: the format and its version.
const HEAD: &str = "kube-rebalancer/history/v1";

/// Maximum number of decompressed bytes. Each slot takes at least one, so this also bounds the slots.
const MOST_BYTES: usize = 1 << 20;

/// The longest name of a pool: that of a label's value.
const LONGEST_NAME: u64 = 63;
