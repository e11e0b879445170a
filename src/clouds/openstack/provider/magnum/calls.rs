//! The requests that change a node group, for the crate `join`: the group is read right before, and watched afterwards.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube_rebalancer_join::{Asked as Answer, Calls, GroupNow, InstanceState, ListedInstance};
use kube_rebalancer_ports::{MagnumDelete, NOT_ASKED, SharedNotes};

use super::asked::{self, Asked};
use super::group::{NodeGroup, in_the_way, not_growable};
use crate::client::{Cluster, ClusterGroup, Magnum, Nova, Sent, Server};
use crate::id::ServerId;
use crate::provider::state::{listed, state};
use kube_rebalancer_rest::{CloudError, Kind};

/// Maximum pause between two reads of servers in deletion.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A node group to change.
#[derive(Debug)]
pub(in crate::provider) struct MagnumCalls<'a> {
    pub(in crate::provider) nova: &'a Nova,
    pub(in crate::provider) group: &'a NodeGroup,
    pub(in crate::provider) notes: Option<&'a SharedNotes>,
}

impl Calls for MagnumCalls<'_> {
    type Instance = ServerId;
    type Refusal = CloudError;

    fn stopped(&self) -> Option<CloudError> {
        self.nova.transport().is_over().then(|| CloudError::new(Kind::Other, NOT_ASKED))
    }

    /// A driver of Cluster API skips an unknown name and deletes another machine: one at a time limits that. The next
    /// deletion waits until the change is over, in a later run.
    fn batch(&self) -> usize {
        match self.group.delete {
            MagnumDelete::Heat => usize::MAX,
            MagnumDelete::Never | MagnumDelete::ClusterApi => 1,
        }
    }

    async fn size(&self, _: &str, last: bool) -> Result<GroupNow, CloudError> {
        let (cluster, group) = self.now(last).await?;
        Ok(GroupNow { target_size: group.node_count, not_growable: not_growable(&cluster, &group) })
    }

    async fn instances(&self, _: &str, last: bool) -> Result<Vec<ListedInstance<ServerId>>, CloudError> {
        Ok(self.servers(last).await?.iter().map(listed).collect())
    }

    /// Magnum has no precondition, and with a lower count without names a driver deletes any node. The group is read once
    /// more, so that bound and count are of the same moment.
    async fn resize(&self, _: &str, size: u32) -> Answer<CloudError> {
        let (cluster, group) = match self.now(false).await {
            Ok(now) => now,
            Err(why) => return Answer::Refused(why),
        };
        if let Some(why) = not_growable(&cluster, &group) {
            return Answer::Refused(self.refusal(&why));
        }
        let most = group.max_node_count.unwrap_or(u32::MAX);
        if size > most {
            log::warn!(
                "node group {}: {size} nodes are wanted, its max_node_count is {most}",
                self.group.name
            );
        }
        let size = size.min(most);
        if size <= group.node_count {
            let why =
                format!("another client requested {} nodes meanwhile, this run {size}", group.node_count);
            return Answer::Refused(self.refusal(&why));
        }
        self.ask(size, &[]).await
    }

    async fn remove(&self, _: &str, instances: &[ServerId]) -> Answer<CloudError> {
        let size = match self.size_after(instances).await {
            Ok(size) => size,
            Err(why) => return Answer::Refused(why),
        };
        let before = match self.servers(false).await {
            Ok(servers) => servers,
            Err(why) => return Answer::Refused(why),
        };
        if self.group.has_missed.load(Ordering::Relaxed) {
            let why = "its driver deleted another server than the named one in this run";
            return Answer::Refused(self.refusal(why));
        }
        let named: BTreeSet<&ServerId> = instances.iter().collect();
        let survivors: BTreeSet<ServerId> =
            before.iter().map(|server| &server.id).filter(|id| !named.contains(id)).cloned().collect();
        if let Err(why) = self.note(instances, &before).await {
            return Answer::Refused(why);
        }
        // If another client raised the count in the meantime, more nodes than the named ones would be deleted.
        let moved = match self.size_after(instances).await {
            Ok(again) if again == size => None,
            Ok(_) => Some(self.refusal("another client changes its count")),
            Err(why) => Some(why),
        };
        if let Some(why) = moved {
            self.unnote(instances).await;
            return Answer::Refused(why);
        }
        let ids: Vec<String> = instances.iter().map(|id| id.as_str().to_owned()).collect();
        match self.ask(size, &ids).await {
            Answer::Accepted => self.watch(&named, &survivors).await,
            Answer::Refused(why) => {
                self.unnote(instances).await;
                Answer::Refused(why)
            }
            lost @ Answer::Unanswered(_) => lost,
        }
    }
}

