//! What EC2 shows at a listing. It is asked only for instances that this program has set aside, and with `GIVE_BACK=park`
//! for one instance of each group: whether it could be stopped and started.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Node, Snapshot, annotation};
use kube_rebalancer_core::policy::{GiveBack, Policy};
use kube_rebalancer_join::instance_of;

use super::find::FoundGroup;
use super::rules;
use crate::client::{Client, Deed};
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::machine::{Machine, Power};
use crate::types::{Group, Stage};

/// The machines that matter for parking.
#[derive(Debug, Default)]
pub(super) struct Machines {
    /// The instances in standby by this program.
    pub(super) aside: BTreeSet<InstanceId>,
    /// Of these, the instances that no run has begun to wake.
    parked: BTreeSet<InstanceId>,
    /// The machines of these, as far as EC2 shows them.
    pub(super) shown: BTreeMap<InstanceId, Machine>,
    /// The reason why the machines of a group cannot be parked, by its name.
    pub(super) not_parkable: BTreeMap<String, String>,
    /// The failure to read them, if any.
    pub(super) unseen: Option<String>,
}

impl Machines {
    /// Reads them.
    pub(super) async fn read(
        client: &Client,
        groups: &[FoundGroup],
        snapshot: &Snapshot,
        policy: &Policy,
    ) -> Self {
        let aside = aside(groups, snapshot, is_marked);
        let samples: Vec<(&Group, &InstanceId)> = if policy.give_back == GiveBack::Park {
            groups.iter().filter_map(|one| Some((&one.group, sample(&one.group)?))).collect()
        } else {
            Vec::new()
        };
        let ids: BTreeSet<&InstanceId> = aside.iter().chain(samples.iter().map(|(_, id)| *id)).collect();
        let mut machines = Self::default();
        if !ids.is_empty() {
            let ids: Vec<&InstanceId> = ids.into_iter().collect();
            match client.machines(&ids, false).await {
                Ok(shown) => machines.shown = shown.into_iter().map(|one| (one.id.clone(), one)).collect(),
                Err(why) => machines.not_seen(&why, &samples),
            }
        }
        for (group, id) in samples {
            if let Some(why) = machines.objection(client, id).await {
                machines.not_parkable.entry(group.name.clone()).or_insert(why);
            }
        }
        machines.parked = self::aside(groups, snapshot, |node| is_marked(node) && !is_woken(node));
        machines.aside = aside;
        machines
    }

    /// Without the permission nothing is parked. Any other failure passes, so that empty nodes are not deleted because of it.
    fn not_seen(&mut self, why: &CloudError, samples: &[(&Group, &InstanceId)]) {
        if why.kind == Kind::Forbidden {
            let refused = || format!("it is not parked: {why}");
            self.not_parkable = samples.iter().map(|(group, _)| (group.name.clone(), refused())).collect();
        }
        self.unseen = Some(why.to_string());
    }

    /// The reason why an instance, as a sample of its group, cannot be stopped and started.
    async fn objection(&self, client: &Client, id: &InstanceId) -> Option<String> {
        let machine = self.shown.get(id)?;
        if let Some(why) = rules::not_stoppable(machine) {
            return Some(why);
        }
        for deed in [Deed::Stop, Deed::Start] {
            if let Err(why) = client.may_turn(id, deed).await
                && why.kind == Kind::Forbidden
            {
                return Some(format!("it is not parked: {why}"));
            }
        }
        None
    }

    /// Whether a parking of this group has begun and is not finished: then its size is already lowered for it.
    pub(super) fn has_unfinished(&self, group: &Group) -> bool {
        let runs =
            |id| self.shown.get(id).is_some_and(|one| matches!(one.power, Power::Running | Power::Pending));
        group.instances.iter().any(|one| self.parked.contains(&one.id) && runs(&one.id))
    }
}

/// The instances in standby of certain nodes.
fn aside(groups: &[FoundGroup], snapshot: &Snapshot, of: impl Fn(&Node) -> bool) -> BTreeSet<InstanceId> {
    let marked: BTreeSet<InstanceId> =
        snapshot.nodes().iter().filter(|node| of(node)).filter_map(instance_of).collect();
    let standby = groups.iter().flat_map(|one| &one.group.instances).filter(|one| one.lifecycle.is_standby());
    standby.map(|one| &one.id).filter(|id| marked.contains(id)).cloned().collect()
}

/// Whether this program parked the node and nobody has taken it back since, or woke it and its return to service is not
/// proven: an uncordon keeps that mark.
fn is_marked(node: &Node) -> bool {
    is_woken(node) || (node.unschedulable && node.annotations.contains_key(annotation::PARKED_AT))
}

fn is_woken(node: &Node) -> bool {
    node.annotations.contains_key(annotation::WOKEN_AT)
}

/// An instance in service, as a sample of its group.
fn sample(group: &Group) -> Option<&InstanceId> {
    group.instances.iter().find(|one| one.lifecycle.stage() == Stage::Serving).map(|one| &one.id)
}
