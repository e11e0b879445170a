//! A pod of the API as a pod of the model.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube_rebalancer_core::model::{
    Affinity, Amounts, Constraints, Controller, FurtherAmounts, Pod, SchedulerRefusal, Stay, Unbound,
};
use kube_rebalancer_ports::{End, PodLife};

use super::constraints::constraints;
use super::eviction::{bound_by, eviction};
use super::size;
use super::{group_of, text, timestamp};
use crate::observe::error::{BadField, FieldProblem, ObjectError, ObjectName, ReadWarning};
use crate::observe::examples::Examples;
use crate::observe::intern::{Interner, Room};
use crate::observe::raw::{
    Condition, ConditionKind, ConditionReason, ConditionStatus, Metadata, Object, Owner, Phase, Spec, Status,
    Text, annotation_key,
};
use crate::observe::requests::{self, Requests};

/// The namespace of a pod that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// The namespace and the name of a pod.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Identity<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Identity<'a> {
    /// Reads the namespace and the name of a pod.
    pub(in crate::observe) fn of(object: &'a Object<'_>) -> Result<Self, ObjectError> {
        let namespace = text(object.metadata.namespace.as_ref()).unwrap_or(DEFAULT_NAMESPACE);
        let name = text(object.metadata.name.as_ref()).ok_or_else(|| {
            BadField::new("metadata.name", FieldProblem::Missing).of(ObjectName::Unnamed("a pod"))
        })?;
        Ok(Self { namespace, name })
    }

    /// The namespace.
    pub(in crate::observe) fn namespace(&self) -> &'a str {
        self.namespace
    }

    fn to_object_name(self) -> ObjectName {
        ObjectName::Pod(self.namespace.to_owned(), self.name.to_owned())
    }
}

/// The further results of conversions: shared texts, and warnings.
#[derive(Debug)]
pub(in crate::observe) struct Reading<'a> {
    /// Whether the pod is a live cluster's and not a file's.
    pub(in crate::observe) is_live: bool,
    /// The texts that pods share.
    pub(in crate::observe) interner: &'a mut Interner,
    /// The keys of labels to keep; `None` keeps all.
    pub(in crate::observe) label_keys: Option<&'a BTreeSet<String>>,
    /// Whether to keep the facts that evictions need.
    pub(in crate::observe) evictions: bool,
    /// The warnings.
    pub(in crate::observe) warnings: &'a mut Vec<ReadWarning>,
    /// The pods that request memory in thousandths of a byte.
    pub(in crate::observe) millibytes: &'a mut Examples,
}

