//! The planner: a function of the cluster and the policy, and of nothing else.
//!
//! ```text
//!   survey     what each node is and holds, in one walk over the pods:
//!              managed, actors, classes, state, taints, reach, common, pools, capacity, asked, used, loss, replicas;
//!              admitted: remembered answers about long constraints; kinds, unknown_pools: what to warn of
//!   growth     node groups (group), what each may create; template: what a new node would be like;
//!              believed: the bound on what a node that boots reports
//!   homes      the pool of a pod without a node
//!   waiting    the pods that wait, what they ask for, and the pool of each
//!   placing    where each would go: places, fit, hold (refused for another reason), once (one try at a time)
//!   order      every candidate of a pool once, the nodes to keep first
//!   choice     a prefix of that order; requested: what only requests keep
//!   last_room  the nodes without which users of a kind would find no room; user_kinds: of users' pods, counted in the walk
//!   settle     choice made again on its own outcome, until it changes nothing
//!   changes    the difference to what is: uncordon, grow, cordon; wanted, ahead: no cordon before its replacement serves
//!   parked     what is parked and may be woken; how many stay so
//!   delete     which of the nodes that stay cordoned go; late: what the second look would refuse;
//!              elsewhere, room: whether omitted pods find a place
//!   drain      what is evicted from nodes that only such pods keep; evictable, budgets: which pods are;
//!              drained: whether they are up
//!   objects    whose Node objects go, as their machines are gone; given_back: what is written on such nodes
//!   decided    all of that, before it is written down; why: the reasons of actions on nodes
//!   pack       which nodes fill last
//!   instead    what else may do where the cloud refuses to wake or to grow
//!   assemble   actions in order; verdict: a reason for every node; notices: for users; remember: for later runs
//! ```

mod action;
mod actors;
mod admitted;
pub(crate) mod ahead;
mod asked;
mod assemble;
mod believed;
mod budgets;
mod capacity;
mod changes;
mod choice;
mod classes;
mod common;
mod daemons;
mod decided;
mod delete;
mod demand;
mod devices;
mod drain;
mod drained;
mod elsewhere;
mod evictable;
mod facts;
mod fit;
#[cfg(test)]
pub(crate) mod fixture;
mod given_back;
mod group;
mod growth;
mod halves;
mod hold;
mod homes;
mod instead;
mod kinds;
mod last_room;
mod late;
mod learn;
mod live_pods;
mod loss;
mod managed;
mod median;
mod needs;
mod newcomer;
mod node_set;
mod node_warnings;
mod notes;
mod notices;
mod nowhere;
mod objects;
mod once;
mod order;
mod outlook;
mod pack;
mod parked;
mod pause;
mod places;
mod placing;
mod pods;
mod pools;
mod reach;
mod ready;
mod reason;
mod remember;
mod replicas;
mod requested;
mod room;
mod settle;
mod state;
mod survey;
mod taints;
mod template;
mod twins;
mod unknown_pools;
mod usage;
mod used;
mod user_kinds;
mod utilization;
mod value;
mod verdict;
mod waiting;
mod walk;
mod wanted;
mod why;

pub use action::{
    Action, ActionKind, Effect, EventWords, GroupSize, KindFacts, Service, Target, WakeInstead,
};
pub use classes::is_users;
pub use demand::Demand;
pub use given_back::{BETWEEN_PROOFS, nodes_to_ask_about};
pub use late::{LATE_BIND, SCHEDULER_LAG};
pub use managed::is_managed;
pub use notes::{Limit, Warning};
pub use reason::*;
pub use state::{is_claimed, is_parking};
pub use usage::{Unmeasured, Used};
pub use utilization::{Band, Ratio, Utilization};
pub use value::{
    After, Before, NodeState, NodeVerdict, NoticeKind, Plan, PodNotice, PoolPlan, Refusal, Started,
    TooManyBroken, Verdict,
};

pub(crate) use actors::deletion_delay;
pub(crate) use classes::{Classifier, PodClass};
pub(crate) use delete::{still_mounted, volume_on_disk};
pub(crate) use elsewhere::Elsewhere;
pub(crate) use evictable::unmovable;
pub(crate) use given_back::{Proof, fate_doubt, has_gone_note, is_given_back, node_doubt, proof};
pub(crate) use late::{Late, late};
pub(crate) use managed::unmanaged;
pub(crate) use replicas::Replicas;
pub(crate) use state::{Cordon, Marks, is_adopted, pinned_by, says_ready, tainted_lately};
pub(crate) use survey::{NodeFacts, Survey};
pub(crate) use taints::{fills_last, others_soft_taint, pressure, startup, written};

use std::collections::BTreeSet;

use changes::Changes;
use decided::{PoolNow, Run, pool_now};
use delete::Deletions;
use drain::Drains;
use growth::Growth;
use objects::Objects;
use waiting::Waiting;

use crate::model::Snapshot;
use crate::policy::Policy;

