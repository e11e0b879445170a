//! The race between the eviction of one pod and all actors that may change or replace the pod: every interleaving, explored
//! state by state. The planner, the judgement right before the eviction and the checker's own rules are the real ones.
//!
//! ```text
//!   run       plan -> note on the node, on its version -> read the pod -> judge -> eviction of this UID in this version
//!   others    make the pod a user's, write its status, delete it, start another of its name, uncordon the node; a second run
//! ```
//!
//! In every reachable state: no eviction takes effect on a user's pod, or on another pod than the planned one. Not covered:
//! the node's age, and budgets, which the API server enforces itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube_rebalancer_core::check;
use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Controller, EvictionFacts, Millicores, Node, NodeResources, Pod,
    ReadyCondition, Snapshot, Taint, TaintEffect, annotation, taint,
};
use kube_rebalancer_core::plan::{Action, plan};
use kube_rebalancer_core::policy::{Bounds, Drain, Policy};
use kube_rebalancer_core::recheck::{self, Judgement};

const USER: &str = "hub.jupyter.org/username";

/// Maximum number of times that apply reads and judges one pod.
const TRIES: u8 = 3;

/// The safeguard that is removed from the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weakness {
    /// The eviction does not name the version of the pod that was judged.
    Version,
    /// The eviction names neither UID nor version.
    Preconditions,
    /// The pod is read, and not judged.
    Judgement,
}

/// The pod of one name, as far as it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stored {
    users: bool,
    deleting: bool,
}

/// The stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Planned,
    /// The eviction is noted on the node. As far as this run knows, the node is still cordoned by this program.
    Noted,
    /// It has read the pod, and judged it.
    Judged,
}

/// One run that wants to evict the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    stage: Stage,
    tried: u8,
    /// Whether the pod is still the planned one: its UID is the same.
    same: bool,
    /// Whether the pod is still in the version that was read.
    current: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    pod: Option<Stored>,
    cordoned: bool,
    runs: [Option<Run>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// An actor adds or removes the label that makes the pod a user's.
    Labels,
    StatusWritten,
    /// An actor deletes the pod, which gets its grace period.
    Deletes,
    Ends,
    /// Another pod of this name: of a StatefulSet, or a user's own.
    Starts {
        users: bool,
    },
    CordonedOrNot,
    Plans(usize),
    GoesOn(usize),
    Dies(usize),
}

struct Model {
    policy: Policy,
    weakness: Option<Weakness>,
    plans: BTreeMap<(Option<Stored>, bool), bool>,
}

impl Model {
    fn new(weakness: Option<Weakness>) -> Self {
        let policy = Policy {
            bounds: Bounds { min_nodes: 1, ..Bounds::default() },
            preemptible_labels: BTreeSet::from([USER.to_owned()]),
            drain: Drain::Movable,
            pack: false,
            ..Policy::default()
        };
        Self { policy, weakness, plans: BTreeMap::new() }
    }

    /// Whether the real planner evicts the pod.
    fn evicts(&mut self, state: &State) -> bool {
        let (pod, cordoned) = (state.pod, state.cordoned);
        if let Some(known) = self.plans.get(&(pod, cordoned)) {
            return *known;
        }
        let user = Pod { label_keys: [Arc::from(USER)].into(), ..written("ada", "serves", 5) };
        let pods = pod.map(|pod| object(pod, true)).into_iter().chain([Pod { controller: None, ..user }]);
        let snapshot = snapshot(vec![node("leaves", cordoned), node("serves", false)], pods.collect());
        let plan = plan(&snapshot, &self.policy).unwrap();
        assert_eq!(check::check(&snapshot, &self.policy, &plan), []);
        let evicts = plan.actions.iter().any(|action| matches!(action, Action::Evict { .. }));
        self.plans.insert((pod, cordoned), evicts);
        evicts
    }