/// Converts a pod that has not ended.
///
/// An unreadable quantity is an error in a file, which a person has edited. In a live cluster the pod is kept with its
/// readable parts, as one that nothing recreates and that fits nowhere: it keeps its node.
pub(in crate::observe) fn pod(
    identity: Identity<'_>,
    object: &Object<'_>,
    reading: &mut Reading<'_>,
) -> Result<Pod, ObjectError> {
    let Object { metadata, spec, status } = object;
    let (requests, unreadable) = match requests::of_pod(spec, status) {
        Ok(requests) => (requests, None),
        Err(bad) if reading.is_live => (Requests::default(), Some(bad)),
        Err(bad) => return Err(bad.of(identity.to_object_name())),
    };
    if requests.millibytes {
        reading.millibytes.add(|| format!("{}/{}", identity.namespace, identity.name));
    }
    reading.interner.next_pod();
    let mut no_controller = None;
    let controller = controller(identity, metadata).filter(|controller| {
        let bytes = size::controller(controller);
        let has_room = !reading.is_live || reading.interner.has_room_for_controller(controller, bytes);
        if !has_room {
            no_controller = Some(no_room("the texts of its controller", bytes));
        }
        has_room
    });
    let node_name = text(spec.node_name.as_ref());
    let flag = |key| metadata.annotations.get(key) == Some("true");
    let safe_to_evict = match metadata.annotations.get(annotation_key::SAFE_TO_EVICT) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    };
    let (memory, cpu) = requests.memory_and_cpu();
    let wanted = reading.label_keys;
    let kept_labels = metadata.labels.keys().map(Text::as_str);
    let kept_labels = kept_labels.filter(|key| wanted.is_none_or(|wanted| wanted.contains(*key)));
    let mut large = size::beyond_measure(spec, &requests).filter(|_| reading.is_live).or(no_controller);
    let further = further(&requests, &mut large, reading);
    let claims = claims(identity, spec, &mut large, reading);
    let constraints = constraints_of(identity, spec, controller.as_ref(), &mut large, reading);
    let eviction = reading.evictions.then(|| eviction(metadata, spec, controller.as_ref(), wanted)).flatten();
    // Without its labels a pod is not evicted.
    let eviction =
        eviction.filter(|facts| !reading.is_live || reading.interner.has_room(size::labels(&facts.labels)));
    let mut pod = Pod {
        eviction,
        namespace: reading.interner.text(identity.namespace),
        name: identity.name.into(),
        label_keys: reading.interner.label_keys(kept_labels),
        deleting: metadata.deletion_timestamp.is_some(),
        node_name: node_name.map(|name| reading.interner.text(name)),
        containers: u16::try_from(spec.containers.len()).unwrap_or(u16::MAX),
        requests: Amounts::pod(memory, cpu).with_further(further),
        mirror: metadata.annotations.get(annotation_key::MIRROR).is_some(),
        daemonset_pod: flag(annotation_key::DAEMONSET_POD),
        safe_to_evict,
        do_not_disrupt: Stay::ALL
            .into_iter()
            .find(|stay| asks(metadata, *stay))
            .or_else(|| by_label(metadata)),
        local_volume: local_volume(metadata, spec)
            .filter(|_| safe_to_evict != Some(true))
            // One of the unread volumes may be on the node's own disk.
            .or_else(|| spec.volumes.get(size::MOST_VOLUMES).map(|volume| volume.name.as_str()))
            .map(|name| reading.interner.text(name)),
        claims,
        priority: spec.priority.unwrap_or_default(),
        ends_at_once: spec.termination_grace_period_seconds == Some(0),
        ready: is_ready(status, reading.is_live),
        constraints,
        bound_by: bound_by(spec, controller.as_ref()),
        controller: controller.map(|controller| reading.interner.controller(controller)),
        unbound: node_name.is_none().then(|| Box::new(unbound(metadata, spec, status, reading.interner))),
        alike: Vec::new(),
    };
    if let Some(bad) = unreadable {
        reading.warnings.push(ReadWarning::UnreadablePod {
            pod: identity.to_object_name(),
            what: size::name(&format!("{}: {}", bad.field, bad.problem)).to_owned(),
        });
        pod.label_keys = reading.interner.label_keys(std::iter::empty());
        (pod.controller, pod.mirror, pod.daemonset_pod, pod.eviction) = (None, false, false, None);
        pod.constraints = reading.interner.constraints(nowhere());
    }
    if let Some(what) = large {
        reading.warnings.push(ReadWarning::LargePod { pod: identity.to_object_name(), what });
    }
    Ok(pod)
}

/// The label by which a pod asks to stay: CAST AI and Spot Ocean read labels.
fn by_label(metadata: &Metadata<'_>) -> Option<Stay> {
    let asked = |(key, value): (&Text<'_>, &Text<'_>)| {
        Stay::of_key(key.as_str()).filter(|_| value.as_str() == "true")
    };
    metadata.labels.iter().find_map(asked)
}

/// Whether a pod asks by this annotation to stay: its value is `true`, or, as Karpenter takes it, the time for which it does.
fn asks(metadata: &Metadata<'_>, stay: Stay) -> bool {
    let is_duration =
        |value: &str| stay == Stay::DoNotDisrupt && value.starts_with(|first: char| first.is_ascii_digit());
    metadata.annotations.get(stay.key()).is_some_and(|value| value == "true" || is_duration(value))
}

/// The constraints of a pod that fits no node: a node must meet one of no terms.
fn nowhere() -> Constraints {
    Constraints { affinity: Some(Affinity::default()), ..Constraints::default() }
}

