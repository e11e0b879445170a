//! The other objects: the kinds of objects that are neither nodes nor pods.

use std::collections::BTreeMap;
use std::fmt;

/// The kinds of objects that are neither nodes nor pods, with their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindsFound(pub(super) BTreeMap<String, usize>);

impl KindsFound {
    /// Counts one of a kind.
    pub(super) fn add(&mut self, kind: &str) {
        match self.0.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(kind.to_owned(), 1)),
        }
    }
}

/// Writes `3 Secret, 1 Service`, or `nothing`.
impl fmt::Display for KindsFound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("nothing");
        }
        for (index, (kind, count)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let kind = if kind.is_empty() { "objects without a kind" } else { kind.as_str() };
            write!(formatter, "{separator}{count} {kind}")?;
        }
        Ok(())
    }
}
