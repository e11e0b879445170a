//! Omitted pods that could start on no other node (section 2). Their controller recreates them, but nothing creates a node for
//! an omitted pod: an ingress controller that selects the core node would be gone with it. A pod of high priority would start
//! all the same, in the place of a user's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::actors::actor_on;
use super::fit::{Shape, admits};
use super::managed::is_virtual;
use super::places::Nominated;
use super::reach::{Likeness, likeness, places_of};
use super::reason::Loss;
use super::replicas::Replicas;
use super::room::{Room, size};
use super::survey::{NodeFacts, Survey};
use super::taints::{startup, takes_nobody_now};
use crate::model::{Bond, NodeIndex, Pod};
use crate::policy::Policy;

/// Looks for the omitted pods that could start on one node alone. It remembers the places of equal pods, because many nodes
/// are judged and a place is mostly found again.
#[derive(Debug)]
pub(crate) struct Elsewhere<'s, 'a> {
    survey: &'s Survey<'a>,
    replicas: Replicas<'s, 'a>,
    room: RefCell<Room<'s, 'a>>,
    /// The places of the pods of the node that was judged last.
    found: RefCell<(NodeIndex, Places<'a>)>,
    /// The first place of pods that leave a node. The places before it are closed or full, and stay so.
    first: RefCell<BTreeMap<Likeness<'a>, NodeIndex>>,
    /// The last place of pods that wait.
    last: RefCell<BTreeMap<Likeness<'a>, NodeIndex>>,
}

type Places<'a> = Vec<(NodeIndex, &'a Pod)>;

impl<'s, 'a> Elsewhere<'s, 'a> {
    /// Prepares the search in a cluster.
    pub(crate) fn new(survey: &'s Survey<'a>, nominated: Nominated) -> Self {
        Self {
            survey,
            replicas: Replicas::new(survey),
            room: Room::new(survey, nominated).into(),
            found: RefCell::default(),
            first: RefCell::default(),
            last: RefCell::default(),
        }
    }

