//! States as numbers, because millions of them must be small and quick to compare.

use super::state::{Age, NODES, Node, PODS, Pod, Run, Stage, State, Task, Try};

/// The number of a state, in two parts.
pub(super) type Key = (u128, u128);

/// Writes digits one after another, each in its own base.
///
/// Absent values are written as zeros, so that the bases are the same for all states and no two states have the
/// same number.
#[derive(Debug)]
pub(super) struct Writer {
    done: u128,
    open: u128,
    /// The number of values that the open part can distinguish.
    span: u128,
}

pub(super) fn of_state(state: &State) -> Key {
    let mut writer = Writer::new();
    state.nodes.iter().for_each(|node| writer.node(node.as_ref()));
    state.unnoticed.iter().for_each(|unnoticed| writer.digit(2, u8::from(*unnoticed)));
    writer.pods(&state.pods);
    state.runs.iter().for_each(|run| writer.run(run.as_ref()));
    (writer.done, writer.open)
}

impl Writer {
    fn new() -> Self {
        Self { done: 0, open: 0, span: 1 }
    }

    fn digit(&mut self, base: u8, digit: u8) {
        assert!(digit < base, "{digit} is no digit in base {base}");
        let base = u128::from(base);
        if let Some(span) = self.span.checked_mul(base) {
            (self.open, self.span) = (self.open * base + u128::from(digit), span);
        } else {
            assert_eq!(self.done, 0, "two numbers hold a state");
            (self.done, self.open, self.span) = (self.open, u128::from(digit), base);
        }
    }

    fn node(&mut self, node: Option<&Node>) {
        let age = |age: Option<Age>| age.map_or(0, |age| age.0 + 1);
        let is_there = u8::from(node.is_some());
        let node = node.copied().unwrap_or_default();
        self.digit(2, is_there);
        for mark in [node.cordoned, node.cordoned_at, node.empty_since] {
            self.digit(4, age(mark));
        }
        self.digit(4, node.claim.map_or(0, |left| left + 1));
    }

    fn pods(&mut self, pods: &[Pod; PODS]) {
        let nodes = u8::try_from(NODES).unwrap();
        for pod in pods {
            let digit = match *pod {
                Pod::Absent => 0,
                Pod::Pending => 1,
                Pod::Bound { node } => 2 + node,
                Pod::Reserved { node, age } => 2 + nodes + node + nodes * age.0,
            };
            self.digit(2 + 3 * nodes, digit);
        }
    }

    fn run(&mut self, run: Option<&Run>) {
        let stage = run.map_or(0, |run| match run.stage {
            Stage::HalfObserved => 1,
            Stage::Acting => 2,
            Stage::LookedAgain => 3,
        });
        self.digit(4, stage);
        self.digit(2, run.map_or(0, |run| run.age.0));
        for memory in run.map(|run| run.memory).unwrap_or_default() {
            self.digit(15, task(memory.task));
            self.digit(4, 2 * u8::from(memory.same) + u8::from(memory.current));
            self.node(memory.seen.as_ref());
        }
        let pods = run.and_then(|run| run.pods);
        self.digit(2, u8::from(pods.is_some()));
        self.pods(&pods.unwrap_or_default());
    }
}

fn task(task: Task) -> u8 {
    let again = |which| u8::from(which == Try::Again);
    match task {
        Task::Nothing => 0,
        Task::Uncordon(which) => 1 + again(which),
        Task::Cordon(which) => 3 + again(which),
        Task::Claim(which) => 5 + again(which),
        Task::TakeBack(which) => 7 + again(which),
        Task::Cordoned => 9,
        Task::Claimed => 10,
        Task::Delete => 11,
        Task::Unclaim => 12,
        Task::Mark => 13,
        Task::Unmark => 14,
    }
}