    /// Whether the real judgements permit the eviction of the pod that the run has read.
    fn goes(&self, pod: Stored, same: bool) -> bool {
        if self.weakness == Some(Weakness::Judgement) {
            return true;
        }
        let (pod, node) = (object(pod, same), node("leaves", true));
        let snapshot = snapshot(vec![node.clone()], Vec::new());
        let judgement = recheck::evict("planned", &node, Some(&pod), &self.policy, snapshot.volumes());
        let refused = check::eviction(&snapshot, &self.policy, &node, &pod, "planned");
        // Each of the two conditions alone protects a user's pod.
        if pod.label_keys.contains(&Arc::from(USER)) || !same {
            assert!(judgement != Judgement::Go && refused.is_some(), "{judgement:?} {refused:?}");
        }
        judgement == Judgement::Go && refused.is_none()
    }

    fn possible(state: &State) -> Vec<Step> {
        let mut steps = vec![Step::CordonedOrNot];
        match state.pod {
            None => steps.extend([true, false].map(|users| Step::Starts { users })),
            Some(pod) => {
                steps.extend([Step::Labels, Step::StatusWritten]);
                steps.push(if pod.deleting { Step::Ends } else { Step::Deletes });
            }
        }
        for (slot, run) in state.runs.iter().enumerate() {
            match run {
                None => steps.push(Step::Plans(slot)),
                Some(_) => steps.extend([Step::GoesOn(slot), Step::Dies(slot)]),
            }
        }
        steps
    }

    /// The state after a step, or the violation.
    fn after(&mut self, before: &State, step: Step) -> Result<State, String> {
        let mut state = *before;
        match step {
            Step::Labels => state.change(|pod| pod.users = !pod.users),
            Step::StatusWritten => state.change(|_| {}),
            Step::Deletes => state.change(|pod| pod.deleting = true),
            Step::Ends => {
                state.pod = None;
                state.runs.iter_mut().flatten().for_each(|run| (run.same, run.current) = (false, false));
            }
            Step::Starts { users } => state.pod = Some(Stored { users, deleting: false }),
            Step::CordonedOrNot => state.cordoned = !state.cordoned,
            Step::Plans(slot) => {
                state.runs[slot] = self.evicts(before).then_some(Run {
                    stage: Stage::Planned,
                    tried: 0,
                    same: true,
                    current: true,
                });
            }
            Step::Dies(slot) => state.runs[slot] = None,
            Step::GoesOn(slot) => {
                let run = state.runs[slot].unwrap();
                state.runs[slot] = None;
                let next = self.go_on(&mut state, run)?;
                state.runs[slot] = next;
            }
        }
        Ok(state)
    }

    /// The next request of a run, and the run after it.
    fn go_on(&self, state: &mut State, run: Run) -> Result<Option<Run>, String> {
        Ok(match run.stage {
            // Whether in the first version or, after a conflict, in another, the node is judged right before.
            Stage::Planned => {
                let (planned, now) = (node("leaves", true), node("leaves", state.cordoned));
                let judgement = recheck::drain(&planned, &now, &self.policy, now_is());
                (judgement == Judgement::Go).then_some(Run { stage: Stage::Noted, ..run })
            }
            Stage::Noted => {
                let goes = state.pod.is_some_and(|pod| self.goes(pod, run.same));
                goes.then_some(Run { stage: Stage::Judged, current: true, ..run })
            }
            Stage::Judged => {
                let Some(pod) = state.pod else { return Ok(None) };
                let refused = match self.weakness {
                    Some(Weakness::Preconditions) => false,
                    Some(Weakness::Version) => !run.same,
                    Some(Weakness::Judgement) | None => !run.same || !run.current,
                };
                if refused {
                    let again = run.tried + 1 < TRIES;
                    return Ok(again.then_some(Run { stage: Stage::Noted, tried: run.tried + 1, ..run }));
                }
                if pod.users {
                    return Err("a user's pod is evicted".to_owned());
                }
                if !run.same {
                    return Err("another pod is evicted".to_owned());
                }
                state.change(|pod| pod.deleting = true);
                None
            }
        })
    }

    /// The number of states, and the first violation.
    fn explore(&mut self) -> (usize, Option<String>) {
        let start =
            State { pod: Some(Stored { users: false, deleting: false }), cordoned: true, runs: [None; 2] };
        let mut known = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            for step in Self::possible(&state) {
                match self.after(&state, step) {
                    Ok(next) if known.insert(next) => open.push(next),
                    Ok(_) => {}
                    Err(what) => return (known.len(), Some(format!("{what}: {step:?} in {state:?}"))),
                }
            }
        }
        (known.len(), None)
    }
}

