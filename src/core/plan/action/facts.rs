//! What the table of actions has for each kind: the columns.

/// What is the same for every action of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindFacts {
    /// The verb, as the report writes it.
    pub verb: &'static str,
    /// Its place in the order of a plan; kinds with the same place may alternate.
    pub order: u8,
    /// What it does to the capacity of a cluster.
    pub effect: Effect,
    /// What it does to whether its node takes pods; `None` for a note, and for an action on no node.
    pub service: Option<Service>,
    /// What one action of the kind, and several, come to, behind their number: `node is cordoned`, `nodes are cordoned`.
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
    /// It ends a pod that is started again elsewhere.
    Evicts,
    /// It only writes or removes notes.
    Notes,
}

/// An event that tells of an action on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventWords {
    /// The reason of the event when the action was done.
    pub done: &'static str,
    /// The reason of the event when it failed.
    pub failed: &'static str,
    /// The event's action.
    pub action: &'static str,
}

/// What an action does to whether its node takes pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The node takes pods from then on.
    Enters,
    /// It takes no new ones.
    Leaves,
    /// It goes.
    Ends,
    /// Its machine stops, and can be woken.
    Parks,
    /// Its machine starts again; it takes no pods before a later run makes it schedulable.
    Wakes,
}
