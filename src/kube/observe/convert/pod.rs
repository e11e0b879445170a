//! A pod of the API as a pod of the model.

use kube_rebalancer_core::model::{Controller, Pod, Unbound};

use super::constraints::constraints;
use super::{text, timestamp};
use crate::observe::error::{BadField, FieldProblem, ObjectError, ObjectName, ReadWarning};
use crate::observe::intern::Interner;
use crate::observe::raw::{
    Condition, ConditionKind, ConditionReason, ConditionStatus, CreatedBy, Metadata, Object, Owner, Phase,
    Spec, Status, Text,
};
use crate::observe::requests;
use kube_rebalancer_ports::{End, PodLife};

/// Where a pod that names no namespace is.
const DEFAULT_NAMESPACE: &str = "default";

/// The namespace and the name of a pod.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Identity<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Identity<'a> {
    /// Finds out how a pod is called.
    pub(in crate::observe) fn of(object: &'a Object<'_>) -> Result<Self, ObjectError> {
        let namespace = text(object.metadata.namespace.as_ref()).unwrap_or(DEFAULT_NAMESPACE);
        let name = text(object.metadata.name.as_ref()).ok_or_else(|| {
            BadField::new("metadata.name", FieldProblem::Missing).of(ObjectName::Unnamed("a pod"))
        })?;
        Ok(Self { namespace, name })
    }

    fn to_object_name(self) -> ObjectName {
        ObjectName::Pod(self.namespace.to_owned(), self.name.to_owned())
    }
}

/// Converts a pod that has not ended.
pub(in crate::observe) fn pod(
    identity: Identity<'_>,
    object: &Object<'_>,
    interner: &mut Interner,
    warnings: &mut Vec<ReadWarning>,
) -> Result<Pod, ObjectError> {
    let Object { metadata, spec, status } = object;
    let requests = requests::of_pod(spec).map_err(|bad| bad.of(identity.to_object_name()))?;
    let controller = controller(identity, metadata, warnings);
    let node_name = text(spec.node_name.as_ref());
    let safe_to_evict = match text(metadata.annotations.safe_to_evict.as_ref()) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    };
    Ok(Pod {
        namespace: interner.text(identity.namespace),
        name: identity.name.into(),
        label_keys: interner.label_keys(metadata.labels.keys().map(Text::as_str)),
        node_name: node_name.map(|name| interner.text(name)),
        requests,
        mirror: metadata.annotations.mirror.is_some()
            || controller.as_ref().is_some_and(|controller| controller.kind == "Node"),
        controller: controller.map(|controller| interner.controller(controller)),
        safe_to_evict,
        local_volume: local_volume(metadata, spec)
            .filter(|_| safe_to_evict != Some(true))
            .map(|name| interner.text(name)),
        unbound: node_name
            .is_none()
            .then(|| Box::new(unbound(identity, spec, &status.conditions, interner, warnings))),
    })
}

/// Converts a pod with its life.
pub(in crate::observe) fn life(
    identity: Identity<'_>,
    object: &Object<'_>,
    interner: &mut Interner,
    warnings: &mut Vec<ReadWarning>,
) -> Result<PodLife, ObjectError> {
    let pod = pod(identity, object, interner, warnings)?;
    let metadata = &object.metadata;
    let field = |name: &'static str| move || format!("metadata.{name}");
    let lived = || {
        let created_at = timestamp(metadata.creation_timestamp.as_ref(), field("creationTimestamp"))?
            .ok_or_else(|| BadField::new(field("creationTimestamp")(), FieldProblem::Missing))?;
        let deleting_until = timestamp(metadata.deletion_timestamp.as_ref(), field("deletionTimestamp"))?;
        Ok((created_at, deleting_until, end(&object.status)?))
    };
    let (created_at, deleting_until, end) =
        lived().map_err(|bad: BadField| bad.of(identity.to_object_name()))?;
    let uid = text(metadata.uid.as_ref()).map_or_else(|| pod.full_name(), str::to_owned);
    Ok(PodLife { pod, uid, created_at, deleting_until, end })
}

/// A pod that has ended is not ready, and says since when.
fn end(status: &Status<'_>) -> Result<End, BadField> {
    if status.phase == Phase::Live {
        return Ok(End::NotYet);
    }
    let not_ready = status.conditions.iter().enumerate().find(|(_, condition)| {
        condition.kind == ConditionKind::Ready && condition.status == ConditionStatus::False
    });
    let Some((index, condition)) = not_ready else { return Ok(End::Over(None)) };
    timestamp(condition.last_transition_time.as_ref(), || {
        format!("status.conditions[{index}].lastTransitionTime")
    })
    .map(End::Over)
}

/// The owner marked as controller; from versions that marked none the first owner, or what 1.6 noted in an annotation.
/// An owner without a kind could be anything, so it does not count as somebody who brings the pod back.
fn controller(
    identity: Identity<'_>,
    metadata: &Metadata<'_>,
    warnings: &mut Vec<ReadWarning>,
) -> Option<Controller> {
    let owners = &metadata.owner_references;
    let owner = owners.iter().find(|owner| owner.controller == Some(true)).or_else(|| owners.first());
    if let Some(controller) = owner.and_then(|owner| from_owner(identity, owner)) {
        return Some(controller);
    }
    let created_by = text(metadata.annotations.created_by.as_ref())?;
    let Ok(created_by) = serde_json::from_str::<CreatedBy<'_>>(created_by) else {
        warnings.push(ReadWarning::UnreadableCreatedBy { pod: identity.to_object_name() });
        return None;
    };
    from_owner(identity, &created_by.reference)
}

fn from_owner(identity: Identity<'_>, owner: &Owner<'_>) -> Option<Controller> {
    let kind = text(owner.kind.as_ref())?.to_owned();
    let name = text(owner.name.as_ref()).unwrap_or_default().to_owned();
    let uid = text(owner.uid.as_ref())
        .map_or_else(|| format!("{}/{kind}/{name}", identity.namespace), str::to_owned);
    Some(Controller { kind, name, uid })
}

/// The first volume on the node's own disk that the pod does not declare safe to lose.
fn local_volume<'a>(metadata: &Metadata<'_>, spec: &'a Spec<'_>) -> Option<&'a str> {
    let safe = text(metadata.annotations.safe_to_evict_local_volumes.as_ref()).unwrap_or_default();
    spec.volumes
        .iter()
        .filter(|volume| {
            let on_disk = volume
                .empty_dir
                .as_ref()
                .is_some_and(|directory| text(directory.medium.as_ref()) != Some("Memory"));
            volume.host_path.is_some() || on_disk
        })
        .map(|volume| volume.name.as_str())
        // As in cluster-autoscaler, a name counts only when it is written exactly so, without spaces.
        .find(|name| safe.split(',').all(|safe| safe != *name))
}

fn unbound(
    identity: Identity<'_>,
    spec: &Spec<'_>,
    conditions: &[Condition<'_>],
    interner: &mut Interner,
    warnings: &mut Vec<ReadWarning>,
) -> Unbound {
    let refused = conditions.iter().find(|condition| {
        condition.kind == ConditionKind::PodScheduled
            && condition.status == ConditionStatus::False
            && condition.reason == ConditionReason::Unschedulable
    });
    let constraints = constraints(spec, || identity.to_object_name(), warnings);
    Unbound {
        gated: !spec.scheduling_gates.is_empty(),
        unschedulable: refused
            .map(|condition| text(condition.message.as_ref()).unwrap_or_default().to_owned()),
        constraints: interner.constraints(constraints),
    }
}

#[cfg(test)]
mod tests;
