//! The template of the next node of a group.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Millicores, Node, NodeResources, Pod, ReadyCondition, Snapshot, Unbound,
};
use kube_rebalancer_core::plan::{Action, plan};
use kube_rebalancer_core::policy::{Bounds, Policy};

use super::engine::{NOW, World, error, regional, zonal};
use super::{Observed, ZONE, log, node, scope, seen};
use crate::{ErrorKind, GroupId, InstanceTemplate, MachineType, TemplateId};

const MIB: u64 = 1024 * 1024;

/// A template of 4 processors and 16 GiB, of which the kubelet keeps 80m and 2 GiB.
fn template(kube_env: Option<&str>) -> InstanceTemplate {
    InstanceTemplate {
        machine_type: "e2-standard-4".to_owned(),
        gpus: 1,
        kube_env: kube_env.map(str::to_owned),
    }
}

const KUBE_ENV: &str =
    "AUTOSCALER_ENV_VARS: kube_reserved=cpu=80m,memory=2Gi;node_labels=size=big;node_taints=t=v:NoSchedule";

/// A world with a group of these nodes whose template is that one.
fn world(group: &GroupId, names: &[&str], template: Option<InstanceTemplate>) -> World {
    let mut world = World::default().with(group, names).with(&zonal(ZONE, "small"), &["s"]);
    for found in world.groups.iter_mut().filter(|found| found.id == *group) {
        let url = "projects/my-project/global/instanceTemplates/big";
        found.template = Some(TemplateId::from_url(url).unwrap());
        found.zones = vec!["us-central1-c".parse().unwrap(), "us-central1-f".parse().unwrap()];
    }
    world.templates.extend(template.map(|template| ("big", template)));
    let size = MachineType { cpus: 4, memory_mib: 16_384, gpus: 0, is_arm: false };
    world.machine_types =
        BTreeMap::from([("us-central1-a/e2-standard-4", size), ("us-central1-c/e2-standard-4", size)]);
    world
}

fn ready(name: &str, instance_type: Option<&str>) -> Node {
    let label = |kind: &str| ("node.kubernetes.io/instance-type".to_owned(), kind.to_owned());
    let size = NodeResources {
        memory: Some(Bytes(4096 * MIB)),
        cpu: Some(Millicores(2000)),
        pods: Some(110),
        further: None,
    };
    Node {
        ready: Some(ReadyCondition { ready: true, since: None }),
        labels: instance_type.map(label).into_iter().collect(),
        allocatable: size.clone(),
        capacity: size,
        ..node(ZONE, name)
    }
}

fn observe(world: World, nodes: &[Node]) -> Observed {
    seen(&world.engine(), nodes, &scope(&["big", "small"])).unwrap()
}

#[test]
fn a_group_without_nodes_has_the_labels_taints_and_size_of_its_template() {
    let observed =
        observe(world(&zonal(ZONE, "big"), &[], Some(template(Some(KUBE_ENV)))), &[ready("s", None)]);
    assert_eq!(observed.warnings, [""; 0]);
    let found = observed.groups[0].template.clone().unwrap();
    for (key, value) in [
        ("size", "big"),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        ("node.kubernetes.io/instance-type", "e2-standard-4"),
        ("topology.kubernetes.io/region", "us-central1"),
        ("topology.gke.io/zone", ZONE),
    ] {
        assert_eq!(found.labels.get(key), Some(value), "{key}");
    }
    assert_eq!((found.taints.len(), &*found.taints[0].key), (1, "t"));
    // The kernel keeps 16384 / 64 + 16 + 64 MiB, the kubelet 2 GiB, and 100 MiB stay free.
    assert_eq!(found.capacity.memory, Some(Bytes((16_384 - 336) * MIB)));
    assert_eq!(found.allocatable.memory, Some(Bytes((16_384 - 336 - 2048 - 100) * MIB)));
    assert_eq!((found.allocatable.cpu, found.allocatable.pods), (Some(Millicores(3920)), Some(110)));
    assert_eq!(found.allocatable.further.unwrap().get("nvidia.com/gpu"), Some(&1));
}

#[test]
fn no_size_is_promised_where_it_is_measured_or_what_is_reserved_is_not_known() {
    let unreserved = "AUTOSCALER_ENV_VARS: node_labels=size=big";
    let windows = "AUTOSCALER_ENV_VARS: os=windows;kube_reserved=cpu=80m,memory=2Gi";
    let group = zonal(ZONE, "big");
    for (names, nodes, kube_env, given) in [
        (&["a"][..], vec![ready("a", Some("e2-standard-4"))], KUBE_ENV, false),
        (&["a"], vec![ready("a", None)], KUBE_ENV, false),
        (&["a"], vec![ready("a", Some("e2-standard-2"))], KUBE_ENV, true),
        (&["a"], vec![Node { ready: None, ..ready("a", None) }], KUBE_ENV, true),
        (&[], vec![], unreserved, false),
        (&[], vec![], windows, false),
    ] {
        let nodes = [nodes, vec![ready("s", None)]].concat();
        let observed = observe(world(&group, names, Some(template(Some(kube_env)))), &nodes);
        let found = observed.groups[0].template.clone().unwrap();
        assert_eq!(found.allocatable.memory.is_some(), given, "{kube_env} {nodes:?}");
        assert_eq!(found.capacity.memory.is_some(), given, "{kube_env}");
    }
    let mut mixed = world(&group, &[], Some(template(Some(KUBE_ENV))));
    mixed.groups[0].mixed_machine_types = true;
    let found = observe(mixed, &[ready("s", None)]).groups[0].template.clone().unwrap();
    assert_eq!(
        (found.allocatable.memory, found.labels.get("node.kubernetes.io/instance-type")),
        (None, None)
    );
}

