//! One run of the program as a state machine of atomic steps: the actions of apply, line by line, and its memory between
//! two requests. The real code makes the decisions and checks the preconditions.
//!
//! ```text
//!   list nodes, list pods, plan -> uncordon -> cordon -> claim -> list pods again -> take back -> delete / unclaim -> mark
//!                                  patch; on a conflict: read, judge, patch once more
//! ```
//!
//! Patches of one kind may be sent in any order, so the results also apply to concurrent requests.

use kube_rebalancer_core::recheck::Judgement;

use super::explore::{Model, Order, Violation, Weakness};
use super::real::Observed;
use super::state::{Age, Memory, NODES, Node, Pod, RUN_ENDS, Run, Stage, State, Task, Try};

/// A possible next step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Make the other of the two first lists, and plan. Waiting pods may or may not be marked unschedulable by then.
    Plan { marked: bool },
    /// The next request for a node.
    Request(usize),
    /// The second list, and the judgements made on it.
    LookAgain,
}

/// The result of a patch.
enum Reply {
    Done(Node),
    Conflict,
    NotFound,
}

impl Task {
    /// Tasks of a lower rank come first; `None` where there is nothing to request now.
    fn rank(self) -> Option<u8> {
        match self {
            Self::Nothing | Self::Cordoned | Self::Claimed => None,
            Self::Uncordon(_) => Some(0),
            Self::Cordon(_) => Some(1),
            Self::Claim(_) => Some(2),
            Self::TakeBack(_) => Some(3),
            Self::Delete | Self::Unclaim => Some(4),
            Self::Mark | Self::Unmark => Some(5),
        }
    }

    /// The same task once its patch has met a conflict and the node was read again. Undoing a cordon is tried without
    /// limit; all else is tried twice, and book-keeping once.
    fn again(self) -> Option<Self> {
        match self {
            Self::Uncordon(Try::First) => Some(Self::Uncordon(Try::Again)),
            Self::Cordon(Try::First) => Some(Self::Cordon(Try::Again)),
            Self::Claim(Try::First) => Some(Self::Claim(Try::Again)),
            Self::TakeBack(_) => Some(Self::TakeBack(Try::Again)),
            Self::Uncordon(Try::Again)
            | Self::Cordon(Try::Again)
            | Self::Claim(Try::Again)
            | Self::Nothing
            | Self::Cordoned
            | Self::Claimed
            | Self::Delete
            | Self::Unclaim
            | Self::Mark
            | Self::Unmark => None,
        }
    }

    /// What is left of the same task once its patch is done: for some, the second list.
    fn awaits(self) -> Option<Self> {
        match self {
            Self::Cordon(_) => Some(Self::Cordoned),
            Self::Claim(_) => Some(Self::Claimed),
            Self::Nothing
            | Self::Uncordon(_)
            | Self::TakeBack(_)
            | Self::Cordoned
            | Self::Claimed
            | Self::Delete
            | Self::Unclaim
            | Self::Mark
            | Self::Unmark => None,
        }
    }
}

impl Run {
    /// The possible next steps; never empty, because a run without further steps has ended.
    pub(super) fn moves(&self, waiting: bool) -> Vec<Move> {
        if self.stage == Stage::HalfObserved {
            let marks: &[bool] = if waiting { &[false, true] } else { &[false] };
            return marks.iter().map(|&marked| Move::Plan { marked }).collect();
        }
        let ranks = || self.memory.iter().filter_map(|memory| memory.task.rank());
        let next = ranks().min();
        let waits = |memory: &Memory| matches!(memory.task, Task::Cordoned | Task::Claimed);
        if self.memory.iter().any(waits) && next.is_none_or(|rank| rank > 2) {
            return vec![Move::LookAgain];
        }
        let is_next = |index: &usize| next.is_some() && self.memory[*index].task.rank() == next;
        (0..NODES).filter(is_next).map(Move::Request).collect()
    }

