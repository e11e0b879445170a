//! The facts of one node, from the node itself and from each of its pods.

use super::actors::deletion_delay;
use super::classes::PodClass;
use super::loss::{loss_on, runs_the_cluster};
use super::reason::{KeepReason, Loss};
use super::state::{Cordon, Marks, is_claimed, is_parking, not_ready_since, pinned_by, says_ready};
use super::survey::{NodeFacts, OccupantKind};
use super::value::NodeState;
use crate::model::{Amounts, Node, Pod, Snapshot, Volumes};
use crate::policy::Policy;

impl<'a> NodeFacts<'a> {
    /// The facts of a node without its pods.
    pub(super) fn of(
        node: &'a Node,
        pool: usize,
        unmanaged: Option<KeepReason>,
        snapshot: &Snapshot,
        policy: &Policy,
    ) -> Self {
        let marks = Marks::of(node).credible(snapshot.observed_at());
        Self {
            node,
            zone: node.zone(),
            pool,
            unmanaged: unmanaged.map(Box::new),
            reserved: None,
            state: NodeState::Broken,
            says_ready: says_ready(node),
            not_ready_since: not_ready_since(node),
            impaired_by: None,
            without_capacity: false,
            cordon: marks.cordon,
            scale_down_disabled: pinned_by(node).is_some(),
            deletion_delayed: deletion_delay(node),
            twin: None,
            claimed: is_claimed(node, snapshot.observed_at())
                || is_parking(node, policy, snapshot.observed_at()),
            cordoned_at: marks.cordoned_at,
            empty_since: marks.empty_since,
            parked_at: marks.parked_at,
            woken_at: marks.woken_at,
            capacity: Amounts::default(),
            offer: node.allocatable.offer(&node.capacity),
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
            own: policy.own_node.as_ref() == Some(&node.name),
            has_claims: false,
            load: Amounts::default(),
            daemon_load: Amounts::default(),
            omitted_load: Amounts::default(),
            unoccupied_load: Amounts::default(),
            usage: None,
        }
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
                return;
            }
            PodClass::Placeholder { .. } => return,
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
            PodClass::Own => {
                self.own = true;
                return;
            }
        }
        self.unoccupied_load.add(requests);
    }

    /// A node's room for users' and critical pods: the amount that daemons and omitted pods do not take.
    pub(crate) fn room_without_occupants(&self) -> Amounts {
        self.offer.clone().minus(&self.unoccupied_load)
    }

    /// Whether it is cordoned.
    pub(crate) fn cordoned(&self) -> bool {
        self.cordon != Cordon::None
    }
}