/// Decides what a run does with a cluster.
///
/// # Errors
///
/// Returns an error if the observation cannot be complete; then nothing may be changed.
///
/// # Examples
///
/// Two nodes of 8 GiB, and one user's pod of 3 GiB: one node is enough, and the node without users is cordoned.
///
/// ```
/// use kube_rebalancer_core::check::check;
/// use kube_rebalancer_core::model::{
///     Amounts, Bytes, Millicores, Node, NodeResources, Pod, ReadyCondition, Snapshot,
/// };
/// use kube_rebalancer_core::plan::{ActionKind, plan};
/// use kube_rebalancer_core::policy::Policy;
///
/// let offers = NodeResources {
///     memory: Some(Bytes(8 << 30)),
///     cpu: Some(Millicores(4000)),
///     pods: Some(110),
///     further: None,
/// };
/// let node = |name: &str| Node {
///     name: name.to_owned(),
///     created_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
///     ready: Some(ReadyCondition { ready: true, since: None }),
///     allocatable: offers.clone(),
///     capacity: offers.clone(),
///     ..Node::default()
/// };
/// let user = Pod {
///     namespace: "hub".into(),
///     name: "jupyter-ada".into(),
///     label_keys: ["hub.jupyter.org/username".into()].into(),
///     node_name: Some("n1".into()),
///     containers: 1,
///     requests: Amounts::pod(Bytes(3 << 30), Millicores(500)),
///     ready: true,
///     ..Pod::default()
/// };
/// let now = "2026-01-15T22:00:00Z".parse().unwrap();
/// let cluster = Snapshot::new(now, vec![node("n1"), node("n2")], vec![user], Vec::new(), 1).unwrap();
///
/// let mut policy = Policy::default();
/// policy.bounds.min_nodes = 1;
/// policy.preemptible_labels.insert("hub.jupyter.org/username".to_owned());
/// let planned = plan(&cluster, &policy).unwrap();
///
/// let cordons = planned.actions.iter().filter(|action| action.kind() == ActionKind::Cordon);
/// assert_eq!(cordons.filter_map(|action| action.node()).collect::<Vec<_>>(), ["n2"]);
/// assert!(check(&cluster, &policy, &planned).is_empty()); // rules of their own agree
/// ```
pub fn plan(snapshot: &Snapshot, policy: &Policy) -> Result<Plan, Refusal> {
    let policy = &*policy.in_force(snapshot);
    let mut survey = Survey::new(snapshot, policy);
    refuse(&survey)?;
    let guard = guard(&survey);
    survey.may_wake = guard.is_none();
    let growth = Growth::new(&survey);
    let waiting = Waiting::new(&survey, &growth);
    let now: Vec<PoolNow> =
        (0..survey.pools.len()).map(|pool| pool_now(&survey, &growth, &waiting, pool)).collect();
    let bands: Vec<Band> = now.iter().map(|pool| pool.band).collect();
    // Under the guard nothing is created, so the existing nodes must make up for it.
    let mut changes = Changes::new(&survey, &growth, &waiting, &bands, guard.is_none());
    let deletions = if guard.is_some() {
        changes.only_uncordon();
        Deletions::none(&survey, &changes)
    } else {
        Deletions::new(&survey, &changes, &waiting)
    };
    let drains = Drains::new(&survey, &changes, &waiting, &deletions.drain);
    let objects =
        if guard.is_some() { Objects::default() } else { Objects::new(&survey, &changes, &deletions) };
    Ok(Run::new(&survey, &growth, &waiting, now, (changes, deletions, drains, objects), guard).plan())
}

fn refuse(survey: &Survey<'_>) -> Result<(), Refusal> {
    let nodes = survey.nodes.len();
    if survey.managed().next().is_none() && !survey.policy.node_groups_named {
        return Err(Refusal::NoManagedNode { nodes, example: unmanaged_example(survey) });
    }
    if nodes > 0 && survey.snapshot.pods_seen() == 0 {
        return Err(Refusal::NoPodVisible { nodes });
    }
    Ok(())
}

/// A node with the most frequent reason for not being managed, and that reason.
fn unmanaged_example(survey: &Survey<'_>) -> Option<Box<(String, KeepReason)>> {
    let reasons = || survey.nodes.iter().filter_map(|facts| Some((facts.node, facts.unmanaged.as_deref()?)));
    let frequency = |word: &str| reasons().filter(|(_, why)| why.word() == word).count();
    let words: BTreeSet<&'static str> = reasons().map(|(_, why)| why.word()).collect();
    let most = words.into_iter().max_by_key(|word| frequency(word))?;
    reasons()
        .find(|(_, why)| why.word() == most)
        .map(|(node, why)| Box::new((node.name.clone(), why.clone())))
}

fn guard(survey: &Survey<'_>) -> Option<TooManyBroken> {
    let is_left = |facts: &NodeFacts<'_>| survey.is_only_object(facts);
    let counts = |facts: &NodeFacts<'_>| facts.state != NodeState::Parked && !is_left(facts);
    let managed = survey.managed().filter(|(_, facts)| counts(facts)).count();
    // A node that its omitted pods fill is not broken, and there may be many such nodes.
    let out_of_order = |facts: &NodeFacts<'_>| match facts.state {
        NodeState::Broken => true,
        // A kubelet that reports the end of its machine is no sign of a partition.
        NodeState::NotInUse => facts.says_ready && !facts.without_capacity,
        NodeState::Serving
        | NodeState::Cordoned
        | NodeState::Booting
        | NodeState::UnderPressure
        | NodeState::Parked
        | NodeState::Claimed => false,
    };
    let broken = survey.managed().filter(|(_, facts)| counts(facts) && out_of_order(facts)).count();
    let (max_percent, ok_nodes) = (survey.policy.max_unready_percent, survey.policy.ok_unready_nodes);
    let bound = managed.saturating_mul(usize::try_from(max_percent).unwrap_or(usize::MAX));
    (broken > 0 && broken.saturating_mul(100) > bound && broken >= ok_nodes).then_some(TooManyBroken {
        broken,
        managed,
        max_percent,
        ok_nodes,
    })
}
