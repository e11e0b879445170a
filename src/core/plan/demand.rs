//! The demand that does not depend on the serving nodes.

use crate::model::Amounts;

/// The demand of a pool's pods, without the daemons of the serving nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Requests of bound pods: of users and placeholders, and of critical pods on common nodes.
    pub occupants: Amounts,
    /// Requests of pods that wait for a node and would fit one.
    pub waiting: Amounts,
    /// The additional demand that foresight expects; zero if it is off.
    pub expected: Amounts,
    /// The amount that a choice counts in place of `occupants` if `DEMAND` is not `requests`.
    pub counted: Option<Amounts>,
}

impl Demand {
    /// The total that a choice counts (`DEMAND`).
    #[must_use]
    pub fn in_choice(&self) -> Amounts {
        let occupants = self.counted.as_ref().unwrap_or(&self.occupants);
        occupants.clone().plus(&self.waiting).plus(&self.expected)
    }

    /// The total by requests.
    #[must_use]
    pub fn total(&self) -> Amounts {
        self.occupants.clone().plus(&self.waiting).plus(&self.expected)
    }
}