/// Converts a pod with its life.
pub(in crate::observe) fn life(
    identity: Identity<'_>,
    object: &Object<'_>,
    reading: &mut Reading<'_>,
) -> Result<PodLife, ObjectError> {
    let pod = pod(identity, object, reading)?;
    let metadata = &object.metadata;
    let bad = |problem| BadField::new("metadata.creationTimestamp", problem).of(identity.to_object_name());
    // A life without a beginning has no place in a trace.
    let created_at = metadata.creation_timestamp.as_ref().filter(|time| !time.is_empty());
    let created_at = created_at.ok_or_else(|| bad(FieldProblem::Missing))?;
    let created_at =
        created_at.timestamp().ok_or_else(|| bad(FieldProblem::Timestamp { text: created_at.written() }))?;
    let uid = text(metadata.uid.as_ref()).map_or_else(|| pod.full_name(), str::to_owned);
    let deleting_until = timestamp(metadata.deletion_timestamp.as_ref());
    Ok(PodLife { pod, uid, created_at, deleting_until, end: end(&object.status) })
}

/// The end of a pod: an ended pod is not ready, and its condition has the time.
fn end(status: &Status<'_>) -> End {
    if !status.phase.has_ended() {
        return End::NotYet;
    }
    let not_ready = status.conditions.iter().find(|condition| {
        condition.kind == ConditionKind::Ready && condition.status == ConditionStatus::False
    });
    End::Over(not_ready.and_then(|condition| timestamp(condition.last_transition_time.as_ref())))
}

/// Whether the pod is Ready. A file may lack conditions; then a running pod counts as Ready.
fn is_ready(status: &Status<'_>, is_live: bool) -> bool {
    match status.conditions.iter().find(|condition| condition.kind == ConditionKind::Ready) {
        Some(condition) => condition.status == ConditionStatus::True,
        None => !is_live && status.phase == Phase::Running,
    }
}

/// The requested resources besides memory and CPU. Of a pod that is too large, only what every pod may store.
fn further(
    requests: &Requests<'_>,
    large: &mut Option<String>,
    reading: &mut Reading<'_>,
) -> Option<Arc<FurtherAmounts>> {
    let all = requests.further().take(size::MOST_RESOURCES);
    let bytes = all.clone().map(|(name, _)| size::of_text(name)).sum();
    if !reading.is_live || reading.interner.has_room(bytes) {
        return reading.interner.further(all);
    }
    large.get_or_insert_with(|| no_room("the names of the resources that it asks for", bytes));
    reading.interner.further(size::ordinary(all, |(name, _)| name))
}

/// The words for a part of a pod in a cluster that is full of such parts.
fn no_room(part: &str, bytes: usize) -> String {
    let ordinary = Room::ORDINARY >> 10;
    let (taken, which, all) = if bytes > Room::ORDINARY {
        (format!("{} KiB", bytes >> 10), "above", Room::ALL_LARGE >> 20)
    } else {
        (format!("{bytes} bytes"), "up to", Room::ALL_ORDINARY >> 20)
    };
    format!(
        "{part} take {taken}; {which} {ordinary} KiB each, all pods together may take {all} MiB, and the pods \
         before this one in the list take all of it"
    )
}

/// The constraints of the pod. A bound pod of a DaemonSet never moves, and each has its own node affinity: to store these
/// would take more memory than the pods themselves. A pod that is too large fits nowhere.
fn constraints_of(
    identity: Identity<'_>,
    spec: &Spec<'_>,
    controller: Option<&Controller>,
    large: &mut Option<String>,
    reading: &mut Reading<'_>,
) -> Arc<Constraints> {
    if large.is_some() {
        return reading.interner.constraints(nowhere());
    }
    let is_bound = text(spec.node_name.as_ref()).is_some();
    if is_bound && controller.is_some_and(|controller| controller.kind == "DaemonSet") {
        return reading.interner.constraints(Constraints::default());
    }
    // For a bound pod, warnings about tolerations have no use.
    let mut nobody = Vec::new();
    let warnings = if is_bound { &mut nobody } else { &mut *reading.warnings };
    let constraints = constraints(spec, || identity.to_object_name(), warnings);
    if !reading.is_live {
        return reading.interner.constraints(constraints);
    }
    let bytes = size::constraints(spec);
    reading.interner.constraints_of_size(constraints, bytes).unwrap_or_else(|| {
        *large = Some(no_room("its node selector, affinity and tolerations", bytes));
        reading.interner.constraints(nowhere())
    })
}