    /// The first omitted pod that only this node would take: one on it, or one without a node. `is_open` tells whether a node
    /// will be schedulable; `going` are the nodes that are deleted.
    pub(crate) fn only_here(
        &self,
        index: NodeIndex,
        is_open: impl Fn(NodeIndex) -> bool,
        going: &BTreeSet<NodeIndex>,
    ) -> Option<(&'a Pod, Loss)> {
        let facts = self.survey.nodes.get(index)?;
        // The pods of a node that is not Ready are gone already, and it takes no others.
        if !facts.says_ready {
            return None;
        }
        let is_another = |other: NodeIndex| other != index && !going.contains(&other);
        let mut moving: Vec<&'a Pod> = facts.moves.iter().copied().filter(|pod| !pod.deleting).collect();
        moving.sort_by_key(|&pod| size(pod));
        let before = self.room.borrow().state();
        let mut found = Vec::new();
        let stranded = moving.into_iter().find_map(|pod| {
            let is_alone = !self.replicas.has_another(pod, index, going);
            let counts = |other| is_another(other) && is_open(other);
            Some((pod, self.strands(pod, is_alone, counts, &mut found)?))
        });
        let waits_for_it = |pod: &&'a Pod| {
            // The scheduler has tried the open ones.
            let refused = is_bound_and_refused(pod, self.survey.snapshot.observed_at());
            self.room.borrow().takes(index, pod)
                && !self.may_start(pod, |other| is_another(other) && !(refused && is_open(other)))
        };
        let waiting = || Some((self.survey.unplaced.iter().copied().find(waits_for_it)?, Loss::WaitsForIt));
        let why = stranded.or_else(waiting);
        self.room.borrow_mut().restore(before);
        self.found.replace((index, found));
        why
    }

    /// Keeps the places of the pods of a node, which is deleted.
    pub(crate) fn delete(&self, index: NodeIndex) {
        let (judged, found) = self.found.take();
        let found = if judged == index { found } else { Vec::new() };
        for (place, pod) in found {
            self.room.borrow_mut().take(place, pod);
        }
    }

    /// The reason why a pod must not leave its node; otherwise it gets its place, if there is one.
    fn strands(
        &self,
        pod: &'a Pod,
        is_alone: bool,
        counts: impl Fn(NodeIndex) -> bool,
        found: &mut Places<'a>,
    ) -> Option<Loss> {
        // The network of a host is on each host; its ports are another bond.
        if let Some(bond) = pod.bound_by.filter(|bond| is_alone && *bond != Bond::HostNetwork) {
            return Some(Loss::BoundBy { what: bond.words() });
        }
        let counts = |index: NodeIndex| counts(index) && self.is_place(index);
        if let Some(place) = self.first_place(pod, counts, found.is_empty()) {
            self.room.borrow_mut().take(place, pod);
            found.push((place, pod));
            return None;
        }
        if is_alone {
            return Some(Loss::NowhereElse);
        }
        let displaces =
            pod.priority > 0 && self.all().any(|index| counts(index) && self.would_hold(index, pod));
        displaces.then_some(Loss::WouldPreempt)
    }

    /// The first node with room for a pod. The room shrinks from deletion to deletion, so where no pod of the judged node has
    /// a place yet, no place before it will be one again.
    fn first_place(
        &self,
        pod: &'a Pod,
        counts: impl Fn(NodeIndex) -> bool,
        is_lasting: bool,
    ) -> Option<NodeIndex> {
        let likeness = likeness(pod);
        let begin = likeness.and_then(|one| self.first.borrow().get(&one).copied()).unwrap_or_default();
        let room = self.room.borrow();
        let place = self.all().skip(begin).find(|index| counts(*index) && room.takes(*index, pod));
        if let Some(likeness) = likeness.filter(|_| is_lasting) {
            self.first.borrow_mut().insert(likeness, place.unwrap_or(self.survey.nodes.len()));
        }
        place
    }

    /// Whether a node that counts has room for a pod that waits.
    fn may_start(&self, pod: &'a Pod, counts: impl Fn(NodeIndex) -> bool) -> bool {
        let room = self.room.borrow();
        let takes = |index: NodeIndex| counts(index) && self.is_place(index) && room.takes(index, pod);
        let likeness = likeness(pod);
        let known = likeness.and_then(|one| self.last.borrow().get(&one).copied());
        if known.is_some_and(takes) {
            return true;
        }
        let found = self.all().find(|index| takes(*index));
        if let (Some(likeness), Some(found)) = (likeness, found) {
            self.last.borrow_mut().insert(likeness, found);
        }
        found.is_some()
    }

    fn all(&self) -> std::ops::Range<NodeIndex> {
        0..self.survey.nodes.len()
    }

    fn is_place(&self, index: NodeIndex) -> bool {
        self.survey.nodes.get(index).is_some_and(|node| is_place(node, self.survey.policy))
    }

    /// Whether a node admits a pod and, without other pods, would hold it.
    fn would_hold(&self, index: NodeIndex, pod: &Pod) -> bool {
        self.survey.nodes.get(index).is_some_and(|node| {
            let volumes = self.survey.snapshot.volumes();
            let shape = Shape { pod, volumes, places: &places_of(pod, volumes) };
            shape.fits(&node.offer) && admits(self.survey, node, shape)
        })
    }
}

/// How long the scheduler's refusal of such a pod speaks for a node. A replica that no second node may hold waits for ever.
const HEARD: SignedDuration = SignedDuration::from_hours(1);

/// Whether a pod that waits has a constraint that this program does not account for, and the scheduler refuses it, but not for
/// an hour.
pub(super) fn is_bound_and_refused(pod: &Pod, now: Timestamp) -> bool {
    let unbound =
        pod.unbound.as_deref().filter(|unbound| pod.bound_by.is_some() && unbound.refusal.is_some());
    unbound
        .is_some_and(|unbound| unbound.refused_since().is_none_or(|since| now.duration_since(since) < HEARD))
}

