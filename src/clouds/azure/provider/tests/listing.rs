//! Which node is which instance, and what the listing is bounded by.

use std::collections::BTreeSet;

use fake_azure::{Fault, Requests, ScaleSet};
use kube_rebalancer_core::model::{Bytes, Millicores, Node};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{Can, CloudScope, CloudView, NotWanted, Provider, ProviderError};

use super::world::{GROUP, SET, SUBSCRIPTION, World, node_of, snapshot};
use crate::PROVIDER;

/// Each node's group, or why it has none.
fn places(view: &CloudView) -> Vec<Result<&str, &str>> {
    let places = view.memberships.iter().map(|one| match &one.group {
        Some(group) => Ok(group.as_str()),
        None => Err(one.outside.as_deref().unwrap()),
    });
    places.collect()
}

#[tokio::test]
async fn a_node_is_the_instance_of_its_provider_id_and_of_its_name() {
    let world = World::new(20);
    let mut nodes = world.nodes();
    let (_, view) = world.seen(&nodes).await;
    assert!(view.memberships.iter().all(|one| one.group.as_deref() == Some(GROUP)), "{view:?}");
    let [group] = view.groups.as_slice() else { panic!("{:?}", view.groups) };
    assert_eq!(
        (group.target_size, group.instances.len(), group.zone.as_deref()),
        (20, 20, Some("westeurope-1"))
    );
    assert_eq!(
        (&group.not_growable, &group.not_shrinkable, &group.not_parkable, &group.not_wakeable),
        (&None, &None, &None, &None)
    );
    // Three pages of seven.
    assert_eq!(world.count("compute.machines"), 3);
    // The end of the name fits, the beginning does not.
    nodes[3].name = "other000003".to_owned();
    nodes[4].name = "users00000z".to_owned();
    let (_, view) = world.seen(&nodes[3..5]).await;
    let renamed = "its instance hub-rg/users/3 has another computer name, users000003";
    let other = "its providerID names instance hub-rg/users/4, whose node has another name";
    assert_eq!(places(&view), [Err(renamed), Err(other)]);
}

#[tokio::test]
async fn what_one_node_claims_stops_no_other_node() {
    let world = World::new(2);
    let foreign = ScaleSet::new("ffffffff-0000-0000-0000-000000000000", "rg", "foreign");
    let gone = node_of(&world.set(), 77);
    let aks = {
        let mut node = world.node(1);
        node.labels.insert("kubernetes.azure.com/agentpool".to_owned(), "users".to_owned());
        node
    };
    let (_, view) = world.seen(&[world.node(0), node_of(&foreign, 0), gone, aks]).await;
    let found = places(&view);
    // In the order of the nodes' names: foreign, and the numbered ones.
    assert!(
        found[0].unwrap_err().starts_with("cannot look at scale set rg/foreign: status 404"),
        "{found:?}"
    );
    assert_eq!(found[1], Ok(GROUP));
    assert!(found[2].unwrap_err().starts_with("its label names the AKS pool users"), "{found:?}");
    assert_eq!(found[3], Err("its instance hub-rg/users/77 is gone: its scale set does not list it"));
    assert!(view.gaps.is_empty(), "{view:?}");
}

#[tokio::test]
async fn a_node_that_names_the_instance_of_another_node_harms_it_only_where_it_may_be_the_same() {
    let world = World::new(2);
    let other = ScaleSet::new(SUBSCRIPTION, "hub-rg", "other");
    world.fake.add_set(other.clone(), 2);
    let claiming = |name: String| Node { name, ..world.node(1) };
    let why = "its instance hub-rg/users/1 has another computer name, users000001";
    // Another instance has its name.
    let nodes = [node_of(&other, 0), claiming(other.computer_name(1)), world.node(0), world.node(1)];
    let (_, view) = world.seen(&nodes).await;
    assert_eq!(places(&view), [Ok("hub-rg/other"), Err(why), Ok(GROUP), Ok(GROUP)]);
    // A kubelet may have registered again under a new name: users may be on either node.
    let (_, view) = world.seen(&[claiming("renamed000001".to_owned()), world.node(0), world.node(1)]).await;
    let twin = "node renamed000001 says that it is the same instance, hub-rg/users/1";
    assert_eq!(places(&view), [Err(why), Ok(GROUP), Err(twin)]);
}

