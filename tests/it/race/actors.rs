//! The steps that can happen between two requests of a run: users, the scheduler, kubelets, the cloud, the clock, and
//! in some scopes an operator.

use std::fmt;

use super::explore::{Model, Other, Scope, Violation};
use super::real::name;
use super::run::Move;
use super::state::{Age, NODES, Node, Pod, RUNS, State, Task};

/// One atomic step of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A pod is created.
    Arrives { pod: usize },
    /// A pod is deleted, wherever it is.
    Leaves { pod: usize },
    /// The scheduler reserves a node for a pod. The API does not show it.
    Reserves { pod: usize, node: usize },
    /// The scheduler binds a pod, even if the node has changed meanwhile.
    Binds { pod: usize },
    /// The scheduler gives a reservation up.
    GivesUp { pod: usize },
    /// 330 seconds pass.
    Ticks,
    /// A kubelet writes its node's status: the resource version changes and nothing else.
    StatusWritten { node: usize },
    /// A new node gets the name of a deleted one.
    Returns { node: usize },
    /// The scheduler's watch tells it of a cordon.
    Notices { node: usize },
    /// An operator cordons a node.
    CordonedByHand { node: usize },
    /// An operator uncordons a node; its annotations remain.
    UncordonedByHand { node: usize },
    /// A run begins: it lists nodes (or pods).
    Starts { run: usize },
    /// A run makes its next step.
    Runs { run: usize, does: Move, task: Option<Task> },
    /// A run is killed.
    Crashes { run: usize },
}

impl Step {
    /// Every step that is possible in a state.
    pub(super) fn possible(state: &State, scope: &Scope) -> Vec<Self> {
        let mut steps = Vec::new();
        for pod in 0..scope.pods() {
            // Users in the same place are interchangeable: only the first one moves.
            let alike = pod > scope.critical && state.pods[pod - 1] == state.pods[pod];
            if !alike {
                pod_steps(state, scope, pod, &mut steps);
            }
        }
        for node in 0..scope.nodes {
            node_steps(state, scope, node, &mut steps);
        }
        steps.push(Self::Ticks);
        let idle = state.runs.iter().position(Option::is_none);
        let may_start = state.runs.iter().flatten().count() < scope.runs;
        steps.extend(idle.filter(|_| may_start).map(|run| Self::Starts { run }));
        let waiting = state.pods.iter().any(|pod| pod.listed() == Pod::Pending);
        for run in 0..RUNS {
            let Some(one) = state.runs[run] else { continue };
            for does in one.moves(waiting) {
                let task = match does {
                    Move::Request(node) => Some(one.memory[node].task),
                    Move::Plan { .. } | Move::LookAgain => None,
                };
                steps.push(Self::Runs { run, does, task });
            }
            steps.push(Self::Crashes { run });
        }
        steps
    }
}

fn pod_steps(state: &State, scope: &Scope, pod: usize, steps: &mut Vec<Step>) {
    match state.pods[pod] {
        Pod::Absent => return steps.push(Step::Arrives { pod }),
        Pod::Pending => {
            let rooms = (0..scope.nodes).filter(|node| state.has_room(*node, scope.room));
            steps.extend(rooms.map(|node| Step::Reserves { pod, node }));
        }
        Pod::Reserved { .. } => steps.extend([Step::Binds { pod }, Step::GivesUp { pod }]),
        Pod::Bound { .. } => {}
    }
    steps.push(Step::Leaves { pod });
}

fn node_steps(state: &State, scope: &Scope, node: usize, steps: &mut Vec<Step>) {
    let Some(now) = state.nodes[node] else {
        return steps.extend(scope.has(Other::NewNodes).then_some(Step::Returns { node }));
    };
    let memory = || state.runs.iter().flatten().map(|run| run.memory[node]);
    if scope.has(Other::Kubelets) && memory().any(|memory| memory.current) {
        steps.push(Step::StatusWritten { node });
    }
    if state.unnoticed[node] {
        steps.push(Step::Notices { node });
    }
    // The program cannot protect against an operator who uncordons a node at the moment of its deletion.
    let in_deletion = memory().any(|memory| matches!(memory.task, Task::Claimed | Task::Delete));
    if scope.has(Other::Operator) && now.is_schedulable() {
        steps.push(Step::CordonedByHand { node });
    } else if scope.has(Other::Operator) && !in_deletion {
        steps.push(Step::UncordonedByHand { node });
    }
}