    fn has_ended(&self) -> bool {
        self.stage != Stage::HalfObserved && self.memory.iter().all(|memory| memory.task == Task::Nothing)
    }
}

impl Model {
    /// A run begins with its first list.
    pub(super) fn start(&self, state: &mut State, slot: usize) {
        let memory = state.nodes.map(observed);
        let run = Run { age: Age::NOW, stage: Stage::HalfObserved, memory, pods: None };
        state.runs[slot] = Some(match self.scope.order {
            Order::NodesFirst => run,
            Order::PodsFirst => {
                Run { memory: [Memory::default(); NODES], pods: Some(state.pods.map(Pod::listed)), ..run }
            }
        });
    }

    /// One step of a run.
    pub(super) fn perform(&mut self, state: &mut State, slot: usize, step: &Move) -> Result<(), Violation> {
        let mut run = state.runs[slot].unwrap();
        match *step {
            Move::Plan { marked } => self.make_plan(state, &mut run, marked),
            Move::LookAgain => self.look_again(state, &mut run)?,
            Move::Request(node) => {
                state.runs[slot] = Some(run);
                self.request(state, slot, node)?;
                run = state.runs[slot].unwrap();
            }
        }
        state.runs[slot] = (!run.has_ended()).then_some(run);
        Ok(())
    }

    fn make_plan(&mut self, state: &State, run: &mut Run, marked: bool) {
        let mut pods = run.pods.unwrap_or(state.pods).map(Pod::listed);
        if self.scope.order == Order::PodsFirst {
            run.memory = state.nodes.map(observed);
        }
        pods[self.scope.users()].sort_unstable();
        let nodes = run.memory.map(|memory| memory.seen);
        let tasks = self.real.plan(Observed { nodes, pods, age: run.age, marked });
        for (memory, task) in run.memory.iter_mut().zip(tasks) {
            memory.task = task;
            match (task, self.scope.weakness) {
                (Task::Nothing, _) => *memory = Memory::default(),
                (Task::Claim(_), Some(Weakness::NoClaim)) => memory.task = Task::Claimed,
                // With the observed version the patch meets the observed node, or none.
                _ => memory.seen = None,
            }
        }
        run.stage = Stage::Acting;
        let keeps = self.scope.weakness == Some(Weakness::NoSecondList);
        run.pods = (keeps && !run.has_ended()).then_some(pods);
    }

    fn look_again(&mut self, state: &State, run: &mut Run) -> Result<(), Violation> {
        let mut pods = run.pods.unwrap_or(state.pods).map(Pod::listed);
        pods[self.scope.users()].sort_unstable();
        run.pods = None;
        run.stage = Stage::LookedAgain;
        for index in 0..NODES {
            let memory = &mut run.memory[index];
            let Some(seen) = memory.seen.filter(|_| matches!(memory.task, Task::Cordoned | Task::Claimed))
            else {
                continue;
            };
            let look = self.real.look_again(index, seen, pods);
            let mut critical = state.pods[..self.scope.critical].iter();
            if memory.task == Task::Cordoned {
                memory.task = if look.critical { Task::TakeBack(Try::First) } else { Task::Nothing };
                let is_critical = memory.same && critical.any(|pod| pod.shown() == Some(index));
                if is_critical && !look.critical {
                    return Err(Violation::CordonKept { node: index });
                }
            } else {
                let claimed = self.scope.weakness != Some(Weakness::NoClaim);
                memory.task = match look.delete {
                    Judgement::Go => Task::Delete,
                    Judgement::Stale(_) if claimed => Task::Unclaim,
                    Judgement::Stale(_) | Judgement::AlreadySo => Task::Nothing,
                };
            }
            memory.seen = None;
            if memory.task == Task::Nothing {
                *memory = Memory::default();
            }
        }
        Ok(())
    }

