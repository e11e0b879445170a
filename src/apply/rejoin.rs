//! Lets the clouds finish what earlier runs began: a machine that was woken but is not yet back in its group. It comes before
//! the uncordons, so that no user starts on a machine that its group does not count.

use std::collections::BTreeSet;

use kube_rebalancer_core::model::{Node, annotation};
use kube_rebalancer_core::plan::Action;
use kube_rebalancer_ports::{Clock, Cluster, GroupAnswer, InstanceToDelete, NodeGroups};

use super::{Apply, instance};

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Names the nodes with the mark of a waking, and the nodes to uncordon, to their clouds. A failure is only logged. The
    /// next run tries a cordoned node again. A node that is uncordoned all the same, because a user waits for it, loses the
    /// mark, and later runs see its instance outside its group.
    pub(super) async fn rejoin(&self) {
        let Ok(groups) = self.groups else { return };
        let uncordons: BTreeSet<&str> = self
            .indices(Action::is_uncordon)
            .filter_map(|index| self.plan.actions.get(index)?.node())
            .collect();
        let is_woken =
            |node: &Node| node.unschedulable && node.annotations.contains_key(annotation::WOKEN_AT);
        let nodes: Vec<InstanceToDelete> = self
            .snapshot
            .nodes()
            .iter()
            .filter(|node| is_woken(node) || uncordons.contains(node.name.as_str()))
            .map(instance)
            .collect();
        if nodes.is_empty() || self.stopped() {
            return;
        }
        let answers = groups.rejoin(&nodes).await;
        for (node, answer) in nodes.iter().zip(answers) {
            let name = &node.node;
            match answer {
                None => {}
                Some(GroupAnswer::Done | GroupAnswer::AlreadySo) => {
                    log::info!("node {name}: its cloud goes on with the waking that an earlier run began");
                }
                Some(other) => {
                    let why = other.words().unwrap_or_default();
                    log::warn!("node {name}: the waking that an earlier run began is not finished: {why}");
                }
            }
        }
    }
}
