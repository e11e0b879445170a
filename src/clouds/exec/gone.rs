//! Asks `EXEC_GONE` whether the machines of nodes that were given back are gone.
//!
//! The request includes some nodes whose machines exist. If the command does not find one of them, the same cause may hide all
//! machines.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::MachineFate;
use kube_rebalancer_core::text::clean;
use kube_rebalancer_ports::InstanceToDelete;
use kube_rebalancer_ports::words::without_tokens;

use crate::look::{Member, requested};
use crate::protocol::{
    AnsweredMachine, AnsweredState, MachineState, Request, RequestedNode, SCHEMA, Verb, sorted,
};
use crate::provider::{Exec, how};

/// Number of nodes with existing machines that are added to the request.
const WITNESSES: usize = 3;

impl Exec {
    pub(super) async fn fates_of(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        let unknown = |why: String| vec![MachineFate::Unknown(why); nodes.len()];
        let Some(words) = &self.scope.commands.gone else {
            return unknown("EXEC_GONE is not set".to_owned());
        };
        let is_there = |member: &&Member| member.state == AnsweredState::Present;
        let witnesses: Vec<RequestedNode> = self
            .members
            .values()
            .filter(is_there)
            .map(|member| member.node.clone())
            .filter(|node| nodes.iter().all(|asked| asked.node != node.name))
            .take(WITNESSES)
            .collect();
        if witnesses.is_empty() {
            return unknown("EXEC_GONE: no other machine of the cluster is there to ask about".to_owned());
        }
        let asked: Vec<Option<RequestedNode>> = nodes.iter().map(|node| self.listed(node)).collect();
        // In the order of names, so that the command cannot know which of them exist.
        let all: BTreeMap<String, RequestedNode> =
            asked.iter().flatten().chain(&witnesses).map(|node| (node.name.clone(), node.clone())).collect();
        let request = Request {
            schema: SCHEMA,
            verb: Verb::Gone,
            group: None,
            from: None,
            to: None,
            nodes: all.into_values().collect(),
        };
        let (ended, answer) = match self.ask(words, &request).await {
            Ok(both) => both,
            Err(broken) => return unknown(broken.to_string()),
        };
        if ended.code != Some(0) {
            return unknown(format!("EXEC_GONE: {}", how(&ended, &answer)));
        }
        let names: BTreeSet<&str> = request.nodes.iter().map(|node| node.name.as_str()).collect();
        let parts = answer.machines.iter().map(|machine| (machine.name.as_str(), machine));
        let machines = match sorted(parts, &names) {
            Ok(machines) => machines,
            Err(why) => return unknown(clean(&format!("EXEC_GONE: {why}")).into_owned()),
        };
        if let Some(witness) = witnesses.iter().find(|node| {
            machines.get(node.name.as_str()).is_none_or(|one| one.state != MachineState::Present)
        }) {
            let name = &witness.name;
            return unknown(format!(
                "EXEC_GONE: the command does not show the machine of node {name} either"
            ));
        }
        asked
            .iter()
            .map(|node| fate(node.as_ref().and_then(|node| machines.get(node.name.as_str()))))
            .collect()
    }

    /// A node as the cluster listed it, if it still names its machine in the same way.
    fn listed(&self, node: &InstanceToDelete) -> Option<RequestedNode> {
        let (snapshot, _) = self.looked.as_ref()?;
        let found = snapshot.nodes().iter().find(|one| one.name == node.node)?;
        (found.provider_id == node.provider_id && found.system_uuid == node.system_uuid)
            .then(|| requested(found))
    }
}

fn fate(machine: Option<&&AnsweredMachine>) -> MachineFate {
    let Some(machine) = machine else {
        return MachineFate::Unknown("EXEC_GONE: there is no answer for it".to_owned());
    };
    let words = machine.message.clone().unwrap_or_else(|| "the command gives no reason".to_owned());
    let words = clean(&without_tokens(&format!("EXEC_GONE: {words}"))).into_owned();
    match machine.state {
        MachineState::Gone => MachineFate::Gone,
        MachineState::Present => MachineFate::Exists(words),
        MachineState::Unknown => MachineFate::Unknown(words),
    }
}
