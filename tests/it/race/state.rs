//! A state of the small world: nodes, pods, runs, and the age of each annotation.
//!
//! It has no clock. A moment is stored as its age, ages are capped when they no longer affect a decision, a resource
//! version is "still the newest or not", and a uid "still the same or not": so states repeat, and the world is finite
//! although time is unlimited.

use std::ops::Range;

use kube_rebalancer_core::recheck::LATE_BIND;

/// Slots for nodes; a scope may use fewer.
pub(super) const NODES: usize = 3;
/// Slots for pods.
pub(super) const PODS: usize = 4;
/// Slots for runs of the program.
pub(super) const RUNS: usize = 2;

/// One step of the clock, in seconds. Fixed, and not derived from [`LATE_BIND`]: a shorter rule must be caught.
pub(super) const TICK: i64 = 330;
/// The age in ticks before which a reservation is bound or given up: 600 s, the scheduler's own bound.
pub(super) const RESERVATION_ENDS: u8 = 2;
/// `RUN_TIMEOUT` in ticks: a run of this age does nothing more.
pub(super) const RUN_ENDS: u8 = 2;
/// The maximum age of an annotation; older ones count as this old.
const OLD: u8 = 2;

const _: () = assert!(LATE_BIND.as_secs() <= TICK * 2, "an OLD mark must be one that the rule accepts");

/// An age in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age(pub(super) u8);

impl Age {
    pub(super) const NOW: Self = Self(0);

    fn tick(&mut self) {
        self.0 = (self.0 + 1).min(OLD);
    }
}

/// A node, as far as it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    /// The time since the node became unschedulable, as in the taint of the control plane.
    pub(super) cordoned: Option<Age>,
    /// The annotation `cordoned-at`.
    pub(super) cordoned_at: Option<Age>,
    /// The annotation `empty-since`.
    pub(super) empty_since: Option<Age>,
    /// The annotation `deleting-until`, in remaining ticks.
    pub(super) claim: Option<u8>,
}

impl Node {
    pub(super) fn tick(&mut self) {
        for age in [&mut self.cordoned, &mut self.cordoned_at, &mut self.empty_since].into_iter().flatten() {
            age.tick();
        }
        self.claim = self.claim.map(|left| left.saturating_sub(1));
    }

    pub(super) fn is_schedulable(self) -> bool {
        self.cordoned.is_none()
    }
}

/// A pod. The first of a world's pods are critical, the rest are users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pod {
    /// It does not exist.
    #[default]
    Absent,
    /// It waits.
    Pending,
    /// The scheduler has reserved a node for it and its disk is being created; it shows no node yet.
    Reserved { node: u8, age: Age },
    /// It shows its node.
    Bound { node: u8 },
}

impl Pod {
    /// The node whose room it takes, in the scheduler's account.
    pub(super) fn taken(self) -> Option<usize> {
        match self {
            Self::Absent | Self::Pending => None,
            Self::Reserved { node, .. } | Self::Bound { node } => Some(node.into()),
        }
    }

    /// The node that the API server shows.
    pub(super) fn shown(self) -> Option<usize> {
        match self {
            Self::Bound { node } => Some(node.into()),
            Self::Absent | Self::Pending | Self::Reserved { .. } => None,
        }
    }

    /// The pod in a list of pods: a reservation is not shown.
    pub(super) fn listed(self) -> Self {
        match self {
            Self::Reserved { .. } => Self::Pending,
            Self::Absent | Self::Pending | Self::Bound { .. } => self,
        }
    }
}

/// The state of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Try {
    /// To be sent with the version that the run knows.
    First,
    /// The first try met a conflict; to be sent with the version that was then read and judged.
    Again,
}

/// The remaining task of a run at a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    #[default]
    Nothing,
    Uncordon(Try),
    Cordon(Try),
    Claim(Try),
    /// Cordoned by this run; waits for the second list.
    Cordoned,
    /// Claimed by this run; waits for the second list.
    Claimed,
    /// A critical pod was scheduled on it: the cordon is undone.
    TakeBack(Try),
    /// The second check permits the deletion.
    Delete,
    /// The second check forbids the deletion.
    Unclaim,
    Mark,
    Unmark,
}

/// The knowledge of a run about a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Memory {
    pub(super) task: Task,
    /// The node as last read, if its fields still matter.
    pub(super) seen: Option<Node>,
    /// Whether it is still the same instance.
    pub(super) same: bool,
    /// Whether it is unchanged since: its resource version is still the newest.
    pub(super) current: bool,
}

/// The stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It has the first of its two lists.
    HalfObserved,
    /// It has a plan, and carries it out until the second list.
    Acting,
    /// It has the second list.
    LookedAgain,
}

/// One run of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub(super) age: Age,
    pub(super) stage: Stage,
    pub(super) memory: [Memory; NODES],
    /// A list of pods, if a variant of the program keeps one.
    pub(super) pods: Option<[Pod; PODS]>,
}

/// The whole state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub(super) nodes: [Option<Node>; NODES],
    /// Cordoned nodes that the scheduler still takes for schedulable.
    pub(super) unnoticed: [bool; NODES],
    pub(super) pods: [Pod; PODS],
    pub(super) runs: [Option<Run>; RUNS],
}

impl State {
    /// Schedulable nodes without pods.
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            nodes: std::array::from_fn(|index| (index < nodes).then(Node::default)),
            unnoticed: [false; NODES],
            pods: [Pod::Absent; PODS],
            runs: [None; RUNS],
        }
    }

    /// One representative of the states that differ only in the order of users or runs.
    pub(super) fn sorted(mut self, users: Range<usize>) -> Self {
        self.pods[users.clone()].sort_unstable();
        for pods in self.runs.iter_mut().flatten().filter_map(|run| run.pods.as_mut()) {
            pods[users.clone()].sort_unstable();
        }
        self.runs.sort_unstable();
        self
    }

    /// Records that a node's object was written, by `writer` or by another actor.
    pub(super) fn written(&mut self, node: usize, writer: Option<usize>) {
        for (index, run) in self.runs.iter_mut().enumerate() {
            if let Some(run) = run
                && Some(index) != writer
            {
                run.memory[node].current = false;
            }
        }
    }

    /// Whether the scheduler, as far as it knows, could reserve the node for one more pod.
    pub(super) fn has_room(&self, node: usize, room: usize) -> bool {
        let taken = self.pods.iter().filter(|pod| pod.taken() == Some(node)).count();
        let open = |one: Node| one.is_schedulable() || self.unnoticed[node];
        self.nodes[node].is_some_and(open) && taken < room
    }

    /// Time passes for all. `None` if a reservation had to end first.
    pub(super) fn tick(mut self) -> Option<Self> {
        self.nodes.iter_mut().flatten().for_each(Node::tick);
        // The delay of the scheduler's watch is never that long.
        self.unnoticed = [false; NODES];
        for pod in &mut self.pods {
            if let Pod::Reserved { age, .. } = pod {
                age.tick();
                if age.0 >= RESERVATION_ENDS {
                    return None;
                }
            }
        }
        for slot in &mut self.runs {
            if let Some(run) = slot {
                run.age.tick();
                run.memory.iter_mut().filter_map(|memory| memory.seen.as_mut()).for_each(Node::tick);
                if run.age.0 >= RUN_ENDS {
                    *slot = None;
                }
            }
        }
        Some(self)
    }
}
