//! The facts of one node, from the node itself and from each of its pods.

use std::collections::BTreeSet;

use super::actors::{autoscaler_of, deletion_delay};
use super::classes::PodClass;
use super::loss::{loss_on, runs_the_cluster};
use super::managed::unmanaged;
use super::reach::is_windows;
use super::reason::Loss;
use super::state::{Cordon, Marks, is_claimed, is_parking, not_ready_since, pinned_by, says_ready};
use super::survey::{NodeFacts, OccupantKind};
use super::value::NodeState;
use crate::model::{Amounts, Node, NodeIndex, Pod, Snapshot, Volumes, is_extended_resource};
use crate::policy::Policy;

impl<'a> NodeFacts<'a> {
    /// A node of which nothing is known yet.
    pub(super) fn new((index, node): (NodeIndex, &'a Node)) -> Self {
        Self {
            node,
            index,
            zone: None,
            bare: false,
            has_device: false,
            autoscaler: None,
            windows: false,
            pool: 0,
            unmanaged: None,
            reserved: None,
            state: NodeState::Broken,
            says_ready: false,
            not_ready_since: None,
            impaired_by: None,
            without_capacity: false,
            cordon: Cordon::None,
            scale_down_disabled: false,
            deletion_delayed: None,
            twin: None,
            claimed: false,
            cordoned_at: None,
            empty_since: None,
            parked_at: None,
            woken_at: None,
            capacity: Amounts::default(),
            offer: Amounts::default(),
            occupants: 0,
            critical_requests: Amounts::default(),
            dynamic_requests: Amounts::default(),
            placeholder_requests: Amounts::default(),
            daemons: Amounts::default(),
            demand: Amounts::default(),
            occupant: None,
            critical: None,
            loses: None,
            replicas: Vec::new(),
            moves: Vec::new(),
            movable: Vec::new(),
            awaits: None,
            own: false,
            has_claims: false,
            load: Amounts::default(),
            daemon_load: Amounts::default(),
            omitted_load: Amounts::default(),
            usage: None,
        }
    }

    /// Adds what the node itself shows. `zones` are those seen so far: one text for each is compared faster than many.
    pub(super) fn look(&mut self, snapshot: &Snapshot, policy: &Policy, zones: &mut BTreeSet<&'a str>) {
        let (node, now) = (self.node, snapshot.observed_at());
        let marks = Marks::of(node).credible(now);
        self.unmanaged = unmanaged(node, policy).map(Box::new);
        self.zone = node.zone().map(|zone| {
            zones.get(zone).copied().unwrap_or_else(|| {
                zones.insert(zone);
                zone
            })
        });
        self.bare = node.taints.is_empty() && node.annotations.is_empty();
        self.autoscaler = autoscaler_of(node).map(Box::new);
        self.windows = is_windows(&node.labels);
        self.says_ready = says_ready(node);
        self.not_ready_since = not_ready_since(node, now);
        self.cordon = marks.cordon;
        self.scale_down_disabled = pinned_by(node).is_some();
        self.deletion_delayed = deletion_delay(node);
        self.claimed = is_claimed(node, now) || is_parking(node, policy, now);
        self.cordoned_at = marks.cordoned_at;
        self.empty_since = marks.empty_since;
        self.parked_at = marks.parked_at;
        self.woken_at = marks.woken_at;
        self.offer = node.allocatable.offer(&node.capacity);
        self.has_device = self.offer.further().any(|(name, _)| is_extended_resource(name));
        self.own = policy.own_node.as_ref() == Some(&node.name);
    }

    pub(super) fn requests_of(&mut self, kind: OccupantKind) -> &mut Amounts {
        match kind {
            OccupantKind::Critical => &mut self.critical_requests,
            OccupantKind::Dynamic => &mut self.dynamic_requests,
            OccupantKind::Placeholder => &mut self.placeholder_requests,
        }
    }

    pub(super) fn add(
        &mut self,
        pod: &'a Pod,
        class: PodClass,
        requests: &Amounts,
        (policy, volumes): (&Policy, &Volumes),
    ) {
        self.load.add(requests);
        let passes = matches!(class, PodClass::Daemon { .. } | PodClass::Placeholder { .. });
        self.has_claims |= !passes && !pod.claims.is_empty();
        if let Some(kind) = OccupantKind::of(class) {
            self.requests_of(kind).add(requests);
        }
        match class {
            PodClass::Critical | PodClass::Movable | PodClass::Dynamic => {
                self.occupants += pod.count();
                self.occupant.get_or_insert(pod);
                if class == PodClass::Critical {
                    self.critical.get_or_insert(pod);
                } else if class == PodClass::Movable {
                    self.movable.push(pod);
                }
            }
            PodClass::Placeholder { .. } => {}
            PodClass::Daemon { counted } => {
                if runs_the_cluster(pod) {
                    self.loses.get_or_insert_with(|| Box::new((pod, Loss::ControlPlane)));
                }
                self.daemon_load.add(requests);
                let sum = if counted { &mut self.daemons } else { &mut self.omitted_load };
                sum.add(requests);
            }
            PodClass::Omitted => {
                self.omitted_load.add(requests);
                // Once one pod would be lost the node stays, and further ones do not matter.
                if self.loses.is_none() {
                    match loss_on(pod, self.node, policy, volumes) {
                        Some(why) => self.loses = Some(Box::new((pod, why))),
                        None => self.moves.push(pod),
                    }
                }
            }
            // Its node is undeletable during this run; the pod itself ends with the run and frees its room.
            PodClass::Own => self.own = true,
        }
    }

    /// The requests of all pods but its occupants, placeholders and this run's own pod.
    pub(crate) fn unoccupied_load(&self) -> Amounts {
        self.daemons.clone().plus(&self.omitted_load)
    }

    /// A node's room for users' and critical pods: the amount that daemons and omitted pods do not take.
    pub(crate) fn room_without_occupants(&self) -> Amounts {
        self.offer.clone().minus(&self.unoccupied_load())
    }

    /// Whether it is cordoned.
    pub(crate) fn cordoned(&self) -> bool {
        self.cordon != Cordon::None
    }
}