    fn request(&mut self, state: &mut State, slot: usize, index: usize) -> Result<(), Violation> {
        let run = state.runs[slot].unwrap();
        let memory = run.memory[index];
        let next = if memory.task == Task::Delete {
            if memory.same {
                delete(state, index)?;
            }
            Memory::default()
        } else {
            let age =
                if self.scope.weakness == Some(Weakness::StampedAtObservation) { run.age } else { Age::NOW };
            let change = |node: Node| changed(memory.task, node, run.age, age);
            match patch(state, slot, index, change) {
                Reply::Done(node) => {
                    let waits = |task| Memory { task, seen: Some(node), same: true, current: true };
                    memory.task.awaits().map_or_else(Memory::default, waits)
                }
                Reply::Conflict => self.read_again(state, index, memory),
                Reply::NotFound => Memory::default(),
            }
        };
        let left_alone = matches!(memory.task, Task::TakeBack(_)) && next.task == Task::Nothing;
        if left_alone && self.scope.is_undisturbed() && self.is_critical_under_our_cordon(state, index) {
            return Err(Violation::CordonKept { node: index });
        }
        state.runs[slot] = Some(run);
        let run = state.runs[slot].as_mut().unwrap();
        run.memory[index] = next;
        Ok(())
    }

    /// After a conflict. Steps in between need not be modelled: an outdated version stays outdated, so a patch that met the
    /// conflict earlier meets it now too.
    fn read_again(&self, state: &State, index: usize, memory: Memory) -> Memory {
        let (Some(now), Some(task)) = (state.nodes[index], memory.task.again()) else {
            return Memory::default();
        };
        match self.real.judge(task, index, now, memory.same) {
            Some(Judgement::Go) => Memory { task, seen: None, same: true, current: true },
            Some(Judgement::AlreadySo | Judgement::Stale(_)) | None => Memory::default(),
        }
    }
}

fn observed(node: Option<Node>) -> Memory {
    Memory { task: Task::Nothing, seen: node, same: node.is_some(), current: node.is_some() }
}

/// The node once a patch has taken effect. `age` is the run's, `stamp` what it writes as the moment of the cordon.
fn changed(task: Task, node: Node, age: Age, stamp: Age) -> Node {
    match task {
        Task::Uncordon(_) | Task::TakeBack(_) => Node::default(),
        Task::Cordon(_) => Node {
            cordoned: node.cordoned.or(Some(Age::NOW)),
            cordoned_at: Some(stamp),
            empty_since: None,
            claim: None,
        },
        Task::Claim(_) => Node { claim: Some(RUN_ENDS - age.0), ..node },
        Task::Unclaim => Node { claim: None, ..node },
        Task::Mark => Node { empty_since: Some(age), ..node },
        Task::Unmark if node.is_schedulable() => Node::default(),
        Task::Unmark => Node { empty_since: None, ..node },
        Task::Nothing | Task::Cordoned | Task::Claimed | Task::Delete => node,
    }
}

fn patch(state: &mut State, slot: usize, index: usize, change: impl FnOnce(Node) -> Node) -> Reply {
    let current = state.runs[slot].is_some_and(|run| run.memory[index].current);
    let Some(node) = state.nodes[index].as_mut() else { return Reply::NotFound };
    if !current {
        return Reply::Conflict;
    }
    let was_schedulable = node.is_schedulable();
    *node = change(*node);
    let node = *node;
    if was_schedulable != node.is_schedulable() {
        state.unnoticed[index] = false;
    }
    state.written(index, Some(slot));
    Reply::Done(node)
}

/// Deletes the instance with every pod on it.
fn delete(state: &mut State, index: usize) -> Result<(), Violation> {
    state.nodes[index] = None;
    state.unnoticed[index] = false;
    for run in state.runs.iter_mut().flatten() {
        let memory = &mut run.memory[index];
        (memory.same, memory.current) = (false, false);
    }
    let lost = state.pods.iter().any(|pod| pod.shown() == Some(index));
    if lost { Err(Violation::PodLost { node: index }) } else { Ok(()) }
}
