//! The traps of Azure, one test for each.

use std::sync::Arc;

use fake_azure::{Cluster, Fault, Moment, Requests, ScaleSet};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{GROUP, SET, SUBSCRIPTION, World, of, told};

#[tokio::test]
async fn identity_is_compared_case_insensitively() {
    let world = World::new(1);
    let node = world.node(0);
    let upper =
        node.provider_id.as_deref().unwrap().replace("hub-rg", "HUB-RG").replace("/users/", "/USERS/");
    assert_ne!(Some(&*upper), node.provider_id.as_deref());
    let (cloud, view) = world.seen(&[Node { provider_id: Some(upper.clone()), ..node.clone() }]).await;
    assert_eq!(view.memberships[0].group.as_deref(), Some(GROUP), "{view:?}");
    let request = of(&Node { provider_id: Some(upper), ..node });
    assert_eq!(cloud.delete(&[request]).await, [GroupAnswer::Done]);
}

#[tokio::test]
async fn the_instance_id_is_kept_as_text() {
    let world = World::new(1);
    let padded = format!("{}0", world.node(0).provider_id.unwrap());
    let (_, view) =
        world.seen(&[Node { provider_id: Some(padded), ..world.node(0) }, world.node(0)][..1]).await;
    let why = "its providerID names instance hub-rg/users/00, whose node has another name";
    assert_eq!(view.memberships[0].outside.as_deref(), Some(why));
}

#[tokio::test]
async fn flexible_sets_and_single_machines_are_left_alone_and_reported() {
    let mut world = World::new(1);
    world.fake.edit(SET, |set| set.is_flexible = true);
    let single = format!(
        "azure:///subscriptions/{SUBSCRIPTION}/resourceGroups/hub-rg/providers/Microsoft.Compute/virtualMachines/vm-a"
    );
    let single = Node { name: "vm-a".to_owned(), provider_id: Some(single), ..Node::default() };
    let (_, view) = world.seen(&[world.node(0), single]).await;
    assert!(view.groups.is_empty());
    let why = |at: usize| view.memberships[at].outside.clone().unwrap();
    assert_eq!(why(0), "scale set hub-rg/users is flexible, and only uniform ones are changed");
    let expected = "its providerID: vm-a is a virtual machine by itself or of a flexible scale set, which are left alone";
    assert_eq!(why(1), expected);
    world.scope.node_groups = [SET.to_owned()].into();
    let (_, view) = world.seen(&[world.node(0)]).await;
    let note = "NODE_GROUPS names a scale set that is left alone: scale set hub-rg/users is flexible, and only uniform ones \
                are changed";
    assert_eq!(view.notes, [note]);
}

#[tokio::test]
async fn a_flexible_set_without_a_profile_of_machines_hides_no_other_set() {
    let mut world = World::new(1);
    world.fake.add_set(ScaleSet::new(SUBSCRIPTION, "Hub-RG", "group"), 0);
    world.fake.edit("group", |set| (set.is_flexible, set.size) = (true, String::new()));
    world.scope.node_groups = [SET.to_owned()].into();
    let (_, view) = world.seen(&[world.node(0)]).await;
    assert_eq!((view.groups.len(), view.gaps), (1, Vec::<String>::new()));
}

#[tokio::test]
async fn a_growth_is_a_compare_and_set_and_never_lowers_what_another_client_asked_for() {
    // The other client writes between the look and the request: once, and each time.
    for (each_time, raised, expected, capacity) in
        [(false, 4, "done", 5), (false, 9, "busy", 9), (true, 4, "busy", 4), (false, 2, "done", 4)]
    {
        let world = World::new(3);
        let cloud = world.cloud().await;
        let fake = Arc::clone(&world.fake);
        let requests = Requests::method("compute.patch");
        let requests = if each_time { requests } else { requests.nth(1) };
        world.fake.on(requests, Moment::Before, move |_| {
            // No operation is in progress afterwards; another test is about a deletion in progress.
            fake.resize(SET, raised);
            fake.advance(std::time::Duration::from_mins(2));
        });
        let answer = cloud.grow(GROUP, 3, 5).await;
        assert_eq!((told(&answer).0, world.set().capacity), (expected, capacity), "{raised}: {answer:?}");
        let all: Vec<_> =
            world.fake.calls().into_iter().filter(|call| call.method == "compute.patch").collect();
        assert!(all.iter().all(|call| call.header("if-match").is_some_and(|etag| etag.starts_with('"'))));
    }
}

#[tokio::test]
async fn a_bare_lower_capacity_lets_azure_choose_so_it_is_never_asked_for() {
    let world = World::new(5);
    let cloud = world.cloud().await;
    // Azure chooses.
    let other = World::new(5);
    other.fake.resize(SET, 3);
    assert_eq!(other.touched(), [3, 4]);
    // The plan is older than what another client asked for.
    world.fake.resize(SET, 8);
    assert_eq!(cloud.grow(GROUP, 5, 7).await, GroupAnswer::AlreadySo);
    assert_eq!((world.count("compute.patch"), world.set().capacity), (0, 8));
}

