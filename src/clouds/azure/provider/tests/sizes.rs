//! The next node of a group by the size of its machines: growing from zero.

use fake_azure::{Account, Cluster, ScaleSet};
use fake_azure::{Fault, Requests};
use jiff::Timestamp;
use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Millicores, Node, Pod, ReadyCondition, SchedulerRefusal, Snapshot, Unbound,
};
use kube_rebalancer_core::plan::{Action, plan};
use kube_rebalancer_core::policy::{Bounds, Policy};
use kube_rebalancer_ports::CloudView;

use super::world::{SET, SUBSCRIPTION, World};

const MIB: u64 = 1024 * 1024;

fn named(mut world: World, names: &[&str]) -> World {
    world.scope.node_groups = names.iter().map(|name| (*name).to_owned()).collect();
    world.scope.project = Some(SUBSCRIPTION.to_owned());
    world
}

/// A scale set without instances, which `NODE_GROUPS` names.
fn empty() -> World {
    named(World::new(0), &["hub-rg/users"])
}

fn tag(world: &World, key: &str, value: &str) {
    let key = format!("k8s.io_cluster-autoscaler_node-template_{key}");
    world.fake.edit(SET, |set| drop(set.tags.insert(key, value.to_owned())));
}

/// What kernel and kubelet leave: a 64th and 80 MiB are the kernel's, 20 MiB for each pod and 50 the kubelet's, 100 stay free.
fn left(mib: u64, pods: u64) -> Bytes {
    Bytes((mib - mib / 64 - 80 - 20 * pods - 50 - 100) * MIB)
}

#[tokio::test]
async fn a_scale_set_without_nodes_and_tags_has_the_size_of_its_machines() {
    let (_, view) = empty().seen(&[]).await;
    let found = view.groups[0].template.clone().unwrap();
    // A Standard_D4s_v5 has 4 processors and 16 GB. AKS reserves 140 millicores.
    assert_eq!((found.allocatable.memory, found.allocatable.pods), (Some(left(16_384, 110)), Some(110)));
    assert_eq!(found.allocatable.cpu, Some(Millicores(3860)));
    assert_eq!((found.allocatable.further, found.only_size), (None, true));
    assert_eq!(found.labels.get("kubernetes.io/arch"), Some("amd64"));
    let gpu = empty();
    gpu.fake.edit(SET, |set| set.size = "standard_nc4as_t4_v3".to_owned());
    let (_, view) = gpu.seen(&[]).await;
    let further = view.groups[0].template.clone().unwrap().allocatable.further.unwrap();
    assert_eq!(further.get("nvidia.com/gpu"), Some(&1));
    // A tag is worth more.
    let tagged = empty();
    tag(&tagged, "resources_cpu", "3");
    let (_, view) = tagged.seen(&[]).await;
    let found = view.groups[0].template.clone().unwrap();
    assert_eq!((found.allocatable.cpu, found.only_size), (Some(Millicores(3000)), false));
    assert_eq!(found.allocatable.memory, Some(left(16_384, 110)));
}

#[tokio::test]
async fn an_agent_pool_without_nodes_is_described_whole() {
    let world = named(World::new(0), &["hub/users"]);
    world
        .fake
        .add_cluster(Cluster::new(SUBSCRIPTION, "Hub-RG", "Hub").pool("system", 1, true).pool(SET, 0, false));
    let (_, view) = world.seen(&[]).await;
    let group = view.groups.iter().find(|group| group.name == "hub/users").unwrap();
    let found = group.template.clone().unwrap();
    assert!(found.allocatable.memory.is_some() && found.allocatable.cpu.is_some(), "{found:?}");
    assert!(!found.only_size, "AKS tells labels and taints");
    for (key, value) in [("kubernetes.io/os", "linux"), ("kubernetes.azure.com/mode", "user")] {
        assert_eq!(found.labels.get(key), Some(value));
    }
}

#[tokio::test]
async fn the_list_is_read_only_where_nothing_else_shows_the_size_and_once_a_region() {
    let world = World::new(2);
    let ready = |mut node: Node| {
        node.ready = Some(ReadyCondition { ready: true, since: None });
        node
    };
    world.seen(&world.nodes().into_iter().map(ready).collect::<Vec<_>>()).await;
    assert_eq!(world.count("compute.skus"), 0, "a Ready node shows it");
    world.seen(&world.nodes()).await;
    assert_eq!(world.count("compute.skus"), 1);
    let tagged = empty();
    tag(&tagged, "resources_cpu", "3");
    tag(&tagged, "resources_memory", "10Gi");
    tagged.seen(&[]).await;
    assert_eq!(tagged.count("compute.skus"), 0);
    let several = named(World::new(0), &["hub-rg/users", "hub-rg/more"]);
    several.fake.add_set(ScaleSet::new(SUBSCRIPTION, "Hub-RG", "more"), 0);
    several.seen(&[]).await;
    assert_eq!(several.count("compute.skus"), 1);
}

