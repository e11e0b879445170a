//! Converts the answer of `EXEC_LIST` to groups, memberships and members.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube_rebalancer_core::model::{
    Instance, Membership, Node, NodeGroup, NodeResources, NodeTemplate, Snapshot, parse_bytes,
    parse_millicores,
};
use kube_rebalancer_ports::{CloudScope, Commands};

use crate::notes::Asked;
use crate::protocol::{AnsweredGroup, AnsweredInstance, AnsweredState, AnsweredTemplate, RequestedNode};
use crate::sightings::{Sightings, unlisted_name};

/// The result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) groups: Vec<NodeGroup>,
    /// The names of all groups, including the ones that `NODE_GROUPS` does not name.
    pub(crate) known: Vec<String>,
    pub(crate) memberships: Vec<Membership>,
    /// The nodes whose instance was proven, with their group.
    pub(crate) members: BTreeMap<String, Member>,
}

/// A node whose instance was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) group: String,
    pub(crate) node: RequestedNode,
    pub(crate) state: AnsweredState,
}

pub(crate) fn requested(node: &Node) -> RequestedNode {
    RequestedNode {
        name: node.name.clone(),
        provider_id: node.provider_id.clone(),
        uid: node.uid.clone(),
        system_uuid: node.system_uuid.clone(),
    }
}

/// Matches the answer with the nodes. The error is about the whole answer.
pub(crate) fn look(
    groups: Vec<AnsweredGroup>,
    snapshot: &Snapshot,
    asked: &[Asked],
    sightings: &Sightings,
    scope: &CloudScope,
) -> Result<Seen, String> {
    let known = groups.iter().map(|group| group.name.clone()).collect();
    let groups = chosen(groups, scope)?;
    let mut on: BTreeMap<&str, (&AnsweredGroup, &AnsweredInstance)> = BTreeMap::new();
    for group in &groups {
        for instance in &group.instances {
            if on.insert(&instance.name, (group, instance)).is_some() {
                return Err(format!("it names instance {} twice", instance.name));
            }
        }
    }
    let mut seen = Seen { known, ..Seen::default() };
    for node in snapshot.nodes() {
        let membership = match on.get(node.name.as_str()) {
            None => outside("EXEC_LIST does not name it".to_owned()),
            Some((group, instance)) => {
                if let Err(why) = proven(node, instance) {
                    outside(why)
                } else {
                    let member =
                        Member { group: group.name.clone(), node: requested(node), state: instance.state };
                    seen.members.insert(node.name.clone(), member);
                    Membership {
                        group: Some(group.name.clone()),
                        outside: None,
                        leaving: instance.state == AnsweredState::Leaving,
                    }
                }
            }
        };
        seen.memberships.push(membership);
    }
    seen.groups = groups
        .iter()
        .map(|group| node_group(group, snapshot, &seen.members, asked, sightings, &scope.commands))
        .collect::<Result<_, _>>()?;
    Ok(seen)
}

fn outside(why: String) -> Membership {
    Membership { outside: Some(why), ..Membership::default() }
}

/// The groups that `NODE_GROUPS` names by their whole names; all if it names none.
fn chosen(groups: Vec<AnsweredGroup>, scope: &CloudScope) -> Result<Vec<AnsweredGroup>, String> {
    let mut names = BTreeSet::new();
    for group in &groups {
        if group.name.is_empty() || !names.insert(group.name.clone()) {
            return Err(format!("it has two groups called `{}`, or one without a name", group.name));
        }
    }
    let is_chosen =
        |group: &AnsweredGroup| scope.node_groups.is_empty() || scope.node_groups.contains(&group.name);
    Ok(groups.into_iter().filter(is_chosen).collect())
}

/// Checks that the instance is the node's, in addition to the name: by the provider ID if the node has one, else by system
/// UUID.
fn proven(node: &Node, instance: &AnsweredInstance) -> Result<(), String> {
    if let Some(has) = &node.provider_id {
        return match &instance.provider_id {
            Some(listed) if listed == has => Ok(()),
            Some(listed) => Err(format!("its providerID is {has}, EXEC_LIST says {listed}")),
            None => Err("EXEC_LIST does not name its providerID".to_owned()),
        };
    }
    match (&node.system_uuid, &instance.system_uuid) {
        (Some(has), Some(listed)) if has.eq_ignore_ascii_case(listed) => Ok(()),
        (Some(has), Some(listed)) => Err(format!("its system UUID is {has}, EXEC_LIST says {listed}")),
        _ => Err("neither a providerID nor a system UUID proves which machine it is".to_owned()),
    }
}

