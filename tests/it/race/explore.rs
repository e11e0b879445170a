//! The explorer: it visits every reachable state, breadth first, so that the trace of the first violation is a shortest
//! one.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use super::actors::Step;
use super::key::{Key, of_state};
use super::real::{Real, name};
use super::run::Move;
use super::state::{Pod, State};

/// The part of the world to explore.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) nodes: usize,
    /// Critical pods.
    pub(super) critical: usize,
    /// Users' pods.
    pub(super) dynamic: usize,
    /// Pods that fit a node.
    pub(super) room: usize,
    /// Runs at a time: one with the Lease, two without.
    pub(super) runs: usize,
    /// The actors beside users, the scheduler and the clock.
    pub(super) others: &'static [Other],
    pub(super) order: Order,
    /// The safeguard that is removed from the program.
    pub(super) weakness: Option<Weakness>,
}

/// An actor of some scopes only, because each one multiplies the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// Kubelets write to their nodes. Without them, conflicts come from other runs.
    Kubelets,
    /// The cloud creates a new node with the name of a deleted one.
    NewNodes,
    /// An operator cordons and uncordons by hand.
    Operator,
    /// The scheduler's watch is late: for up to 330 s it may treat a cordoned node as schedulable.
    LateWatch,
}

/// The first list of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    NodesFirst,
    PodsFirst,
}

/// A safeguard whose removal makes the program wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// Neither the planner nor the second look waits for pods that may still be bound to a node that was just cordoned.
    NoLateBind,
    /// Deletions and cordons are judged on the first list of pods.
    NoSecondList,
    /// Nodes are not claimed before they are deleted.
    NoClaim,
    /// A cordon says that it was made when the run made its observation.
    StampedAtObservation,
    /// The planner takes critical pods for users'.
    BlindPlanner,
    /// The planner takes `MIN_NODES` for 0.
    NoMinNodes,
}

/// A violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// A node was deleted under a pod, or a pod bound to a deleted one.
    PodLost { node: usize },
    /// A run ended, undisturbed, and left its cordon on a node that was critical at its second list.
    CordonKept { node: usize },
    /// A clean, undisturbed run left a critical node cordoned by this program.
    CriticalStaysCordoned { node: usize },
    /// A clean, undisturbed run left fewer nodes in service than the minimum.
    TooFewServe { serving: usize },
}

/// The rules of a scope, and the real code that it asks.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) scope: Scope,
    pub(super) real: Real,
    clean: BTreeSet<Key>,
}

/// The result of an exploration.
#[derive(Debug)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// The first violation, with the steps to it.
    pub(super) violation: Option<(Violation, String)>,
}

/// The setting, in every scope.
pub(super) const MIN_NODES: usize = 1;

impl Scope {
    pub(super) fn pods(&self) -> usize {
        self.critical + self.dynamic
    }

    pub(super) fn has(&self, other: Other) -> bool {
        self.others.contains(&other)
    }

    /// The slots of the users.
    pub(super) fn users(&self) -> Range<usize> {
        self.critical..self.pods()
    }

    /// Whether only one run at a time writes annotations of nodes.
    pub(super) fn is_undisturbed(&self) -> bool {
        self.runs == 1 && !self.has(Other::Operator)
    }

    pub(super) fn explore(self) -> Explored {
        let mut model = Model { scope: self, real: Real::new(&self), clean: BTreeSet::new() };
        let start = State::new(self.nodes);
        let mut known: BTreeMap<Key, u32> = BTreeMap::from([(of_state(&start), 0)]);
        let mut parents: Vec<u32> = vec![0];
        let (mut layer, mut next) = (vec![(start, 0)], Vec::new());
        let mut steps = 0;
        while !layer.is_empty() {
            for (state, id) in layer.drain(..) {
                if let Err(violation) = model.check_clean_run(&state) {
                    let trace = model.trace(&known, &parents, id, None);
                    return Explored { states: known.len(), steps, violation: Some((violation, trace)) };
                }
                for step in Step::possible(&state, &self) {
                    match model.apply(&state, &step) {
                        Ok(None) => {}
                        Ok(Some(after)) => {
                            steps += 1;
                            let after = after.sorted(self.users());
                            if let Entry::Vacant(entry) = known.entry(of_state(&after)) {
                                let new = u32::try_from(parents.len()).unwrap();
                                entry.insert(new);
                                parents.push(id);
                                next.push((after, new));
                            }
                        }
                        Err(violation) => {
                            let trace = model.trace(&known, &parents, id, Some(violation));
                            return Explored {
                                states: known.len(),
                                steps,
                                violation: Some((violation, trace)),
                            };
                        }
                    }
                }
            }
            std::mem::swap(&mut layer, &mut next);
        }
        Explored { states: known.len(), steps, violation: None }
    }
}

