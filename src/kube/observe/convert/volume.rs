//! Converts claims and volumes: the nodes that can use the volume of a claim.

use kube_rebalancer_core::model::{
    Affinity, ClaimKey, Operator, Requirement, SelectorTerm, StoredVolume, is_of_the_host_of_its_pod,
    of_the_host_of_its_pod,
};

use super::constraints::affinity;
use super::text;
use crate::observe::claims::{Claim, Newcomers};
use crate::observe::raw::{Metadata, Object, Phase};

/// The labels of a volume with its place, each with its former name; volumes of older clusters have no node affinity. A disk
/// of several zones has `__` between them.
const PLACES: [(&str, &str); 2] = [
    ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
];

/// The access mode of a volume that one pod at a time can use.
const ONE_POD: &str = "ReadWriteOncePod";

/// The key of a claim, its volume if it is bound, and the pods that can still come to use it.
pub(in crate::observe) fn claim(object: &Object<'_>) -> Option<(ClaimKey, Claim)> {
    let Object { metadata, spec, status } = object;
    let namespace = text(metadata.namespace.as_ref()).unwrap_or("default");
    let name = text(metadata.name.as_ref())?;
    let volume = text(spec.volume_name.as_ref()).filter(|_| status.phase == Phase::Bound);
    let newcomers = if metadata.deletion_timestamp.is_some() || status.phase == Phase::Lost {
        Newcomers::None
    } else if !spec.access_modes.is_empty() && spec.access_modes.iter().all(|mode| mode.as_str() == ONE_POD) {
        Newcomers::WhileUnused
    } else {
        Newcomers::Any
    };
    let claim = Claim { volume: volume.map(str::to_owned), newcomers };
    Some(((namespace.to_owned(), name.to_owned()), claim))
}

/// The name of a volume, and the nodes that can use it; `None` for all nodes.
pub(in crate::observe) fn affinity_of_volume(object: &Object<'_>) -> Option<(String, Option<Affinity>)> {
    let name = text(object.metadata.name.as_ref())?.to_owned();
    let places = places(&object.metadata);
    let required = object.spec.node_affinity.required.as_ref().map(affinity);
    let required = required.or_else(|| object.spec.host_path.map(|_| of_the_host_of_its_pod()));
    if places.is_empty() {
        return Some((name, required));
    }
    // A newer node has its zone under the present name alone; the scheduler treats both names as equal.
    let renamed: Vec<Requirement> = places.iter().map(by_present_name).collect();
    let ways = if renamed == places { vec![places] } else { vec![places, renamed] };
    let Affinity(terms) = required.unwrap_or_else(|| Affinity(vec![SelectorTerm::default()]));
    let there = |term: &SelectorTerm, way: &Vec<Requirement>| SelectorTerm {
        labels: term.labels.iter().chain(way).cloned().collect(),
        fields: term.fields.clone(),
    };
    let terms = ways.iter().flat_map(|way| terms.iter().map(move |term| there(term, way))).collect();
    Some((name, Some(Affinity(terms))))
}

/// The same for the present label.
fn by_present_name(place: &Requirement) -> Requirement {
    let known = PLACES.iter().find(|(_, former)| place.key == *former);
    let key = known.map_or(place.key.as_str(), |(present, _)| present);
    Requirement { key: key.to_owned(), operator: place.operator.clone() }
}

/// The volume, if it may have data that only some nodes can use: it is bound, or its data outlives its claim.
pub(in crate::observe) fn stored(object: &Object<'_>) -> Option<StoredVolume> {
    let Object { spec, status, .. } = object;
    let retained = || text(spec.persistent_volume_reclaim_policy.as_ref()) == Some("Retain");
    let has_data = status.phase == Phase::Bound || retained();
    let (name, affinity) = affinity_of_volume(object).filter(|_| has_data)?;
    let claim = spec.claim_ref.as_ref().and_then(|claim| {
        Some((text(claim.namespace.as_ref())?.to_owned(), text(claim.name.as_ref())?.to_owned()))
    });
    // Of one on whichever host its pod runs, nothing tells where data of earlier pods is.
    let affinity = affinity.filter(|affinity| !is_of_the_host_of_its_pod(affinity))?;
    Some(StoredVolume { name, claim, affinity })
}