fn node_group(
    group: &AnsweredGroup,
    snapshot: &Snapshot,
    members: &BTreeMap<String, Member>,
    asked: &[Asked],
    sightings: &Sightings,
    commands: &Commands,
) -> Result<NodeGroup, String> {
    let has_node = |name: &str| members.get(name).is_some_and(|member| member.group == group.name);
    // Without `createdAt` an instance is as old as its first sighting.
    let began = |one: &AnsweredInstance| one.created_at.or_else(|| sightings.get(&one.name).copied());
    let staying = || group.instances.iter().filter(|one| one.state != AnsweredState::Leaving);
    let mut instances: Vec<Instance> = staying()
        .filter(|one| has_node(&one.name) || one.state != AnsweredState::Parked)
        .map(|one| Instance {
            name: one.name.clone(),
            has_node: has_node(&one.name),
            created_at: began(one),
            creation_error: one.error.clone().filter(|_| !has_node(&one.name)),
            surely_no_node: false,
        })
        .collect();
    let listed = u32::try_from(staying().count()).unwrap_or(u32::MAX);
    let size = group.size.unwrap_or(listed).max(listed);
    // By the place in the whole group: the next growth has no place of an earlier one that arrived.
    let name = |number: u32| unlisted_name(&group.name, listed.saturating_add(number));
    let unlisted = size.saturating_sub(listed).min(MOST_COMING);
    let mut coming: Vec<Option<Timestamp>> =
        (1..=unlisted).map(|number| sightings.get(&name(number)).copied()).collect();
    let missing = missing(group, asked, appeared(group, snapshot, &has_node, &began));
    // The size of the group already includes this growth.
    coming.extend(missing.into_iter().skip(coming.len()).map(Some));
    let target_size = listed.saturating_add(u32::try_from(coming.len()).unwrap_or(u32::MAX));
    instances.extend((1..).zip(coming).map(|(number, created_at)| Instance {
        name: name(number),
        created_at,
        ..Instance::default()
    }));
    let unset = |command: &Option<Vec<String>>, setting: &str| {
        command.is_none().then(|| format!("{setting} is not set"))
    };
    Ok(NodeGroup {
        name: group.name.clone(),
        zone: group.zone.clone(),
        zones: Vec::new(),
        target_size,
        instances,
        template: group.template.as_ref().map(template).transpose()?,
        not_growable: unset(&commands.grow, "EXEC_GROW").or_else(|| group.not_growable.clone()),
        not_shrinkable: unset(&commands.delete, "EXEC_DELETE").or_else(|| group.not_shrinkable.clone()),
        not_parkable: unset(&commands.park, "EXEC_PARK").or_else(|| group.not_parkable.clone()),
        not_wakeable: unset(&commands.wake, "EXEC_WAKE").or_else(|| group.not_wakeable.clone()),
    })
}

/// Maximum number of growing nodes. No cluster is near it.
const MOST_COMING: u32 = 1000;

/// When the instances of the group appeared: as nodes, or as instances being created. `None` is an unknown moment.
fn appeared(
    group: &AnsweredGroup,
    snapshot: &Snapshot,
    has_node: &dyn Fn(&str) -> bool,
    began: &dyn Fn(&AnsweredInstance) -> Option<Timestamp>,
) -> Vec<Option<Timestamp>> {
    let nodes = snapshot.nodes();
    let created = |name: &str| {
        let index = nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok()?;
        nodes.get(index)?.created_at
    };
    let moment = |one: &AnsweredInstance| match (has_node(&one.name), one.state) {
        (true, _) => created(&one.name).map(Some),
        (false, AnsweredState::Creating | AnsweredState::Present) => Some(began(one)),
        (false, AnsweredState::Parked | AnsweredState::Leaving) => None,
    };
    group.instances.iter().filter_map(moment).collect()
}

/// The requested instances that have not appeared, by the time of the request, the latest first. Each instance counts once:
/// for one request that is no later than the instance.
fn missing(group: &AnsweredGroup, asked: &[Asked], mut appeared: Vec<Option<Timestamp>>) -> Vec<Timestamp> {
    let mut notes: Vec<&Asked> = asked.iter().filter(|note| note.group == group.name).collect();
    notes.sort_by_key(|note| std::cmp::Reverse(note.at));
    let most = usize::try_from(MOST_COMING).unwrap_or(usize::MAX);
    let count = |note: &Asked| usize::try_from(note.count).unwrap_or(usize::MAX).min(most);
    let wanted: usize = notes.iter().map(|note| count(note)).sum();
    let mut came = 0_usize;
    // The latest request has the fewest possible instances, so it chooses first.
    for note in &notes {
        for _ in 0..count(note) {
            let late_enough = |at: &Option<Timestamp>| at.is_none_or(|at| at >= note.at);
            let Some(position) = appeared.iter().position(late_enough) else { break };
            appeared.swap_remove(position);
            came = came.saturating_add(1);
        }
    }
    // The earliest request is served first.
    let times = notes.into_iter().flat_map(|note| std::iter::repeat_n(note.at, count(note)));
    times.take(wanted.saturating_sub(came).min(most)).collect()
}

fn template(template: &AnsweredTemplate) -> Result<NodeTemplate, String> {
    let bad = |what: &str, text: &str, why: String| format!("its template has {what} `{text}`: {why}");
    let memory = template
        .memory
        .as_deref()
        .map(|text| parse_bytes(text).map_err(|error| bad("memory", text, error.to_string())));
    let cpu = template
        .cpu
        .as_deref()
        .map(|text| parse_millicores(text).map_err(|error| bad("cpu", text, error.to_string())));
    let resources =
        NodeResources { memory: memory.transpose()?, cpu: cpu.transpose()?, pods: None, further: None };
    Ok(NodeTemplate {
        allocatable: resources.clone(),
        capacity: resources,
        labels: template.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        taints: Vec::new(),
        only_size: false,
    })
}