impl MagnumCalls<'_> {
    async fn now(&self, last: bool) -> Result<(Cluster, ClusterGroup), CloudError> {
        let magnum = Magnum { nova: self.nova };
        let cluster = magnum.cluster(&self.group.cluster.uuid, last).await?;
        let group = magnum.group(&cluster.uuid, &self.group.group.name, last).await?;
        Ok((cluster, group))
    }

    fn refusal(&self, why: &str) -> CloudError {
        CloudError::new(Kind::Refused, format!("node group {}: {why}", self.group.name))
    }

    /// The servers of the group now.
    async fn servers(&self, last: bool) -> Result<Vec<Server>, CloudError> {
        let mut servers = self.nova.servers(last).await?;
        servers.retain(|server| self.group.has(server));
        Ok(servers)
    }

    async fn ask(&self, size: u32, remove: &[String]) -> Answer<CloudError> {
        let magnum = Magnum { nova: self.nova };
        let cluster = &self.group.cluster.uuid;
        match magnum.resize(cluster, &self.group.group.name, size, remove).await {
            Sent::Accepted => Answer::Accepted,
            Sent::Conflict(why) | Sent::Refused(why) => Answer::Refused(why),
            Sent::BrokeOff(why) | Sent::Lost(why) => Answer::Unanswered(why),
        }
    }

    /// The size reduced by the number of these servers, if the group may shrink to it now.
    async fn size_after(&self, instances: &[ServerId]) -> Result<u32, CloudError> {
        if self.group.delete == MagnumDelete::Never {
            return Err(self.refusal("MAGNUM_DELETE is never"));
        }
        let (cluster, group) = self.now(false).await?;
        if let Some(why) = in_the_way(&cluster, &group) {
            return Err(CloudError::new(Kind::Busy, format!("node group {}: {why}", self.group.name)));
        }
        let fewer = u32::try_from(instances.len()).unwrap_or(u32::MAX);
        let size = group.node_count.checked_sub(fewer).filter(|size| *size >= group.min_node_count);
        size.ok_or_else(|| {
            self.refusal(&format!(
                "it has {} nodes and its min_node_count is {}, so {fewer} fewer are too many",
                group.node_count, group.min_node_count
            ))
        })
    }

    /// Removes the records of deletions that were not requested. A record that remains is safe: nothing more is deleted while the
    /// server exists.
    async fn unnote(&self, instances: &[ServerId]) {
        let is_one = |one: &Asked| instances.iter().any(|id| id.as_str() == one.server);
        if let Err(unkept) = self.renote(is_one, &[]).await {
            log::warn!("{}", unkept.message);
        }
    }

    /// Records the deletions before they are requested of Magnum. The records of servers that are gone are dropped.
    async fn note(&self, instances: &[ServerId], servers: &[Server]) -> Result<(), CloudError> {
        let is_gone = |one: &Asked| servers.iter().all(|server| server.id.as_str() != one.server);
        let is_new = |one: &Asked| instances.iter().any(|id| id.as_str() == one.server);
        self.renote(|one| is_gone(one) || is_new(one), instances).await
    }

    /// Replaces records of this group.
    async fn renote(&self, is_old: impl Fn(&Asked) -> bool, new: &[ServerId]) -> Result<(), CloudError> {
        let unkept = |error| {
            let why = format!("the requested deletions cannot be noted on the Lease: {error}");
            CloudError::new(Kind::Busy, why)
        };
        let mut all = asked::read(self.notes).await.map_err(unkept)?;
        all.retain(|one| one.group != self.group.name || !is_old(one));
        let at = self.nova.transport().now();
        all.extend(new.iter().map(|id| Asked {
            group: self.group.name.clone(),
            server: id.as_str().to_owned(),
            at,
        }));
        asked::write(self.notes, &all).await.map_err(unkept)
    }

    /// Verifies that the named servers are deleted and all others stay, for a bounded time.
    async fn watch(&self, named: &BTreeSet<&ServerId>, survivors: &BTreeSet<ServerId>) -> Answer<CloudError> {
        let mut waited = Duration::ZERO;
        let mut pause = self.nova.first_pause();
        loop {
            let staying: BTreeSet<ServerId> = match self.servers(true).await {
                Ok(servers) => {
                    let staying = servers.into_iter().filter(|one| state(one) != InstanceState::Leaving);
                    staying.map(|server| server.id).collect()
                }
                Err(why) => return Answer::Unanswered(why),
            };
            if let Some(lost) = survivors.difference(&staying).next() {
                let words = format!(
                    "Magnum was asked to delete other servers of node group {}, and {lost} goes: its driver ignores the \
                     names; set MAGNUM_DELETE=never",
                    self.group.name
                );
                log::error!("{words}");
                self.group.has_missed.store(true, Ordering::Relaxed);
                return Answer::Unanswered(CloudError::new(Kind::Doubt, words));
            }
            if named.iter().all(|id| !staying.contains(*id)) {
                return Answer::Accepted;
            }
            if waited >= self.nova.patience() || !self.nova.transport().pause(pause).await {
                let words = "Magnum accepted it, and the server is still there".to_owned();
                return Answer::Unanswered(CloudError::new(Kind::Doubt, words));
            }
            waited = waited.saturating_add(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}
