//! What a provider can do with each kind of node group.

/// What a provider can do with one kind of node group: a row of the table of the README, which a test compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// The kind, as the README names it.
    pub groups: &'static str,
    /// Whether groups grow.
    pub grow: Can,
    /// Whether named instances are deleted.
    pub delete: Can,
    /// Whether instances are parked and woken.
    pub park: Can,
    /// Whether the zones are known in which a group makes its next instance.
    pub zones: Can,
    /// Whether a group without a node grows.
    pub from_zero: Can,
}

/// Whether something can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Can {
    /// Always.
    Yes,
    /// Never.
    No,
    /// With something that an operator sets.
    With(&'static str),
}

impl Can {
    /// The word of the table; empty for what cannot be done.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Yes => "yes".to_owned(),
            Self::No => String::new(),
            Self::With(what) => format!("with {what}"),
        }
    }
}