/// No source has the limit of one request.
#[tokio::test]
async fn a_deletion_names_at_most_a_hundred_instances() {
    let world = World::new(103);
    let cloud = world.cloud().await;
    world.at_once();
    let all: Vec<u64> = (0..101).collect();
    let answers = cloud.delete(&world.these(&all)).await;
    assert!(answers.iter().all(|answer| *answer == GroupAnswer::Done), "{answers:?}");
    let calls = world.fake.calls();
    let deletions = calls.iter().filter(|call| call.method == "compute.delete");
    let named: Vec<usize> =
        deletions.map(|call| call.body["instanceIds"].as_array().unwrap().len()).collect();
    assert!(named.iter().all(|ids| (1..=100).contains(ids)), "{named:?}");
    assert_eq!((named.iter().sum::<usize>(), world.set().capacity), (101, 2));
}

#[tokio::test]
async fn every_change_names_instances_and_none_is_forced() {
    let world = World::new(4);
    let cloud = world.cloud().await;
    assert!(cloud.delete(&[]).await.is_empty() && cloud.park(&[]).await.is_empty());
    world.at_once();
    assert_eq!(cloud.park(&world.these(&[2])).await, [GroupAnswer::Done]);
    assert_eq!(cloud.wake(&world.these(&[2])).await, [GroupAnswer::Done]);
    assert_eq!(cloud.delete(&world.these(&[3])).await, [GroupAnswer::Done]);
    let changes = ["compute.delete", "compute.deallocate", "compute.start"];
    let calls = world.fake.calls();
    let calls: Vec<_> = calls.iter().filter(|call| changes.contains(&&*call.method)).collect();
    assert_eq!(calls.len(), 3);
    for call in calls {
        let ids = call.body["instanceIds"].as_array().unwrap();
        assert!(ids.len() == 1 && ids.iter().all(|id| id.as_str().is_some_and(|id| id != "*")), "{call:?}");
        assert_eq!((call.parameter("forceDeletion"), call.parameter("hibernate")), (None, None));
    }
    assert_eq!((world.touched(), world.set().capacity), (vec![2], 3));
}

#[tokio::test]
async fn one_change_of_a_set_at_a_time_because_a_later_one_preempts_a_deletion() {
    let world = World::new(6);
    let cloud = world.cloud().await;
    assert_eq!(cloud.delete(&world.these(&[5])).await, [GroupAnswer::Done]);
    for answers in [
        cloud.delete(&world.these(&[4])).await,
        cloud.park(&world.these(&[4])).await,
        vec![cloud.grow(GROUP, 5, 6).await],
    ] {
        let (variant, words) = told(&answers[0]);
        assert_eq!(variant, "busy", "{answers:?}");
        assert!(
            words.contains("is not over") || words.contains("which another change would cancel"),
            "{words}"
        );
    }
    assert_eq!((world.set().preempted, world.touched()), (0, vec![5]));
    let group = world.group().await;
    assert!(group.not_growable.is_some() && group.not_shrinkable.is_some() && group.not_wakeable.is_some());
    world.settle();
    let cloud = world.cloud().await;
    assert_eq!(cloud.delete(&world.these(&[4])).await, [GroupAnswer::Done]);
    // Another client cancels that: the next run reads again, and repeats the request.
    world.fake.resize(SET, 5);
    assert_eq!(world.set().preempted, 1);
    world.settle();
    assert_eq!(world.cloud().await.delete(&world.these(&[4])).await, [GroupAnswer::Done]);
    world.settle();
    assert!(!world.set().machines.contains_key(&4));
}

#[tokio::test]
async fn protection_keeps_nothing_from_us_so_it_is_heeded_here() {
    let world = World::new(3);
    world.fake.edit(SET, |set| set.machines.get_mut(&1).unwrap().is_protected = true);
    let cloud = world.cloud().await;
    let words = "instance hub-rg/users/1 is protected from scale-in (protectionPolicy), which a person did";
    let refused = GroupAnswer::Refused(words.to_owned());
    assert_eq!(cloud.delete(&world.these(&[0, 1])).await, [GroupAnswer::Done, refused.clone()]);
    world.settle();
    assert_eq!(cloud.park(&world.these(&[1])).await, [refused]);
    // Protected since the look.
    world.fake.edit(SET, |set| set.machines.get_mut(&2).unwrap().is_protected = true);
    let answers = cloud.delete(&world.these(&[2])).await;
    assert!(told(&answers[0]).1.contains("users/2 is protected from scale-in"), "{answers:?}");
    assert_eq!(world.touched(), Vec::<u64>::new());
}

