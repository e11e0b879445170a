//! The columns of the table of actions.

/// The properties that all actions of a kind share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindFacts {
    /// The verb, as the report writes it.
    pub verb: &'static str,
    /// Its place in the order of a plan; kinds with the same place may alternate.
    pub order: u8,
    /// Its effect on the capacity of a cluster.
    pub effect: Effect,
    /// Its effect on whether its node takes pods; `None` for a note, and for an action on no node.
    pub service: Option<Service>,
    /// The text after the number of one action, and of several: `node is cordoned`, `nodes are cordoned`.
    pub sum: (&'static str, &'static str),
    /// Every word of its reasons.
    pub reasons: &'static [&'static str],
    /// The event on its node, if there is one.
    pub event: Option<EventWords>,
    /// Whether a cloud carries it out.
    pub needs_cloud: bool,
}

/// How the report shows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It adds capacity.
    Adds,
    /// It takes capacity out of service.
    Withdraws,
    /// It deletes something.
    Deletes,
    /// It evicts a pod that is recreated elsewhere.
    Evicts,
    /// It only writes or removes notes.
    Notes,
}

/// The event that reports an action on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventWords {
    /// The reason of the event when the action was done.
    pub done: &'static str,
    /// The reason of the event when it failed.
    pub failed: &'static str,
    /// The event's action.
    pub action: &'static str,
}

/// The effect of an action on whether its node takes pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The node takes pods from then on.
    Enters,
    /// It takes no new ones.
    Leaves,
    /// The node is deleted.
    Ends,
    /// Its machine stops, and can be woken.
    Parks,
    /// Its machine starts again; it takes no pods before a later run makes it schedulable.
    Wakes,
}