fn places(metadata: &Metadata<'_>) -> Vec<Requirement> {
    let says = |key: &str| PLACES.iter().any(|(present, former)| key == *present || key == *former);
    let labels = metadata.labels.iter().filter(|(key, _)| says(key.as_str()));
    let requirements = labels.map(|(key, value)| Requirement {
        key: key.as_str().to_owned(),
        operator: Operator::In(value.as_str().split("__").map(str::to_owned).collect()),
    });
    requirements.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(metadata: &Value, spec: &Value, status: &Value) -> String {
        json!([metadata, spec, status]).to_string()
    }

    fn convert<T>(text: &str, convert: impl FnOnce(&Object<'_>) -> T) -> T {
        let (metadata, spec, status) = serde_json::from_str(text).unwrap();
        convert(&Object { metadata, spec, status })
    }

    #[test]
    fn a_claim_counts_once_it_has_its_volume() {
        let of = |spec, status| {
            convert(&object(&json!({"namespace": "hub", "name": "home-ada"}), &spec, &status), claim).unwrap()
        };
        let (key, bound) = of(json!({"volumeName": "pv-1"}), json!({"phase": "Bound"}));
        assert_eq!(key, ("hub".to_owned(), "home-ada".to_owned()));
        assert_eq!(bound.volume.as_deref(), Some("pv-1"));
        assert_eq!(of(json!({}), json!({"phase": "Pending"})).1.volume, None);
        // A claim that names its volume in advance is not bound yet.
        assert_eq!(of(json!({"volumeName": "pv-1"}), json!({"phase": "Pending"})).1.volume, None);
        assert_eq!(of(json!({"volumeName": "pv-1"}), json!({"phase": "Lost"})).1.volume, None);
    }

    #[test]
    fn a_claim_that_goes_or_is_for_one_pod_takes_no_other() {
        let of =
            |metadata, spec, status| convert(&object(&metadata, &spec, &status), claim).unwrap().1.newcomers;
        let name = || json!({"name": "home"});
        let going = json!({"name": "home", "deletionTimestamp": "2026-01-15T08:00:00Z"});
        let modes = |modes: &[&str]| json!({"accessModes": modes});
        for (metadata, spec, phase, expected) in [
            (name(), json!({}), "Bound", Newcomers::Any),
            (name(), modes(&["ReadWriteOnce"]), "Pending", Newcomers::Any),
            (name(), modes(&["ReadWriteOncePod"]), "Bound", Newcomers::WhileUnused),
            (name(), modes(&["ReadWriteOncePod", "ReadWriteOnce"]), "Bound", Newcomers::Any),
            (name(), json!({}), "Lost", Newcomers::None),
            (going, modes(&["ReadWriteOncePod"]), "Bound", Newcomers::None),
        ] {
            let of = of(metadata.clone(), spec.clone(), json!({"phase": phase}));
            assert_eq!(of, expected, "{metadata} {spec} {phase}");
        }
    }

    #[test]
    fn a_volume_has_data_while_it_is_bound_or_retained() {
        let required = json!({"nodeSelectorTerms": [{"matchFields": []}]});
        let of = |phase: &str, policy: &str| {
            let spec = json!({
                "claimRef": {"namespace": "hub", "name": "home-ada"},
                "persistentVolumeReclaimPolicy": policy,
                "nodeAffinity": {"required": required},
            });
            let volume = object(&json!({"name": "v"}), &spec, &json!({"phase": phase}));
            convert(&volume, stored).map(|volume| volume.described())
        };
        for (phase, policy, expected) in [
            ("Bound", "Delete", true),
            ("Bound", "Retain", true),
            ("Released", "Retain", true),
            ("Released", "Delete", false),
            ("Released", "Recycle", false),
            // A person has removed the claim to bind the volume again.
            ("Available", "Retain", true),
            ("Available", "Delete", false),
            ("Pending", "Delete", false),
            ("Failed", "Delete", false),
        ] {
            let expected = expected.then(|| "v of claim hub/home-ada".to_owned());
            assert_eq!(of(phase, policy), expected, "{phase}, {policy}");
        }
        let bound = |spec| convert(&object(&json!({"name": "v"}), &spec, &json!({"phase": "Bound"})), stored);
        let unnamed = bound(json!({"nodeAffinity": {"required": required}}));
        assert_eq!(
            unnamed.map(|volume| volume.described()),
            Some("v".to_owned()),
            "without the name of its claim"
        );
        assert_eq!(bound(json!({})), None, "every node can use it");
        assert_eq!(bound(json!({"hostPath": {"path": "/srv"}})), None, "it names no node");
    }

    #[test]
    fn a_volume_says_where_it_can_be_used_by_affinity_or_by_labels() {
        let host = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n3"]},
        ]}]}});
        let on = |key: &str, values: &[&str]| Requirement {
            key: key.to_owned(),
            operator: Operator::In(values.iter().map(ToString::to_string).collect()),
        };
        let either = |ways: Vec<Vec<Requirement>>| {
            let terms = ways.into_iter().map(|labels| SelectorTerm { labels, fields: vec![] });
            Some(Affinity(terms.collect()))
        };
        let term = |labels| either(vec![labels]);
        let zones = json!({"failure-domain.beta.kubernetes.io/zone": "a__b", "app": "x"});
        let today = json!({"topology.kubernetes.io/zone": "a"});
        let cases = [
            ("everywhere", json!({"name": "v"}), json!({}), None),
            (
                "on the host of its pod",
                json!({"name": "v"}),
                json!({"hostPath": {"path": "/srv"}}),
                Some(of_the_host_of_its_pod()),
            ),
            (
                "on a host that is named",
                json!({"name": "v"}),
                json!({"hostPath": {"path": "/srv"}, "nodeAffinity": host}),
                term(vec![on("kubernetes.io/hostname", &["n3"])]),
            ),
            (
                "on one host",
                json!({"name": "v"}),
                json!({"nodeAffinity": host}),
                term(vec![on("kubernetes.io/hostname", &["n3"])]),
            ),
            (
                "in two zones, by a label",
                json!({"name": "v", "labels": zones}),
                json!({}),
                either(vec![
                    vec![on("failure-domain.beta.kubernetes.io/zone", &["a", "b"])],
                    vec![on("topology.kubernetes.io/zone", &["a", "b"])],
                ]),
            ),
            (
                "in one zone, by today's label",
                json!({"name": "v", "labels": today}),
                json!({}),
                term(vec![on("topology.kubernetes.io/zone", &["a"])]),
            ),
            (
                "both",
                json!({"name": "v", "labels": zones}),
                json!({"nodeAffinity": host}),
                either(vec![
                    vec![
                        on("kubernetes.io/hostname", &["n3"]),
                        on("failure-domain.beta.kubernetes.io/zone", &["a", "b"]),
                    ],
                    vec![
                        on("kubernetes.io/hostname", &["n3"]),
                        on("topology.kubernetes.io/zone", &["a", "b"]),
                    ],
                ]),
            ),
        ];
        for (what, metadata, spec, expected) in cases {
            let converted = convert(&object(&metadata, &spec, &json!({})), affinity_of_volume);
            assert_eq!(converted, Some(("v".to_owned(), expected)), "{what}");
        }
    }
}