impl Model {
    /// The state after a step, `None` if it cannot be taken after all.
    pub(super) fn apply(&mut self, before: &State, step: &Step) -> Result<Option<State>, Violation> {
        let mut state = *before;
        match *step {
            Step::Arrives { pod } | Step::GivesUp { pod } => state.pods[pod] = Pod::Pending,
            Step::Leaves { pod } => state.pods[pod] = Pod::Absent,
            Step::Reserves { pod, node } => {
                state.pods[pod] = Pod::Reserved { node: u8::try_from(node).unwrap(), age: Age::NOW };
            }
            Step::Binds { pod } => {
                let node = state.pods[pod].taken().unwrap();
                state.pods[pod] = Pod::Bound { node: u8::try_from(node).unwrap() };
                if state.nodes[node].is_none() {
                    return Err(Violation::PodLost { node });
                }
            }
            Step::Ticks => return Ok(state.tick()),
            Step::StatusWritten { node } => state.written(node, None),
            Step::Returns { node } => state.nodes[node] = Some(Node::default()),
            Step::Notices { node } => state.unnoticed[node] = false,
            Step::CordonedByHand { node } => {
                let now = state.nodes[node].as_mut().unwrap();
                now.cordoned = Some(Age::NOW);
                state.written(node, None);
            }
            Step::UncordonedByHand { node } => {
                let now = state.nodes[node].as_mut().unwrap();
                now.cordoned = None;
                state.written(node, None);
            }
            Step::Starts { run } => self.start(&mut state, run),
            Step::Runs { run, ref does, .. } => {
                let were = cordons(&state);
                self.perform(&mut state, run, does)?;
                if self.scope.has(Other::LateWatch) {
                    for (node, was) in were.into_iter().enumerate() {
                        state.unnoticed[node] |= !was && cordons(&state)[node];
                    }
                }
            }
            Step::Crashes { run } => state.runs[run] = None,
        }
        Ok(Some(state))
    }
}

fn cordons(state: &State) -> [bool; NODES] {
    state.nodes.map(|node| node.is_some_and(|node| !node.is_schedulable()))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run_name = |run: &usize| ["run A", "run B"][*run];
        match self {
            Self::Arrives { pod } => write!(f, "pod {pod} is created"),
            Self::Leaves { pod } => write!(f, "pod {pod} is deleted"),
            Self::Reserves { pod, node } => write!(f, "scheduler: reserves {} for pod {pod}", name(*node)),
            Self::Binds { pod } => write!(f, "scheduler: binds pod {pod}"),
            Self::GivesUp { pod } => write!(f, "scheduler: gives pod {pod}'s reservation up"),
            Self::Ticks => write!(f, "330 s pass"),
            Self::StatusWritten { node } => write!(f, "kubelet: writes the status of {}", name(*node)),
            Self::Returns { node } => write!(f, "cloud: a new node {}", name(*node)),
            Self::Notices { node } => write!(f, "scheduler: learns of the cordon of {}", name(*node)),
            Self::CordonedByHand { node } => write!(f, "operator: cordons {}", name(*node)),
            Self::UncordonedByHand { node } => write!(f, "operator: uncordons {}", name(*node)),
            Self::Starts { run } => write!(f, "{}: first list", run_name(run)),
            Self::Runs { run, does: Move::Plan { .. }, .. } => {
                write!(f, "{}: other list, and plan", run_name(run))
            }
            Self::Runs { run, does: Move::LookAgain, .. } => {
                write!(f, "{}: second list of pods", run_name(run))
            }
            Self::Runs { run, does: Move::Request(node), task } => {
                write!(f, "{}: {:?} {}", run_name(run), task.unwrap_or_default(), name(*node))
            }
            Self::Crashes { run } => write!(f, "{}: killed", run_name(run)),
        }
    }
}