impl State {
    /// An actor changes the pod.
    fn change(&mut self, change: impl FnOnce(&mut Stored)) {
        if let Some(pod) = &mut self.pod {
            change(pod);
        }
        self.runs.iter_mut().flatten().for_each(|run| run.current = false);
    }
}

fn now_is() -> jiff::Timestamp {
    "2026-01-15T09:00:00Z".parse().unwrap()
}

fn yesterday() -> jiff::Timestamp {
    now_is() - jiff::SignedDuration::from_hours(24)
}

fn snapshot(nodes: Vec<Node>, pods: Vec<Pod>) -> Snapshot {
    let seen = pods.len() + 1;
    Snapshot::new(now_is(), nodes, pods, vec![], seen).unwrap()
}

fn node(name: &str, cordoned: bool) -> Node {
    let offered = NodeResources {
        memory: Some(Bytes(8 << 30)),
        cpu: Some(Millicores(64_000)),
        pods: Some(110),
        further: None,
    };
    let cordon = Taint {
        key: taint::UNSCHEDULABLE.to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        added_at: Some(yesterday()),
    };
    let mark = (annotation::CORDONED_AT.to_owned(), yesterday().to_string());
    Node {
        name: name.to_owned(),
        uid: name.to_owned(),
        provider_id: Some(name.to_owned()),
        created_at: Some(yesterday()),
        annotations: cordoned.then_some(mark).into_iter().collect(),
        unschedulable: cordoned,
        taints: cordoned.then_some(cordon).into_iter().collect(),
        ready: Some(ReadyCondition { ready: true, since: Some(yesterday()) }),
        allocatable: offered.clone(),
        capacity: offered,
        ..Node::default()
    }
}

/// The pod that is to be evicted, or another of its name.
fn object(stored: Stored, same: bool) -> Pod {
    let uid = if same { "planned" } else { "another" };
    Pod {
        label_keys: stored.users.then(|| Arc::from(USER)).into_iter().collect(),
        deleting: stored.deleting,
        eviction: Some(Box::new(EvictionFacts { uid: uid.into(), ..EvictionFacts::default() })),
        ..written("web-0", "leaves", 1)
    }
}

fn written(name: &str, on: &str, gibibytes: u64) -> Pod {
    let controller = Controller {
        group: Some("apps".to_owned()),
        kind: "StatefulSet".to_owned(),
        name: "web".to_owned(),
        uid: "uid-web".to_owned(),
    };
    Pod {
        namespace: Arc::from("hub"),
        name: name.into(),
        label_keys: Arc::from([]),
        unbound: None,
        deleting: false,
        ready: true,
        node_name: Some(Arc::from(on)),
        containers: 1,
        requests: Amounts::pod(Bytes(gibibytes << 30), Millicores(100)),
        controller: Some(controller.into()),
        mirror: false,
        daemonset_pod: false,
        bound_by: None,
        safe_to_evict: None,
        do_not_disrupt: None,
        local_volume: None,
        claims: Box::default(),
        priority: 0,
        ends_at_once: false,
        eviction: None,
        constraints: Arc::new(Constraints::default()),
        alike: Vec::new(),
    }
}

#[test]
fn no_interleaving_evicts_a_user_s_pod_or_another_than_the_planned_one() {
    let mut model = Model::new(None);
    let (states, found) = model.explore();
    println!("{states} states");
    assert_eq!(found, None);
    assert!(model.plans.values().any(|evicts| *evicts) && states > 100, "{states}");
}

#[test]
fn without_the_version_the_judgement_or_the_uid_a_user_s_pod_is_evicted() {
    for weakness in [Weakness::Version, Weakness::Preconditions, Weakness::Judgement] {
        let (_, found) = Model::new(Some(weakness)).explore();
        assert!(found.is_some_and(|what| what.contains("pod is evicted")), "{weakness:?}");
    }
}