#[tokio::test]
async fn zone_rebalancing_autorepair_and_autoscalers_forbid_deletion_with_what_to_switch() {
    type Edit = fn(&mut ScaleSet);
    let cases: [(Edit, bool, &str); 3] = [
        (
            |set| set.repairs = true,
            true,
            "--resource-group hub-rg --name users --enable-automatic-repairs false",
        ),
        (
            |set| set.rebalances = true,
            true,
            "--set resiliencyPolicy.automaticZoneRebalancingPolicy.enabled=false",
        ),
        (
            |set| drop(set.tags.insert("cluster-autoscaler-enabled".to_owned(), "true".to_owned())),
            false,
            "take that tag away",
        ),
    ];
    for (edit, grows, told_of) in cases {
        let world = World::new(3);
        let before = world.cloud().await;
        world.fake.edit(SET, edit);
        let group = world.group().await;
        for why in [&group.not_shrinkable, &group.not_parkable] {
            assert!(why.as_deref().is_some_and(|why| why.contains(told_of)), "{group:?}");
        }
        assert_eq!(group.not_growable.is_none(), grows, "{group:?}");
        // Switched on after the look.
        for answers in [before.delete(&world.these(&[1])).await, before.park(&world.these(&[1])).await] {
            let (variant, words) = told(&answers[0]);
            assert!(variant == "refused" && words.contains(told_of), "{answers:?}");
        }
        assert!(world.touched().is_empty());
    }
}

#[tokio::test]
async fn overprovisioning_counts_instances_and_not_the_capacity() {
    let world = World::new(5);
    world.fake.edit(SET, |set| set.overprovisions = true);
    let cloud = world.cloud().await;
    assert_eq!(cloud.grow(GROUP, 5, 10).await, GroupAnswer::Done);
    let (_, view) = world.seen(&world.nodes()[..5]).await;
    let group = &view.groups[0];
    assert_eq!((group.target_size, group.instances.len()), (10, 11));
    assert!(group.not_shrinkable.is_some());
    // Azure deletes the surplus; until then the provider deletes nothing.
    world.fake.advance(std::time::Duration::from_secs(61));
    world.fake.edit(SET, |set| set.state = Some("Succeeded".to_owned()));
    world.fake.edit(SET, |set| set.machines.values_mut().for_each(|one| one.provisioning = "Succeeded"));
    let why = "it overprovisions: it has 11 instances, its capacity is 10, and Azure deletes the rest";
    assert_eq!(world.group().await.not_shrinkable.as_deref(), Some(why));
    world.settle();
    assert_eq!(world.group().await.not_shrinkable, None);
}

#[tokio::test]
async fn aks_sets_change_only_through_aks() {
    let world = World::aks(3);
    let nodes = world.pool_nodes();
    let (cloud, view) = world.seen(&nodes).await;
    let names: Vec<&str> = view.groups.iter().map(|group| &*group.name).collect();
    assert_eq!(names, ["hub/system", "hub/users"]);
    assert_eq!(cloud.grow("hub/users", 3, 4).await, GroupAnswer::Done);
    world.settle();
    assert_eq!(cloud.delete(&[of(&nodes[3])]).await, [GroupAnswer::Done]);
    world.settle();
    let changes: Vec<String> = world
        .fake
        .calls()
        .into_iter()
        .filter(|call| call.verb != "GET" && call.method != "token")
        .map(|call| call.method)
        .collect();
    assert_eq!(changes, ["aks.put", "aks.deleteMachines"]);
}

#[tokio::test]
async fn a_set_of_aks_without_a_known_pool_is_not_changed_at_all() {
    let world = World::aks(2);
    world.fake.edit(&Cluster::set_name(SET), |set| set.tags.clear());
    let nodes = world.pool_nodes();
    let (cloud, view) = world.seen(&nodes).await;
    let group = &view.groups[1];
    let why = "AKS created it, so it can only be changed through its agent pool, which is not known: none of the agent pools of hub is \
               its own";
    for forbidden in [&group.not_growable, &group.not_shrinkable, &group.not_parkable, &group.not_wakeable] {
        assert_eq!(forbidden.as_deref(), Some(why));
    }
    let refused = || GroupAnswer::Refused(why.to_owned());
    assert_eq!(cloud.grow(&group.name, 2, 3).await, refused());
    assert_eq!(cloud.delete(&[of(&nodes[2])]).await, [refused()]);
    assert_eq!(cloud.park(&[of(&nodes[2])]).await, [refused()]);
}

