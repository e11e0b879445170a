//! The signs that divide a text into parts.

/// The sign between the elements of a list.
pub(super) const SEPARATOR: char = ':';

/// The sign between a pool and its value.
pub(super) const OF_POOL: char = '=';
