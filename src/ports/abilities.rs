//! The abilities of a provider for each kind of node group.

/// The abilities of a provider for one kind of node group: a row of the README's table, which a test compares.
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

/// Whether a provider has an ability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Can {
    /// Always.
    Yes,
    /// Never.
    No,
    /// With a setting or a tag of the operator.
    With(&'static str),
}

impl Can {
    /// The word of the table; empty for `No`.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Yes => "yes".to_owned(),
            Self::No => String::new(),
            Self::With(what) => format!("with {what}"),
        }
    }
}