#[test]
fn a_regional_group_knows_its_zones_and_asks_the_first_for_the_machine_type() {
    let engine = world(&regional("us-central1", "big"), &[], Some(template(Some(KUBE_ENV)))).engine();
    let observed = seen(&engine, &[ready("s", None)], &scope(&["big", "small"])).unwrap();
    let big = observed.groups.iter().find(|group| group.zone.is_none()).unwrap();
    assert_eq!(big.zones, ["us-central1-c", "us-central1-f"]);
    assert!(big.template.as_ref().is_some_and(|template| template.allocatable.memory.is_some()));
    let asked: Vec<_> = log(&engine).into_iter().filter(|call| call.contains("e2-standard-4")).collect();
    assert_eq!(asked, ["machine_type us-central1-c/e2-standard-4"]);
}

#[test]
fn a_template_that_cannot_be_read_is_told_and_stops_nothing() {
    let group = zonal(ZONE, "big");
    let broken = template(Some("AUTOSCALER_ENV_VARS: node_taints=t"));
    let mut forbidden = world(&group, &[], Some(template(Some(KUBE_ENV))));
    forbidden.failing.insert("template", error(ErrorKind::Forbidden, true, "not for you"));
    let mut no_size = world(&group, &[], Some(template(Some(KUBE_ENV))));
    no_size.failing.insert("machine_type", error(ErrorKind::Forbidden, true, "not for you"));
    for (world, why) in [
        (forbidden, "not for you"),
        (no_size, "not for you"),
        (world(&group, &[], None), "no such template"),
        (world(&group, &[], Some(broken)), "its kube-env: node_taints has an entry that is not understood"),
    ] {
        let observed = observe(world, &[ready("s", None)]);
        let told = format!(
            "the instance template of node group us-central1-a/big cannot be used, so the existing nodes describe a new \
             node: {why}"
        );
        assert_eq!(observed.warnings, [told]);
        assert!(observed.complete && observed.groups[0].not_growable.is_none());
        assert_eq!(observed.groups[0].template, None);
    }
    // An instance that GKE does not set up gets no warning.
    let observed = observe(world(&group, &[], Some(template(None))), &[ready("s", None)]);
    assert_eq!((observed.warnings.len(), &observed.groups[0].template), (0, &None));
}

#[test]
fn a_group_without_nodes_grows_for_a_pod_that_asks_for_the_label_of_its_template() {
    let env = "AUTOSCALER_ENV_VARS: kube_reserved=cpu=80m,memory=2Gi;node_labels=size=big";
    let grown = |world: World| {
        let nodes = [ready("s", None)];
        let observed = observe(world, &nodes);
        let selector = BTreeMap::from([("size".to_owned(), "big".to_owned())]);
        let pod = Pod {
            namespace: "users".into(),
            name: "ada".into(),
            requests: Amounts::pod(Bytes(10 * 1024 * MIB), Millicores(1000)),
            constraints: Constraints { node_selector: selector, ..Constraints::default() }.into(),
            unbound: Some(Box::new(Unbound::default())),
            label_keys: vec!["user".into()].into(),
            deleting: false,
            node_name: None,
            containers: 1,
            controller: None,
            mirror: false,
            daemonset_pod: false,
            bound_by: None,
            safe_to_evict: None,
            do_not_disrupt: None,
            local_volume: None,
            claims: Box::default(),
            priority: 0,
            ends_at_once: false,
            eviction: None,
            ready: false,
            alike: Vec::new(),
        };
        let snapshot = Snapshot::new(NOW, nodes.to_vec(), vec![pod], Vec::new(), 2).unwrap();
        let snapshot = snapshot.with_groups(observed.groups, observed.memberships);
        let policy = Policy {
            node_groups_named: true,
            preemptible_labels: ["user".to_owned()].into(),
            bounds: Bounds { min_nodes: 1, ..Bounds::default() },
            ..Policy::default()
        };
        let plan = plan(&snapshot, &policy).unwrap();
        let group = |action: &Action| {
            let Action::Grow { group: Some(group), to, .. } = action else { return None };
            Some((group.clone(), *to))
        };
        plan.actions.iter().filter_map(group).collect::<Vec<_>>()
    };
    let group = zonal(ZONE, "big");
    assert_eq!(grown(world(&group, &[], Some(template(Some(env))))), [("us-central1-a/big".to_owned(), 1)]);
    let mut forbidden = world(&group, &[], Some(template(Some(env))));
    forbidden.failing.insert("template", error(ErrorKind::Forbidden, true, "not for you"));
    assert_eq!(grown(forbidden), [], "nothing tells that the group would help");
}