#[tokio::test]
async fn a_size_that_cannot_be_read_is_told_in_one_line_and_stops_nothing() {
    let looking = [
        "Microsoft.Compute/virtualMachineScaleSets/read",
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/instanceView/read",
    ];
    let forbidden = named(World::of(0, Account::ops().with_actions(&looking)), &["hub-rg/users"]);
    let unsold = empty();
    unsold.fake.edit(SET, |set| set.size = "Standard_X1".to_owned());
    let elsewhere = empty();
    elsewhere.fake.edit(SET, |set| set.location = "northeurope".to_owned());
    let failing = empty();
    failing.fake.fail(Requests::method("compute.skus"), Fault::InternalError);
    for (world, why) in [
        (forbidden, "Microsoft.Compute/skus/read"),
        (unsold, "Azure sells no size Standard_X1 in westeurope"),
        (elsewhere, "Azure sells no size Standard_D4s_v5 in northeurope"),
        (failing, "cannot look at the sizes of machines in westeurope"),
    ] {
        let (_, view) = world.seen(&[]).await;
        let [note] = view.notes.as_slice() else { panic!("{why}: {:?}", view.notes) };
        let start = "the size of the machines of node group hub-rg/users is not known, so only tags and nodes tell the size of a \
                     new node: ";
        assert!(note.starts_with(start) && note.contains(why), "{note}");
        let group = &view.groups[0];
        assert_eq!((group.template.clone().unwrap().allocatable.memory, &group.not_growable), (None, &None));
    }
}

/// The groups that a run grows for a user's pod, with their new sizes.
fn grown(view: CloudView, gibibytes: u64) -> Vec<(String, u32)> {
    let selects = [("hub.jupyter.org/node-purpose".to_owned(), "user".to_owned())].into();
    let created_at = Some(Timestamp::UNIX_EPOCH);
    let refusal = Some(SchedulerRefusal { message: "".into(), since: created_at });
    let pod = Pod {
        namespace: "hub".into(),
        name: "jupyter-ada".into(),
        requests: Amounts::pod(Bytes(gibibytes << 30), Millicores(1000)),
        constraints: Constraints { node_selector: selects, ..Constraints::default() }.into(),
        unbound: Some(Box::new(Unbound { uid: "ada".into(), refusal, created_at, ..Unbound::default() })),
        label_keys: vec!["user".into()].into(),
        ..Pod::default()
    };
    let snapshot = Snapshot::new(Timestamp::UNIX_EPOCH, Vec::new(), vec![pod], Vec::new(), 2).unwrap();
    let snapshot = snapshot.with_groups(view.groups, view.memberships);
    let policy = Policy {
        node_groups_named: true,
        preemptible_labels: ["user".to_owned()].into(),
        bounds: Bounds { min_nodes: 0, ..Bounds::default() },
        ..Policy::default()
    };
    let made = plan(&snapshot, &policy).unwrap();
    let grows = made.actions.iter().filter_map(|action| {
        let Action::Grow { group: Some(group), to, .. } = action else { return None };
        Some((group.clone(), *to))
    });
    grows.collect()
}

#[tokio::test]
async fn a_user_waits_and_of_empty_scale_sets_without_tags_the_one_that_holds_the_pod_grows() {
    let world = named(World::new(0), &["hub-rg/users", "hub-rg/wide"]);
    let mut wide = ScaleSet::new(SUBSCRIPTION, "Hub-RG", "wide");
    wide.size = "Standard_E8s_v5".to_owned();
    world.fake.add_set(wide, 0);
    let view = async || world.seen(&[]).await.1;
    assert_eq!(grown(view().await, 40), [("hub-rg/wide".to_owned(), 1)], "the other has 16 GB");
    assert_eq!(grown(view().await, 4), [("hub-rg/users".to_owned(), 1)]);
    assert_eq!(grown(view().await, 100), [], "a node would come in vain");
}