#[tokio::test]
async fn node_groups_and_project_bound_what_is_touched() {
    let mut world = World::new(2);
    world.fake.add_set(ScaleSet::new(SUBSCRIPTION, "hub-rg", "gpu-users"), 0);
    world.scope.node_groups = ["users".to_owned(), "gpu".to_owned(), "nope".to_owned()].into();
    let (_, view) = world.seen(&world.nodes()).await;
    let names: Vec<&str> = view.groups.iter().map(|group| &*group.name).collect();
    assert_eq!(names, ["hub-rg/gpu-users", GROUP]);
    assert_eq!(view.unknown, BTreeSet::from(["nope".to_owned()]));
    assert_eq!(view.known, ["hub-rg/gpu-users", GROUP]);
    world.scope.node_groups = ["gpu-users".to_owned()].into();
    let (_, view) = world.seen(&world.nodes()).await;
    let why = "its instance hub-rg/users/0 is in no scale set that NODE_GROUPS names";
    assert_eq!(places(&view)[0], Err(why));
    world.scope.project = Some("ffffffff-0000-0000-0000-000000000000".to_owned());
    world.scope.node_groups.clear();
    let (_, view) = world.seen(&world.nodes()).await;
    let why = format!(
        "its instance hub-rg/users/0 is of subscription {SUBSCRIPTION}, PROJECT is ffffffff-0000-0000-0000-000000000000"
    );
    assert_eq!(places(&view)[0], Err(&*why));
}

#[tokio::test]
async fn a_group_without_a_node_is_found_by_its_place() {
    let mut world = World::new(0);
    world.scope.provider = Some("azure".to_owned());
    let none = snapshot(&[]);
    let wanted = |scope: &CloudScope| PROVIDER.wanted(none.nodes(), &Policy::default(), scope);
    assert_eq!(wanted(&world.scope), Err(NotWanted::Elsewhere));
    world.scope.node_groups = ["users".to_owned()].into();
    assert!(
        matches!(wanted(&world.scope), Err(NotWanted::NoAccount(words)) if words.contains("RESOURCE_GROUP/NAME"))
    );
    world.scope.node_groups = ["hub-rg/users".to_owned()].into();
    world.scope.project = Some(SUBSCRIPTION.to_uppercase());
    assert_eq!(wanted(&world.scope), Ok(()));
    world.fake.edit(SET, |set| {
        for (key, value) in [
            ("label_hub.jupyter.org_node-purpose", "user"),
            ("taint_hub.jupyter.org_dedicated", "user:NoSchedule"),
            ("resources_cpu", "3860m"),
            ("resources_memory", "12Gi"),
            ("resources_nvidia.com_gpu", "1"),
        ] {
            set.tags.insert(format!("k8s.io_cluster-autoscaler_node-template_{key}"), value.to_owned());
        }
    });
    let (cloud, view) = world.seen(&[]).await;
    let template = view.groups[0].template.clone().unwrap();
    assert_eq!(template.labels.get("hub.jupyter.org/node-purpose"), Some("user"));
    assert_eq!(template.labels.get("node.kubernetes.io/instance-type"), Some("Standard_D4s_v5"));
    assert_eq!(template.labels.get("topology.kubernetes.io/zone"), Some("westeurope-1"));
    assert_eq!((&*template.taints[0].key, &*template.taints[0].value), ("hub.jupyter.org/dedicated", "user"));
    assert_eq!(template.allocatable.cpu, Some(Millicores(3860)));
    assert_eq!(template.allocatable.memory, Some(Bytes(12 << 30)));
    assert_eq!(template.allocatable.further.unwrap().get("nvidia.com/gpu"), Some(&1));
    assert_eq!(cloud.grow(GROUP, 0, 2).await, kube_rebalancer_ports::GroupAnswer::Done);
    // A tag that is not understood is a note, and the nodes tell what the next one is like.
    let key = "k8s.io_cluster-autoscaler_node-template_resources_cpu".to_owned();
    world.fake.edit(SET, |set| drop(set.tags.insert(key, "many".to_owned())));
    let (_, view) = world.seen(&[]).await;
    assert!(
        view.groups[0].template.is_none() && view.notes[0].contains("is not understood: `many`"),
        "{view:?}"
    );
}

