//! What is asked for whatever serves.

use crate::model::Amounts;

/// What a pool's pods ask for, apart from the daemons of the nodes that serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Requests of bound pods: of users and placeholders, and of critical pods on common nodes.
    pub occupants: Amounts,
    /// Requests of pods that wait for a node and would fit one.
    pub waiting: Amounts,
    /// What foresight expects on top; zero where it is off.
    pub expected: Amounts,
    /// What a choice counts in place of `occupants`, where `DEMAND` is not `requests`.
    pub counted: Option<Amounts>,
}

impl Demand {
    /// Everything that a choice counts (`DEMAND`).
    #[must_use]
    pub fn in_choice(&self) -> Amounts {
        let occupants = self.counted.as_ref().unwrap_or(&self.occupants);
        occupants.clone().plus(&self.waiting).plus(&self.expected)
    }

    /// Everything that is asked for, by requests.
    #[must_use]
    pub fn total(&self) -> Amounts {
        self.occupants.clone().plus(&self.waiting).plus(&self.expected)
    }
}
