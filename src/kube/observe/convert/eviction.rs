//! Converts the facts of a pod that an eviction needs.

use std::collections::BTreeSet;

use kube_rebalancer_core::model::{Bond, Controller, EvictionFacts};

use super::{size, text};
use crate::observe::raw::{Container, Metadata, Spec};

/// The kinds of controllers that recreate pods elsewhere; their API group is checked later.
const RECREATING: [&str; 3] = ["ReplicaSet", "StatefulSet", "ReplicationController"];

/// The facts of a bound pod of such a controller that an eviction needs.
pub(super) fn eviction(
    metadata: &Metadata<'_>,
    spec: &Spec<'_>,
    controller: Option<&Controller>,
    label_keys: Option<&BTreeSet<String>>,
) -> Option<Box<EvictionFacts>> {
    text(spec.node_name.as_ref())?;
    controller.filter(|controller| RECREATING.contains(&controller.kind.as_str()))?;
    let labels = metadata.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let labels = labels.filter(|(key, _)| label_keys.is_none_or(|wanted| wanted.contains(*key)));
    if labels.clone().nth(size::MOST_LABELS).is_some() {
        return None;
    }
    let labels = labels.collect();
    Some(Box::new(EvictionFacts {
        uid: text(metadata.uid.as_ref()).unwrap_or_default().into(),
        labels,
        only_empty_dirs: spec.volumes.len() <= size::MOST_VOLUMES
            && spec.volumes.iter().all(|volume| volume.host_path.is_none()),
    }))
}

/// A constraint of the pod that the program does not account for, if such a controller recreates it elsewhere.
pub(super) fn bound_by(spec: &Spec<'_>, controller: Option<&Controller>) -> Option<Bond> {
    controller.filter(|controller| RECREATING.contains(&controller.kind.as_str()))?;
    let has_port = |container: &Container<'_>| {
        container.ports.iter().any(|port| port.host_port.is_some_and(|port| port != 0))
    };
    if spec.containers.iter().chain(&spec.init_containers).any(has_port) {
        Some(Bond::HostPort)
    } else if !spec.affinity.pod_affinity.required.is_empty() {
        Some(Bond::PodAffinity)
    } else if !spec.affinity.pod_anti_affinity.required.is_empty() {
        Some(Bond::PodAntiAffinity)
    } else if spec
        .topology_spread_constraints
        .iter()
        .any(|one| one.when_unsatisfiable.as_str() != "ScheduleAnyway")
    {
        Some(Bond::Spread)
    } else if !spec.resource_claims.is_empty() {
        Some(Bond::ResourceClaim)
    } else {
        // Last: of these it alone does not decide where the pod can start.
        (spec.host_network == Some(true)).then_some(Bond::HostNetwork)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str) -> Controller {
        Controller { group: None, kind: kind.into(), name: String::new(), uid: String::new() }
    }

    fn facts(kind: &str, metadata: &str, spec: &str) -> Option<EvictionFacts> {
        let (metadata, spec) = (serde_json::from_str(metadata).unwrap(), serde_json::from_str(spec).unwrap());
        eviction(&metadata, &spec, Some(&of(kind)), None).map(|facts| *facts)
    }

    #[test]
    fn only_bound_pods_that_are_started_again_are_of_interest() {
        let metadata = r#"{"uid":"u1","labels":{"app":"web"}}"#;
        let bound = r#"{"nodeName":"n1","volumes":[{"name":"a","emptyDir":{}}]}"#;
        let known = facts("ReplicaSet", metadata, bound).unwrap();
        assert_eq!((&*known.uid, known.labels.get("app")), ("u1", Some("web")));
        assert!(known.only_empty_dirs);
        assert_eq!(facts("Job", metadata, bound), None);
        assert_eq!(facts("ReplicaSet", metadata, "{}"), None);
        let host = r#"{"nodeName":"n1","volumes":[{"name":"a","emptyDir":{}},{"name":"b","hostPath":{"path":"/"}}]}"#;
        assert!(!facts("StatefulSet", metadata, host).unwrap().only_empty_dirs);
    }

    #[test]
    fn what_this_program_does_not_account_for_binds_a_pod() {
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        for (spec, expected) in [
            (r#""hostNetwork":true"#.to_owned(), Some(Bond::HostNetwork)),
            (r#""hostNetwork":false"#.to_owned(), None),
            (
                r#""containers":[{"ports":[{"containerPort":80},{"hostPort":80}]}]"#.to_owned(),
                Some(Bond::HostPort),
            ),
            (r#""containers":[{"ports":[{"containerPort":80}]}]"#.to_owned(), None),
            (format!(r#""affinity":{{"podAffinity":{{"{required}":[{{}}]}}}}"#), Some(Bond::PodAffinity)),
            (
                format!(r#""affinity":{{"podAntiAffinity":{{"{required}":[{{}}]}}}}"#),
                Some(Bond::PodAntiAffinity),
            ),
            (format!(r#""affinity":{{"podAntiAffinity":{{"{preferred}":[{{}}]}}}}"#), None),
            (
                r#""topologySpreadConstraints":[{"whenUnsatisfiable":"DoNotSchedule"}]"#.to_owned(),
                Some(Bond::Spread),
            ),
            (r#""topologySpreadConstraints":[{"whenUnsatisfiable":"ScheduleAnyway"}]"#.to_owned(), None),
            (r#""resourceClaims":[{"name":"gpu"}]"#.to_owned(), Some(Bond::ResourceClaim)),
        ] {
            let spec = format!("{{{spec}}}");
            let read = serde_json::from_str(&spec).unwrap();
            assert_eq!(bound_by(&read, Some(&of("StatefulSet"))), expected, "{spec}");
            assert_eq!((bound_by(&read, Some(&of("Job"))), bound_by(&read, None)), (None, None), "{spec}");
        }
    }
}