#[tokio::test]
async fn a_pool_of_aks_without_a_node_is_found_by_its_cluster() {
    let mut world = World::aks(0);
    world.scope.provider = Some("azure".to_owned());
    world.scope.project = Some(SUBSCRIPTION.to_owned());
    world.scope.node_groups = ["hub/users".to_owned()].into();
    let (cloud, view) = world.seen(&[]).await;
    let names: Vec<&str> = view.groups.iter().map(|group| &*group.name).collect();
    assert_eq!(names, ["hub/users"], "{view:?}");
    assert_eq!(cloud.grow("hub/users", 0, 1).await, kube_rebalancer_ports::GroupAnswer::Done);
}

#[tokio::test]
async fn zone_leaves_out_what_is_not_of_that_zone_alone() {
    let mut world = World::new(1);
    world.scope.zone = Some("westeurope-1".to_owned());
    let (_, view) = world.seen(&world.nodes()).await;
    assert_eq!(places(&view), [Ok(GROUP)]);
    world.fake.edit(SET, |set| set.zones = vec!["1".to_owned(), "2".to_owned()]);
    let (_, view) = world.seen(&world.nodes()).await;
    assert_eq!(places(&view), [Err("scale set hub-rg/users is not of zone westeurope-1 alone")]);
    world.scope.zone = None;
    let group = world.group().await;
    assert_eq!((group.zone, group.zones), (None, vec!["westeurope-1".to_owned(), "westeurope-2".to_owned()]));
}

#[tokio::test]
async fn a_list_that_is_not_understood_is_a_gap_and_the_token_goes_nowhere_else() {
    let world = World::new(20);
    for fault in [Fault::MalformedJson, Fault::WrongTypes, Fault::Forbidden, Fault::InternalError] {
        world.fake.fail(Requests::method("compute.machines").since_nth(2), fault.clone());
        let (_, view) = world.seen(&world.nodes()).await;
        world.fake.behave();
        assert!(view.groups.is_empty() && view.gaps.len() == 1, "{fault:?}: {view:?}");
    }
    world.fake.fail(Requests::method("compute.set"), Fault::Forbidden);
    let mut cloud = world.connect().await.unwrap();
    let error = cloud.list(&snapshot(&world.nodes()), &Policy::default()).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Unseen(words) if words.contains("status 403")), "{error:?}");
}

#[test]
fn a_cluster_elsewhere_has_nothing_to_do_here() {
    let node = |provider_id: &str| Node { provider_id: Some(provider_id.to_owned()), ..Node::default() };
    let wanted = |node: Node| PROVIDER.wanted(&[node], &Policy::default(), &CloudScope::default());
    assert_eq!(wanted(node("gce://p/z/a")), Err(NotWanted::Elsewhere));
    assert_eq!(wanted(node("azure:///subscriptions/x")), Ok(()));
    assert_eq!((PROVIDER.name(), PROVIDER.cloud(), PROVIDER.scheme()), ("azure", "Azure", Some("azure://")));
}

#[tokio::test]
async fn what_the_table_promises_is_what_groups_allow() {
    let (set, pool) = (World::new(3).group().await, {
        let world = World::aks(3);
        world.seen(&world.pool_nodes()).await.1.groups.swap_remove(1)
    });
    let [of_set, of_pool] = PROVIDER.abilities() else { panic!("{:?}", PROVIDER.abilities()) };
    for (abilities, group) in [(of_set, set), (of_pool, pool)] {
        for (can, why_not) in [
            (abilities.grow, &group.not_growable),
            (abilities.delete, &group.not_shrinkable),
            (abilities.park, &group.not_parkable),
            (abilities.park, &group.not_wakeable),
        ] {
            assert_eq!(can == Can::Yes, why_not.is_none(), "{}: {why_not:?}", abilities.groups);
        }
    }
}