impl Model {
    pub(super) fn is_critical_under_our_cordon(&self, state: &State, node: usize) -> bool {
        let ours = state.nodes[node].is_some_and(|node| !node.is_schedulable() && node.cordoned_at.is_some());
        ours && state.pods[..self.scope.critical].iter().any(|pod| pod.shown() == Some(node))
    }

    /// Checks a state: after the claims of dead runs have expired, one undisturbed run leaves no critical node cordoned by
    /// this program, and enough nodes in service.
    fn check_clean_run(&mut self, state: &State) -> Result<(), Violation> {
        let mut world = State { runs: [None; _], unnoticed: [false; _], ..*state };
        for node in world.nodes.iter_mut().flatten() {
            node.claim = node.claim.map(|_| 0);
        }
        world.pods = world.pods.map(Pod::listed);
        let world = world.sorted(self.scope.users());
        if world.nodes.iter().all(Option::is_none) || !self.clean.insert(of_state(&world)) {
            return Ok(());
        }
        for marked in [false, true] {
            let after = self.clean_run(world, marked)?;
            for node in 0..self.scope.nodes {
                if self.is_critical_under_our_cordon(&after, node) {
                    return Err(Violation::CriticalStaysCordoned { node });
                }
            }
            let serving = after.nodes.iter().flatten().filter(|node| node.is_schedulable()).count();
            let there = after.nodes.iter().flatten().count();
            if !self.scope.has(Other::Operator) && serving < MIN_NODES.min(there) {
                return Err(Violation::TooFewServe { serving });
            }
        }
        Ok(())
    }

    fn clean_run(&mut self, mut world: State, marked: bool) -> Result<State, Violation> {
        self.start(&mut world, 0);
        self.perform(&mut world, 0, &Move::Plan { marked })?;
        while let Some(run) = world.runs[0] {
            let next = run.moves(false).swap_remove(0);
            self.perform(&mut world, 0, &next)?;
        }
        Ok(world)
    }

    /// The steps to a state, and the violating one from there; users and runs keep their numbers.
    fn trace(
        &mut self,
        known: &BTreeMap<Key, u32>,
        parents: &[u32],
        end: u32,
        violation: Option<Violation>,
    ) -> String {
        let mut path = vec![end];
        while let Some(&id) = path.last().filter(|id| **id != 0) {
            path.push(parents[usize::try_from(id).unwrap()]);
        }
        path.reverse();
        let wanted: BTreeSet<u32> = path.iter().copied().collect();
        let keys: BTreeMap<u32, Key> =
            known.iter().filter(|(_, id)| wanted.contains(id)).map(|(key, id)| (*id, *key)).collect();
        let mut text = String::new();
        let mut state = State::new(self.scope.nodes);
        let users = self.scope.users();
        for id in &path[1..] {
            let leads = |(_, after): &(Step, State)| of_state(&after.sorted(users.clone())) == keys[id];
            let steps = Step::possible(&state, &self.scope);
            let (step, after) = steps
                .into_iter()
                .filter_map(|step| Some((step.clone(), self.apply(&state, &step).ok()??)))
                .find(leads)
                .unwrap();
            writeln!(text, "  {step}").unwrap();
            state = after;
        }
        if let Some(violation) = violation {
            let step = Step::possible(&state, &self.scope)
                .into_iter()
                .find(|step| self.apply(&state, step) == Err(violation))
                .unwrap();
            writeln!(text, "  {step}").unwrap();
        }
        text
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PodLost { node } => write!(f, "a pod is lost with node {}", name(*node)),
            Self::CordonKept { node } => {
                write!(f, "the run leaves its cordon on {}, which has become critical", name(*node))
            }
            Self::CriticalStaysCordoned { node } => {
                write!(f, "a clean run leaves critical node {} under our cordon", name(*node))
            }
            Self::TooFewServe { serving } => write!(f, "a clean run leaves {serving} nodes in service"),
        }
    }
}