/// The names of the claims that the pod mounts. Of a pod that is too large, only what every pod may store.
fn claims(
    identity: Identity<'_>,
    spec: &Spec<'_>,
    large: &mut Option<String>,
    reading: &mut Reading<'_>,
) -> Box<[Box<str>]> {
    let claims = spec.volumes.iter().take(size::MOST_VOLUMES).filter_map(|volume| {
        let of_its_own =
            || volume.ephemeral.as_ref().map(|_| format!("{}-{}", identity.name, volume.name.as_str()));
        if let Some(claim) = &volume.persistent_volume_claim {
            return Some(size::claim_name(claim.claim_name.as_str()).into());
        }
        of_its_own().map(|name| size::claim_name(&name).into())
    });
    let claims: Box<[Box<str>]> = claims.collect();
    let bytes = claims.iter().map(|claim| size::of_text(claim)).sum();
    if !reading.is_live || reading.interner.has_room(bytes) {
        return claims;
    }
    large.get_or_insert_with(|| no_room("the names of its claims", bytes));
    size::ordinary(claims.into_iter(), |claim| claim).collect()
}

/// The owner marked as the controller. Any other owner exists only for garbage collection, and recreates nothing. Nor does an
/// owner without a kind count.
fn controller(identity: Identity<'_>, metadata: &Metadata<'_>) -> Option<Controller> {
    let owner = metadata.owner_references.iter().find(|owner| owner.controller == Some(true));
    owner.and_then(|owner| from_owner(identity, owner))
}

fn from_owner(identity: Identity<'_>, owner: &Owner<'_>) -> Option<Controller> {
    let texts = [&owner.kind, &owner.name, &owner.uid, &owner.api_version];
    if texts.iter().any(|one| text(one.as_ref()).is_some_and(|text| text.len() > size::LONGEST_NAME)) {
        return None;
    }
    let kind = text(owner.kind.as_ref())?.to_owned();
    let name = text(owner.name.as_ref()).unwrap_or_default().to_owned();
    let uid = text(owner.uid.as_ref())
        .map_or_else(|| format!("{}/{kind}/{name}", identity.namespace), str::to_owned);
    let group = text(owner.api_version.as_ref()).map(|version| group_of(version).to_owned());
    Some(Controller { group, kind, name, uid })
}

/// The first volume on the node's own disk that the pod does not declare expendable.
fn local_volume<'a>(metadata: &Metadata<'_>, spec: &'a Spec<'_>) -> Option<&'a str> {
    let safe = metadata.annotations.get(annotation_key::SAFE_VOLUMES);
    let safe = safe.filter(|names| names.len() <= size::LONGEST_LIST).unwrap_or_default();
    // As in cluster-autoscaler, a name counts only when it is written exactly so, without spaces.
    let safe: BTreeSet<&str> = safe.split(',').collect();
    spec.volumes
        .iter()
        .take(size::MOST_VOLUMES)
        .filter(|volume| {
            let on_disk = volume
                .empty_dir
                .as_ref()
                .is_some_and(|directory| text(directory.medium.as_ref()) != Some("Memory"));
            volume.host_path.is_some() || on_disk
        })
        .map(|volume| volume.name.as_str())
        .find(|name| !safe.contains(name))
}

fn unbound(
    metadata: &Metadata<'_>,
    spec: &Spec<'_>,
    status: &Status<'_>,
    interner: &mut Interner,
) -> Unbound {
    let mut unscheduled = status.conditions.iter().filter(|condition| {
        condition.kind == ConditionKind::PodScheduled && condition.status == ConditionStatus::False
    });
    let is_refusal = |condition: &&Condition<'_>| condition.reason == ConditionReason::Unschedulable;
    let refused = unscheduled.clone().find(is_refusal);
    let mut message = |condition: &Condition<'_>| {
        interner.text(size::beginning(text(condition.message.as_ref()).unwrap_or_default()))
    };
    let gated = !spec.scheduling_gates.is_empty();
    let failed = unscheduled.find(|condition| !is_refusal(condition)).filter(|_| !gated);
    let refusal = refused.map(|condition| SchedulerRefusal {
        message: message(condition),
        since: timestamp(condition.last_transition_time.as_ref()),
    });
    let failure = failed.map(message);
    Unbound {
        uid: text(metadata.uid.as_ref()).unwrap_or_default().into(),
        created_at: timestamp(metadata.creation_timestamp.as_ref()),
        gated,
        refusal,
        failure,
        nominated: text(status.nominated_node_name.as_ref()).map(|name| interner.text(name)),
        set_aside: false,
    }
}

#[cfg(test)]
mod tests;
