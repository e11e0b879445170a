//! Evicts pods, one after the other; judges node and pod right before each eviction.
//!
//! ```text
//!   mark on the node, on its version --> Lease still ours? --> pod read, judged twice --> eviction of this pod in this version
//! ```
//!
//! By the mark, the next run waits: it gives the node back once the evicted pods are Ready elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::check;
use kube_rebalancer_core::model::{MOST_CONTROLLERS, Node, Snapshot, annotation};
use kube_rebalancer_core::plan::Action;
use kube_rebalancer_core::recheck::{self, Stale};
use kube_rebalancer_ports::{
    Clock, Cluster, EvictionAnswer, NodeGroups, NodePatch, NotTried, Outcome, PodNow, PodToEvict, PortError,
};

use super::nodes::{TRIES, judged};
use super::{Apply, Progress};

/// One eviction of a plan.
#[derive(Clone, Copy)]
struct Eviction<'p> {
    node: &'p str,
    namespace: &'p str,
    pod: &'p str,
    uid: &'p str,
    controller: &'p str,
}

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Carries out the evictions of the plan.
    pub(super) async fn evict(&self, progress: &mut Progress) {
        for (index, action) in self.plan.actions.iter().enumerate() {
            let Action::Evict { node, namespace, pod, uid, controller, .. } = action else { continue };
            if progress.outcomes.contains_key(&index) {
                continue;
            }
            let eviction = Eviction { node, namespace, pod, uid, controller };
            let outcome = match self.evict_one(eviction, progress).await {
                Ok(outcome) | Err(outcome) => outcome,
            };
            progress.outcomes.insert(index, outcome);
        }
    }

    async fn evict_one(&self, eviction: Eviction<'_>, progress: &mut Progress) -> Result<Outcome, Outcome> {
        let node = self.mark_drained(eviction, progress).await?;
        self.leads().await?;
        for _ in 0..TRIES {
            if self.stopped() {
                return Err(Outcome::NotTried(NotTried::Stopped));
            }
            let now = self.cluster.pod(eviction.namespace, eviction.pod).await.map_err(Outcome::Failed)?;
            self.judge_eviction(eviction, &node, now.as_ref())?;
            let Some(PodNow { resource_version, .. }) = now else { return Ok(Outcome::AlreadySo) };
            let pod = PodToEvict {
                namespace: eviction.namespace.to_owned(),
                name: eviction.pod.to_owned(),
                uid: eviction.uid.to_owned(),
                resource_version,
            };
            match self.cluster.evict(&pod).await {
                EvictionAnswer::Done => return Ok(Outcome::Applied),
                EvictionAnswer::Gone => return Ok(Outcome::AlreadySo),
                EvictionAnswer::NotNow(words) => return Err(Outcome::Postponed(words)),
                EvictionAnswer::Failed(words) => return Err(Outcome::Failed(PortError(words))),
                // For example, its kubelet has written its status. It is judged again.
                EvictionAnswer::Changed(words) => log::debug!("{words}"),
            }
        }
        let (namespace, pod) = (eviction.namespace, eviction.pod);
        let words = format!("pod {namespace}/{pod} changed {TRIES} times while it was to be evicted");
        Err(Outcome::Postponed(words))
    }

    /// Writes the mark of the eviction on the node, on the version that was last seen: so the node is judged again right before
    /// each eviction.
    async fn mark_drained(&self, eviction: Eviction<'_>, progress: &mut Progress) -> Result<Node, Outcome> {
        let Some(planned) = self.planned(eviction.node) else { return Err(Outcome::Stale(Stale::Gone)) };
        let judge = |now: &Node| {
            if self.stopped() {
                return Err(Outcome::NotTried(NotTried::Stopped));
            }
            judged(recheck::drain(planned, now, self.policy, self.clock.now()))
        };
        let patch = |now: &Node| {
            let noted = now.annotations.get(annotation::EVICTED).map(String::as_str).unwrap_or_default();
            let noted = noted.split(',').filter(|uid| !uid.is_empty());
            let mut controllers: BTreeSet<&str> = noted.take(MOST_CONTROLLERS).collect();
            if controllers.len() < MOST_CONTROLLERS {
                controllers.insert(eviction.controller);
            }
            let controllers: Vec<&str> = controllers.into_iter().collect();
            NodePatch {
                annotations: BTreeMap::from([
                    (annotation::EVICTED, Some(controllers.join(","))),
                    (annotation::EVICTED_AT, Some(format!("{:.0}", self.clock.now()))),
                ]),
                ..NodePatch::default()
            }
        };
        let seen = progress.fresh.get(eviction.node).unwrap_or(planned);
        let node = self.patch_judged(seen, TRIES, judge, patch).await?;
        progress.fresh.insert(node.name.clone(), node.clone());
        Ok(node)
    }

    /// Whether this run still holds the Lease; checked before each eviction and each deletion of a Node object.
    pub(super) async fn leads(&self) -> Result<(), Outcome> {
        match self.cluster.still_leads().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Outcome::Stale(Stale::LeaseLost)),
            Err(error) => Err(Outcome::Failed(error)),
        }
    }

    /// Judges the pod as it is now, by the planner's account and by the checker's own rules.
    fn judge_eviction(
        &self,
        eviction: Eviction<'_>,
        node: &Node,
        now: Option<&PodNow>,
    ) -> Result<(), Outcome> {
        let volumes = self.snapshot.volumes();
        let pod = now.map(|now| &now.pod);
        judged(recheck::evict(eviction.uid, node, pod, self.policy, volumes))?;
        let Some(pod) = pod else { return Ok(()) };
        let snapshot: &Snapshot = self.snapshot;
        match check::eviction(snapshot, self.policy, node, pod, eviction.uid) {
            None => Ok(()),
            Some(why) => Err(Outcome::Stale(Stale::Refused { why })),
        }
    }
}