#[tokio::test]
async fn a_pool_of_virtual_machines_hides_no_other_pool() {
    let world = World::aks(2);
    world.fake.edit_cluster("Hub", |cluster| cluster.pools[0].is_of_machines = true);
    let (cloud, view) = world.seen(&world.pool_nodes()).await;
    let [users, system] = view.groups.as_slice() else { panic!("{view:?}") };
    assert_eq!((users.name.as_str(), users.not_growable.as_deref()), ("hub/users", None));
    assert_eq!(cloud.grow(&users.name, 2, 3).await, GroupAnswer::Done);
    let why = system.not_shrinkable.as_deref().unwrap_or_default();
    assert!(why.contains("cannot look at agent pool hub/system"), "{why}");
    assert!(view.gaps.is_empty(), "{view:?}");
}

#[tokio::test]
async fn a_pool_that_aks_scales_or_upgrades_is_left_alone() {
    type Edit = fn(&mut Cluster);
    let cases: [(Edit, &str, &str); 4] = [
        (
            |cluster| cluster.pools[1].is_autoscaled = true,
            "refused",
            "--name users --disable-cluster-autoscaler",
        ),
        (|cluster| cluster.pools[1].state = Some("Upgrading".to_owned()), "busy", "it is Upgrading"),
        (|cluster| cluster.pools[1].state = Some("Failed".to_owned()), "busy", "it is Failed"),
        (|cluster| cluster.state = "Updating".to_owned(), "busy", "its managed cluster is Updating"),
    ];
    for (edit, variant, told_of) in cases {
        let world = World::aks(3);
        let nodes = world.pool_nodes();
        let (cloud, _) = world.seen(&nodes).await;
        world.fake.edit_cluster("Hub", edit);
        let (_, view) = world.seen(&nodes).await;
        for why in [&view.groups[1].not_growable, &view.groups[1].not_shrinkable] {
            assert!(why.as_deref().is_some_and(|why| why.contains(told_of)), "{:?}", view.groups[1]);
        }
        // So since the look.
        let answers =
            [cloud.delete(&[of(&nodes[3])]).await, vec![cloud.grow("hub/users", 3, 4).await]].concat();
        assert!(answers.iter().all(|answer| told(answer).1.contains(told_of)), "{answers:?}");
        assert_eq!(told(&answers[0]).0, variant);
        assert_eq!((world.count("aks.put"), world.count("aks.deleteMachines")), (0, 0));
    }
}

#[tokio::test]
async fn a_system_pool_keeps_one_node() {
    let world = World::aks(1);
    let nodes = world.pool_nodes();
    let (cloud, _) = world.seen(&nodes).await;
    let both = cloud.delete(&[of(&nodes[0]), of(&nodes[1])]).await;
    assert!(
        both.iter().all(|answer| told(answer).1.contains("system pool of 2, which keeps at least one")),
        "{both:?}"
    );
    assert_eq!(cloud.delete(&[of(&nodes[0])]).await, [GroupAnswer::Done]);
    world.settle();
    let (cloud, view) = world.seen(&nodes[1..]).await;
    let why = "it is a system pool of 1, which keeps at least one node";
    assert_eq!(view.groups[0].not_shrinkable.as_deref(), Some(why));
    assert_eq!(told(&cloud.delete(&[of(&nodes[1])]).await[0]).0, "refused");
    // A pool of users may have no node.
    assert_eq!(cloud.delete(&[of(&nodes[2])]).await, [GroupAnswer::Done]);
}

#[tokio::test]
async fn nodes_of_aks_are_not_parked() {
    let world = World::aks(2);
    let nodes = world.pool_nodes();
    let (cloud, view) = world.seen(&nodes).await;
    let why = crate::provider::rules::NOT_PARKED_BY_AKS;
    assert!(view.groups.iter().all(|group| group.not_parkable.as_deref() == Some(why)));
    let refused = || GroupAnswer::Refused(why.to_owned());
    assert_eq!(cloud.park(&[of(&nodes[3])]).await, [refused()]);
    assert_eq!(cloud.wake(&[of(&nodes[3])]).await, [refused()]);
}

#[tokio::test]
async fn a_change_follows_a_fresh_look_with_an_etag() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    world.fake.forget_calls();
    assert_eq!(cloud.grow(GROUP, 3, 4).await, GroupAnswer::Done);
    world.settle();
    assert_eq!(cloud.delete(&world.these(&[0])).await, [GroupAnswer::Done]);
    let calls = world.fake.calls();
    for method in ["compute.patch", "compute.delete"] {
        let at = calls.iter().position(|call| call.method == method).unwrap();
        let before: Vec<&str> = calls[at - 2..at].iter().map(|call| &*call.method).collect();
        assert!(before.contains(&"compute.machines") || before.contains(&"compute.set"), "{before:?}");
    }
    // Without an etag nothing is grown.
    world.settle();
    world.fake.fail(Requests::method("compute.set"), Fault::Conflict);
    assert_eq!(told(&cloud.grow(GROUP, 3, 5).await).0, "busy");
}
