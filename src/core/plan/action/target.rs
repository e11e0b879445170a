//! The object of an action.

/// A node group and its size now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSize {
    /// The group.
    pub group: String,
    /// The requested number of instances.
    pub size: u32,
}

/// The requests to make if the cloud does not wake a parked node. Actions of one pool may name the same nodes: a run asks
/// for each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WakeInstead {
    /// Further parked nodes, in this order.
    pub nodes: Vec<String>,
    /// The groups that create a node if none of these nodes is woken, in this order.
    pub groups: Vec<GroupSize>,
    /// The UIDs of the waiting pods that need the node, so that later runs know of a node that was created for them.
    pub pods: Vec<String>,
}

/// The object of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A node, and the pods that are recreated elsewhere if it is deleted.
    Node {
        /// The node.
        node: &'a str,
        /// The pods of this node that their controllers recreate elsewhere.
        restarts: &'a [String],
        /// The requests to make if the cloud does not wake it; only for a node to wake.
        instead: Option<&'a WakeInstead>,
    },
    /// A node group that gets more instances.
    Group {
        /// The pool that the group belongs to.
        pool: &'a str,
        /// The group, where one is known.
        group: Option<&'a str>,
        /// Its size now.
        from: u32,
        /// The size to ask for.
        to: u32,
        /// The groups that are asked if this one refuses.
        instead: &'a [GroupSize],
    },
    /// A pod on a node.
    Pod {
        /// The node.
        node: &'a str,
        /// The pod's namespace.
        namespace: &'a str,
        /// The pod's name.
        pod: &'a str,
    },
    /// An instance without a node.
    Instance {
        /// The pool that its group belongs to.
        pool: &'a str,
        /// Its group.
        group: &'a str,
        /// Its name.
        instance: &'a str,
    },
}
