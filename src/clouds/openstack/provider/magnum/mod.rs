//! Node groups of Magnum: a run grows them by a resize, and deletes from them by name only if `MAGNUM_DELETE` names a driver
//! that supports it.
//!
//! ```text
//!   NODE_GROUPS (CLUSTER/GROUP) --> look: cluster, node group --+--> group: which servers, what it cannot do
//!   Lease <-- asked: what was asked to go ----------------------+
//!   Nova's servers --> heat: which names prove the cluster
//!   grow, delete --> calls: the requests, read again before and watched after
//! ```

mod asked;
mod calls;
mod group;
mod heat;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use kube_rebalancer_join::ListedGroup;
use kube_rebalancer_ports::{MagnumDelete, SharedNotes};

pub(super) use self::calls::MagnumCalls;
pub(super) use self::group::{NOT_PARKABLE, NodeGroup};
use super::sets::{Sorted, objection};
use crate::client::{Magnum, Nova, Server, parse_magnum};
use crate::id::ServerId;
use kube_rebalancer_rest::{CloudError, Kind};

/// A part of `NODE_GROUPS` that names a node group of Magnum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The part, which is the name of the group in plans.
    pub(super) name: String,
    cluster: String,
    group: String,
}

impl Part {
    /// Reads a part; `None` if it names a set of servers.
    pub(super) fn parse(part: &str) -> Option<Result<Self, CloudError>> {
        let read = parse_magnum(part)?;
        Some(read.map(|(cluster, group)| Self { name: part.to_owned(), cluster, group }))
    }
}

/// Magnum's view of the node groups.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) groups: Vec<NodeGroup>,
    /// The gaps in the view.
    pub(super) gaps: Vec<String>,
    /// Parts that name no node group.
    pub(super) unknown: BTreeSet<String>,
}

/// Reads the node groups. An unreadable one is a gap: Nova's sets do not depend on it.
pub(super) async fn look(
    nova: &Nova,
    parts: &[Part],
    servers: &[Server],
    delete: MagnumDelete,
    notes: Option<&SharedNotes>,
) -> Result<Looked, CloudError> {
    let mut looked = Looked::default();
    if parts.is_empty() {
        return Ok(looked);
    }
    let asked = match asked::read(notes).await {
        Ok(asked) => asked,
        Err(error) => {
            looked.gaps.push(format!("the requested deletions cannot be read from the Lease: {error}"));
            return Ok(looked);
        }
    };
    for part in parts {
        let Part { name, .. } = part;
        if !nova.has_magnum {
            looked.gaps.push(format!(
                "node group {name}: the catalogue of project {} has no container-infra service, which is Magnum",
                nova.project.name
            ));
            continue;
        }
        match see(nova, part).await {
            Ok((cluster, names, group)) => {
                if group.role == "master" {
                    return Err(CloudError::setting(format!(
                        "NODE_GROUPS: node group {name} has the role master; the control plane is left alone"
                    )));
                }
                let asked = asked.iter().filter(|one| one.group == *name).cloned().collect();
                let (name, has_missed) = (name.clone(), AtomicBool::new(false));
                let group =
                    NodeGroup { name, cluster, group, names, delete, asked, of_heat: false, has_missed };
                looked.groups.push(group.among(servers));
            }
            Err(error) if error.kind == Kind::Setting => return Err(error),
            Err(error) if error.kind == Kind::NotFound => drop(looked.unknown.insert(name.clone())),
            Err(error) => looked.gaps.push(format!("node group {name}: {}", error.message)),
        }
    }
    Ok(looked)
}

/// Sorts servers by node group, for the crate `join`. A server must not be in a set of servers and in a node group.
pub(super) fn sort(
    groups: &[NodeGroup],
    servers: &[Server],
    zone: Option<&str>,
    sorted: &mut Sorted<'_>,
) -> Result<Vec<ListedGroup<ServerId>>, CloudError> {
    let mut all = Vec::new();
    for group in groups {
        let mut own = Vec::new();
        for server in servers.iter().filter(|server| group.has(server)) {
            if sorted.of_set.iter().flatten().any(|other| other.id == server.id) {
                return Err(CloudError::setting(format!(
                    "NODE_GROUPS: server {} is in `{}` and in a set of servers; a server is in one group",
                    server.name, group.name
                )));
            }
            match objection(server, zone) {
                Some(why) => drop(sorted.refused.insert(server.id.clone(), why)),
                None => own.push(server),
            }
        }
        all.push(group.listed(&own));
    }
    Ok(all)
}

/// A cluster, the names of its node groups, and one of them.
type Shown = (crate::client::Cluster, BTreeSet<String>, crate::client::ClusterGroup);

async fn see(nova: &Nova, part: &Part) -> Result<Shown, CloudError> {
    let magnum = Magnum { nova };
    let cluster = magnum.cluster(&part.cluster, false).await?;
    let names = magnum.groups(&cluster.uuid).await?;
    let group = magnum.group(&cluster.uuid, &part.group, false).await?;
    Ok((cluster, names, group))
}