/// Whether a node takes pods and is there to stay, as far as a run can see.
fn is_place(node: &NodeFacts<'_>, policy: &Policy) -> bool {
    node.says_ready
        && !node.claimed
        && !node.node.deleting
        && node.node.unreadable.is_none()
        && !takes_nobody_now(node.node)
        && startup(node.node, policy).is_none()
        && (node.managed() || (actor_on(node.node).is_none() && !is_virtual(node.node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Constraints, Node, ReadyCondition, SchedulerRefusal, Unbound};
    use crate::plan::fixture::{Build, ago, annotated, cluster, node, owned_by, pod, taint};

    const CORE: (&str, &str) = ("pool", "core");

    fn core(name: &str) -> Node {
        Node { labels: [CORE].into(), ..node(name) }
    }

    /// An ingress controller that selects nodes of the core.
    fn ingress() -> Pod {
        let node_selector = BTreeMap::from([(CORE.0.to_owned(), CORE.1.to_owned())]);
        let constraints = Constraints { node_selector, ..Constraints::default() };
        Pod {
            constraints: constraints.into(),
            ..pod("kube-system/ingress").controlled(owned_by("apps", "ReplicaSet"))
        }
    }

    /// The pod that keeps `n1`, if the nodes with these names are not schedulable.
    fn keeps(nodes: Vec<Node>, pods: Vec<Pod>, closed: &[&str]) -> Option<String> {
        let (snapshot, policy) = (cluster(nodes, pods), Policy::default());
        let survey = Survey::new(&snapshot, &policy);
        let is_open = |one: NodeIndex| !closed.contains(&snapshot.nodes()[one].name.as_str());
        let found = Elsewhere::new(&survey, Nominated::new()).only_here(0, is_open, &BTreeSet::from([0]));
        found.map(|(pod, why)| {
            let expected = match (&pod.unbound, pod.bound_by) {
                (Some(_), _) => Loss::WaitsForIt,
                (None, Some(bond)) => Loss::BoundBy { what: bond.words() },
                (None, None) if pod.priority > 0 => Loss::WouldPreempt,
                (None, None) => Loss::NowhereElse,
            };
            assert_eq!(why, expected);
            pod.full_name()
        })
    }

    #[test]
    fn a_pod_that_no_other_node_takes_keeps_its_node() {
        let on_it = || vec![ingress().on("n1")];
        assert_eq!(keeps(vec![core("n1"), node("n2")], on_it(), &[]).as_deref(), Some("kube-system/ingress"));
        assert_eq!(keeps(vec![core("n1"), core("n2")], on_it(), &[]), None);
        assert!(
            keeps(vec![core("n1"), core("n2")], on_it(), &["n2"]).is_some(),
            "a cordoned one takes nobody"
        );
        let anywhere = pod("kube-system/dns").controlled(owned_by("apps", "ReplicaSet")).on("n1");
        assert_eq!(keeps(vec![core("n1"), node("n2")], vec![anywhere.clone()], &[]), None);
        assert_eq!(
            keeps(vec![core("n1")], vec![Pod { deleting: true, ..anywhere }], &[]),
            None,
            "it ends anyway"
        );
    }

    #[test]
    fn only_a_node_that_stays_and_takes_pods_counts() {
        let with = |other: Node| keeps(vec![core("n1"), other], vec![ingress().on("n1")], &[]).is_some();
        let not_ready = ReadyCondition { ready: false, since: None };
        assert!(with(Node { ready: Some(not_ready), ..core("n2") }));
        assert!(with(Node { deleting: true, ..core("n2") }));
        assert!(with(Node { unreadable: Some("status.allocatable.memory: x".into()), ..core("n2") }));
        assert!(with(Node { labels: [CORE, ("type", "kwok")].into(), ..core("n2") }));
        for key in [
            "karpenter.sh/disrupted",
            "node.kubernetes.io/disk-pressure",
            "example.com/not-ready",
            "dedicated",
        ] {
            assert!(with(Node { taints: vec![taint(key)], ..core("n2") }), "{key}");
        }
        let until = annotated("kube-rebalancer/deleting-until", &ago(-60).to_string()).annotations;
        assert!(with(Node { annotations: until, ..core("n2") }));
        let large = ingress().on("n1").asking(33, 0);
        assert!(keeps(vec![core("n1"), core("n2")], vec![large], &[]).is_some(), "it is too small");
    }

    #[test]
    fn a_pod_that_waits_for_this_node_alone_keeps_it() {
        let waits =
            |gated| Pod { unbound: Some(Box::new(Unbound { gated, ..Unbound::default() })), ..ingress() };
        assert!(keeps(vec![core("n1"), node("n2")], vec![waits(false)], &[]).is_some());
        assert_eq!(keeps(vec![core("n1"), node("n2")], vec![waits(true)], &[]), None);
        assert_eq!(keeps(vec![node("n1"), node("n2")], vec![waits(false)], &[]), None, "it takes it neither");
        assert_eq!(
            keeps(vec![core("n1"), core("n2")], vec![waits(false)], &["n2"]),
            None,
            "the other one is a place too"
        );
    }

    /// Two on the only two nodes that take them: one may go, and the other node then keeps the last live one.
    #[test]
    fn a_pod_with_another_live_replica_keeps_no_node() {
        let replica = |name: &str, on: &str| Pod { name: name.into(), ..ingress().on(on) };
        let nodes = || vec![core("n1"), core("n2"), node("n3")];
        let two = |second: Pod| keeps(nodes(), vec![replica("ingress-1", "n1"), second], &["n2"]);
        assert_eq!(two(replica("ingress-2", "n2")), None);
        assert!(two(Pod { ready: false, ..replica("ingress-2", "n2") }).is_some(), "it is not live");
        let member = |name: &str, on: &str| replica(name, on).controlled(owned_by("apps", "StatefulSet"));
        let members = vec![member("vault-0", "n1"), member("vault-1", "n2")];
        assert!(keeps(nodes(), members, &["n2"]).is_some(), "no other one takes its place");
    }

    #[test]
    fn a_node_that_is_not_ready_has_no_pods_to_keep() {
        let not_ready = Some(ReadyCondition { ready: false, since: None });
        let broken = Node { ready: not_ready, ..core("n1") };
        assert_eq!(keeps(vec![broken, node("n2")], vec![ingress().on("n1")], &[]), None);
    }

    /// A DNS server of this size, which any node admits.
    fn dns(name: &str, gibibytes: u64) -> Pod {
        let owner = crate::model::Controller { uid: name.to_owned(), ..owned_by("apps", "ReplicaSet") };
        pod(&format!("kube-system/{name}")).controlled(owner).asking(gibibytes, 0)
    }

    #[test]
    fn the_pods_that_run_on_a_node_leave_no_room_there() {
        let user = |gibibytes| pod("hub/ada").labelled("user").on("n2").asking(gibibytes, 0);
        let with = |user: Pod, other: Node| {
            keeps(vec![node("n1"), other], vec![dns("dns", 4).on("n1"), user], &[]).is_some()
        };
        assert!(!with(user(28), node("n2")));
        assert!(with(user(29), node("n2")), "no memory");
        let mut small = node("n2");
        small.allocatable.pods = Some(1);
        assert!(with(user(1), small), "no further pod");
        let labels = [("node-role.kubernetes.io/control-plane", "")].into();
        assert!(with(user(29), Node { labels, ..node("n2") }), "nor on a node that is not managed");
    }

    #[test]
    fn pods_of_one_node_do_not_share_a_place() {
        let two = |large| vec![dns("a", 4).on("n1"), dns("b", large).on("n1")];
        let full = |name: &str, on: &str, gibibytes| pod(name).labelled("user").on(on).asking(gibibytes, 0);
        let on = |large, room: u64| {
            let pods = two(large).into_iter().chain([full("hub/ada", "n2", 32 - room)]).collect();
            keeps(vec![node("n1"), node("n2")], pods, &[])
        };
        assert_eq!(on(6, 10), None);
        assert_eq!(on(6, 9).as_deref(), Some("kube-system/a"), "the larger one is placed first");
    }

    /// The places of the pods of a deleted node are taken for the next one.
    #[test]
    fn pods_of_two_nodes_do_not_share_a_place() {
        let pods = vec![dns("a", 4).on("n1"), dns("b", 4).on("n2"), dns("c", 27).on("n3")];
        let (snapshot, policy) = (cluster(vec![node("n1"), node("n2"), node("n3")], pods), Policy::default());
        let survey = Survey::new(&snapshot, &policy);
        let elsewhere = Elsewhere::new(&survey, Nominated::new());
        let judge = |index, going: &[NodeIndex]| {
            elsewhere.only_here(index, |one| one == 2, &going.iter().copied().collect())
        };
        assert_eq!((judge(0, &[]), judge(1, &[])), (None, None));
        elsewhere.delete(0);
        assert_eq!(judge(1, &[]), None, "another one was judged last");
        assert_eq!(judge(0, &[]), None);
        elsewhere.delete(0);
        assert!(judge(1, &[0]).is_some());
    }

    #[test]
    fn a_pod_that_only_its_priority_would_place_keeps_its_node() {
        let important =
            |name: &str, on: &str| Pod { priority: 2_000_000_000, name: name.into(), ..dns("dns", 4) }.on(on);
        let full = pod("hub/ada").labelled("user").on("n3").asking(29, 0);
        let with = |first: Pod, third: Node| {
            let pods = vec![first, important("dns-2", "n2"), full.clone()];
            keeps(vec![node("n1"), node("n2"), third], pods, &["n2"])
        };
        assert!(with(important("dns-1", "n1"), node("n3")).is_some());
        let modest = Pod { priority: 0, ..important("dns-1", "n1") };
        assert_eq!(with(modest, node("n3")), None, "it waits, and another replica serves");
        let dedicated = Node { taints: vec![taint("dedicated")], ..node("n3") };
        assert_eq!(with(important("dns-1", "n1"), dedicated), None, "there it displaces nobody");
    }

    #[test]
    fn a_pod_of_which_not_all_constraints_are_known_stays_unless_another_one_serves() {
        let bound = |name: &str, on: &str| {
            Pod { bound_by: Some(Bond::HostPort), name: name.into(), ..dns("dns", 4) }.on(on)
        };
        let nodes = || vec![node("n1"), node("n2")];
        assert!(keeps(nodes(), vec![bound("dns-1", "n1")], &[]).is_some());
        assert_eq!(keeps(nodes(), vec![bound("dns-1", "n1"), bound("dns-2", "n2")], &[]), None);
    }

    #[test]
    fn a_pod_that_waits_although_open_nodes_have_room_keeps_one_cordoned_node_if_it_is_bound() {
        let refused = SchedulerRefusal { message: "".into(), since: Some(ago(600)) };
        let waits = |bound_by, refusal| {
            let unbound = Unbound { refusal, ..Unbound::default() };
            vec![Pod { bound_by, unbound: Some(Box::new(unbound)), ..dns("dns", 4) }]
        };
        let port = Some(Bond::HostPort);
        let two = || vec![node("n1"), node("n2")];
        assert!(keeps(two(), waits(port, Some(refused.clone())), &[]).is_some());
        assert_eq!(keeps(two(), waits(port, None), &[]), None);
        assert_eq!(keeps(two(), waits(None, Some(refused.clone())), &[]), None);
        assert_eq!(keeps(two(), waits(port, Some(refused)), &["n2"]), None, "the other cordoned one stays");
    }
}
