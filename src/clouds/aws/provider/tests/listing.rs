//! The contents of a list: membership, states, warnings, templates.

use std::time::Duration;

use fake_asg::{Account, Fault, Group, Instance, Requests};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_ports::{CloudView, ProviderError};

use super::world::{OTHER, USERS, World, ZONE, id, node, node_in, places};

fn notes(view: &CloudView) -> String {
    view.notes.join("\n")
}

#[tokio::test]
async fn node_to_group_by_describe_auto_scaling_instances_fifty_at_a_time() {
    let world = World::new(120);
    let nodes: Vec<Node> = (1..=120).map(node).collect();
    let (_, view) = world.seen(&nodes).await;
    assert!(view.memberships.iter().all(|one| one.group.as_deref() == Some(USERS)));
    let asked: Vec<usize> = world
        .fake
        .calls()
        .iter()
        .filter(|call| call.method == "DescribeAutoScalingInstances")
        .map(|call| call.list("InstanceIds").len())
        .collect();
    assert_eq!(asked, [50, 50, 20]);
    assert_eq!((view.groups[0].target_size, view.groups[0].instances.len()), (120, 120));
    assert_eq!((view.groups[0].zone.as_deref(), view.gaps.len()), (Some(ZONE), 0));
}

#[tokio::test]
async fn an_instance_that_is_missing_from_the_answer_is_left_alone() {
    let world = World::new(1);
    let (_, view) = world.seen(&[node(1), node(7)]).await;
    let why = format!("its instance {} is in no Auto Scaling group", id(7));
    assert_eq!(places(&view), [Ok(USERS), Err(&*why)]);
}

#[tokio::test]
async fn identity_of_every_form_is_understood_and_fargate_is_left_alone() {
    let world = World::new(2);
    let slashes = Node { provider_id: Some(format!("aws:////{}", id(2))), ..node(2) };
    let name = "fargate-ip-10-0-0-9.ec2.internal";
    let fargate = Node {
        name: name.to_owned(),
        provider_id: Some(format!("aws:///{ZONE}/1b2c3d4e5f-abc/{name}")),
        ..Node::default()
    };
    let (_, view) = world.seen(&[node(1), slashes, fargate]).await;
    let found = places(&view);
    assert_eq!(found.iter().filter(|place| **place == Ok(USERS)).count(), 2);
    let why = found.iter().find_map(|place| place.err()).unwrap();
    assert!(why.contains("is a node of Fargate"), "{why}");
}

#[tokio::test]
async fn twins_and_a_wrong_zone_are_in_no_group() {
    let world = World::new(3);
    let twin = Node { name: "ip-10-0-0-99.ec2.internal".to_owned(), ..node(1) };
    let (_, view) = world.seen(&[node(1), twin, node_in(2, OTHER), node(3)]).await;
    let refused: Vec<&str> = places(&view).into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.iter().filter(|why| why.contains("says that it is the same instance")).count() == 2);
    assert!(refused.iter().any(|why| why.contains("names zone us-east-1b, its instance")), "{refused:?}");
}

#[tokio::test]
async fn a_group_without_a_clusters_tag_is_left_out_unless_node_groups_names_it() {
    let mut world = World::new(3);
    world.fake.add_group(Group::new("database", &[ZONE]).instance(&id(9), ZONE));
    world.fake.edit("database", |group| group.tags.clear());
    let nodes = [node(1), node(2), node(3), node(9)];
    let (_, view) = world.seen(&nodes).await;
    assert_eq!(view.groups.len(), 1);
    assert!(places(&view)[3].unwrap_err().contains("has no tag that names a cluster"), "{view:?}");
    world.scope.node_groups = ["users".to_owned(), "database".to_owned()].into();
    let (_, view) = world.seen(&nodes).await;
    assert_eq!(view.groups.len(), 2);
    assert!(places(&view).iter().all(Result::is_ok), "{view:?}");
}

#[tokio::test]
async fn node_groups_names_a_group_without_nodes_and_what_it_does_not_find() {
    let mut world = World::new(1);
    world.fake.add_group(Group::new("eks-gpu-1", &[ZONE, OTHER]));
    world.scope.node_groups = ["gpu".to_owned(), "nope".to_owned()].into();
    let (_, view) = world.seen(&[node(1)]).await;
    assert_eq!(view.groups.iter().map(|group| &*group.name).collect::<Vec<_>>(), ["eks-gpu-1"]);
    assert_eq!(view.groups[0].zones, [ZONE, OTHER]);
    assert_eq!(view.unknown, ["nope".to_owned()].into());
    assert_eq!(view.known, ["us-east-1/eks-gpu-1".to_owned(), format!("{ZONE}/{USERS}")]);
    assert!(places(&view)[0].unwrap_err().contains("none of the groups that NODE_GROUPS names"));
    world.scope.node_groups = ["eks".to_owned()].into();
    let error = world.try_list(&[node(1)]).await.unwrap_err();
    assert!(
        matches!(&error, ProviderError::Setting(words) if words.contains("in the names of 2 node groups")),
        "{error}"
    );
}

#[tokio::test]
async fn zone_keeps_to_groups_of_that_zone_alone() {
    let mut world = World::two_zones(2);
    world.scope.zone = Some(ZONE.to_owned());
    let (_, view) = world.seen(&world.nodes()).await;
    assert!(view.groups.is_empty());
    assert!(places(&view)[0].unwrap_err().contains("is in zones us-east-1a, us-east-1b, ZONE is us-east-1a"));
}

#[tokio::test]
async fn warm_pool_instances_are_counted_as_not_serving() {
    let world = World::new(2);
    world.fake.edit(USERS, |group| {
        group.warm_pool = true;
        group.instances.push(Instance::new(&id(3), ZONE, "Warmed:Stopped"));
        group.instances.push(Instance::new(&id(4), ZONE, "Warmed:Running"));
    });
    let (cloud, view) = world.seen(&[node(1), node(2), node(3), node(4)]).await;
    let leaving: Vec<bool> = view.memberships.iter().map(|one| one.leaving).collect();
    assert_eq!(leaving, [false, false, true, true], "a node that leaves does not serve");
    assert_eq!((view.groups[0].target_size, view.groups[0].instances.len()), (2, 2));
    assert!(!cloud.members.contains_key(&node(4).name), "nor is it deleted");
}

#[tokio::test]
async fn standby_and_what_is_under_way_are_left_alone() {
    let world = World::new(3);
    world.fake.edit(USERS, |group| {
        group.instances[1].lifecycle = "Standby".to_owned();
        group.instances[2].lifecycle = "ReplacingRootVolume".to_owned();
        group.desired = 2;
    });
    let (cloud, view) = world.seen(&[node(1), node(2), node(3)]).await;
    let found = places(&view);
    assert_eq!(found[0], Ok(USERS));
    assert!(found[1].unwrap_err().ends_with("is Standby: it is not in service"), "{found:?}");
    assert!(
        found[2].unwrap_err().ends_with("is ReplacingRootVolume: something is under way with it"),
        "{found:?}"
    );
    assert_eq!(cloud.members.len(), 1);
    // The instance in standby counts in no size, the other one does.
    assert_eq!((view.groups[0].target_size, view.groups[0].instances.len()), (2, 2));
}

#[tokio::test]
async fn a_booting_instance_has_the_age_of_its_launch() {
    let world = World::new(1);
    let cloud = world.cloud().await;
    kube_rebalancer_ports::Provider::grow(&cloud, USERS, 1, 2).await;
    let launched = world.fake.now();
    world.fake.advance(Duration::from_mins(5));
    let (_, view) = world.seen(&[node(1)]).await;
    let new = view.groups[0].instances.iter().find(|one| !one.has_node).unwrap();
    assert_eq!(new.created_at, Some(launched));
    assert!(view.gaps.is_empty());
    world.fake.fail(Requests::method("DescribeScalingActivities"), Fault::Forbidden);
    let (_, view) = world.seen(&[node(1)]).await;
    assert!(view.gaps[0].starts_with("how long instances have been booting is not known"), "{view:?}");
}

#[tokio::test]
async fn an_instance_whose_launch_is_no_longer_shown_is_older_than_what_is_shown() {
    let world = World::new(1);
    let cloud = world.cloud().await;
    kube_rebalancer_ports::Provider::grow(&cloud, USERS, 1, 2).await;
    world.fake.advance(Duration::from_mins(5));
    let first_failure = world.fake.now();
    world.fake.edit(USERS, |group| {
        for _ in 0..400 {
            group.activities.push(fake_asg::Activity {
                description: "Launching a new EC2 instance".to_owned(),
                cause: "a stockout".to_owned(),
                started: first_failure,
                status: "Failed",
                message: None,
            });
        }
    });
    let (_, view) = world.seen(&[node(1)]).await;
    let new = view.groups[0].instances.iter().find(|one| !one.has_node).unwrap();
    assert_eq!(new.created_at, Some(first_failure));

    // A person attaches one now.
    world.fake.advance(Duration::from_mins(5));
    let attached = world.fake.now();
    world.fake.edit(USERS, |group| {
        group.instances.push(Instance::new(&id(7), ZONE, "InService"));
        group.activities.push(fake_asg::Activity {
            description: format!("Attaching an existing EC2 instance: {}", id(7)),
            cause: "a person".to_owned(),
            started: attached,
            status: "Successful",
            message: None,
        });
    });
    let (_, view) = world.seen(&[node(1)]).await;
    let new = view.groups[0].instances.iter().find(|one| one.name == id(7)).unwrap();
    assert_eq!(new.created_at, Some(attached));
}

#[tokio::test]
async fn failed_growth_is_told_in_the_clouds_words_and_only_while_it_is_of_this_request() {
    let world = World::new(1);
    world.fake.set_launch(false);
    world.fake.set_room(ZONE, Some(0));
    let cloud = world.cloud().await;
    kube_rebalancer_ports::Provider::grow(&cloud, USERS, 1, 3).await;
    let (_, view) = world.seen(&[node(1)]).await;
    let failed: Vec<_> =
        view.groups[0].instances.iter().filter_map(|one| one.creation_error.as_deref()).collect();
    assert_eq!(failed.len(), 2, "{view:?}");
    assert!(failed[0].starts_with("We currently do not have sufficient m5.xlarge capacity"), "{failed:?}");
    // It succeeds in the end.
    world.fake.set_room(ZONE, None);
    world.settle();
    let (_, view) = world.seen(&[node(1)]).await;
    assert_eq!(view.groups[0].instances.len(), 3);
    assert!(view.groups[0].instances.iter().all(|one| one.creation_error.is_none()), "{view:?}");
    // An old failure is of another request.
    world.fake.set_room(ZONE, Some(0));
    world.fake.edit(USERS, |group| group.desired = 4);
    world.fake.advance(Duration::ZERO);
    world.fake.edit(USERS, |group| {
        _ = group.suspended.insert("Launch".to_owned());
        group.activities.last_mut().unwrap().started = "2026-11-26T18:00:00Z".parse().unwrap();
    });
    let (_, view) = world.seen(&[node(1)]).await;
    assert!(view.groups[0].instances.iter().all(|one| one.creation_error.is_none()), "{view:?}");
}

#[tokio::test]
async fn a_group_with_an_operator_is_left_to_it() {
    let world = World::new(2);
    world.fake.edit(USERS, |group| group.operator = Some("eks.amazonaws.com".to_owned()));
    let (_, view) = world.seen(&world.nodes()).await;
    assert_eq!(view.groups[0].not_growable, view.groups[0].not_shrinkable);
    assert!(view.groups[0].not_growable.as_deref().unwrap().contains("only its operator eks.amazonaws.com"));
}

#[tokio::test]
async fn suspended_launch_or_terminate_is_told_and_nothing_grows_or_shrinks() {
    for process in ["Launch", "Terminate"] {
        let world = World::new(2);
        world.fake.edit(USERS, |group| _ = group.suspended.insert(process.to_owned()));
        let (_, view) = world.seen(&world.nodes()).await;
        assert_eq!(view.groups[0].not_growable, view.groups[0].not_shrinkable);
        assert!(
            view.groups[0]
                .not_growable
                .as_deref()
                .unwrap()
                .contains(&format!("process {process} is suspended"))
        );
    }
}

#[tokio::test]
async fn an_instance_refresh_means_hands_off_until_it_is_over() {
    let world = World::new(2);
    for (status, is_under_way) in [
        ("Pending", true),
        ("InProgress", true),
        ("Baking", true),
        ("Cancelling", true),
        ("RollbackInProgress", true),
        ("SomethingNew", true),
        ("Successful", false),
        ("Failed", false),
        ("Cancelled", false),
        ("RollbackSuccessful", false),
    ] {
        world.fake.edit(USERS, |group| group.refresh = Some(status.to_owned()));
        let (_, view) = world.seen(&world.nodes()).await;
        assert_eq!(view.groups[0].not_growable.is_some(), is_under_way, "{status}");
        assert_eq!(view.groups[0].not_growable, view.groups[0].not_shrinkable, "{status}");
    }
    world.fake.fail(Requests::method("DescribeInstanceRefreshes"), Fault::Forbidden);
    let (_, view) = world.seen(&world.nodes()).await;
    assert!(view.groups[0].not_shrinkable.as_deref().unwrap().contains("is not known"), "{view:?}");
}

#[tokio::test]
async fn other_killers_and_hooks_are_warned_of() {
    let world = World::new(2);
    let (_, view) = world.seen(&world.nodes()).await;
    assert_eq!(view.notes, Vec::<String>::new());
    world.fake.edit(USERS, |group| {
        group.max_lifetime = Some(7 * 86_400);
        group.capacity_rebalance = true;
        group.spot = true;
        group.policies.push("cpu-50".to_owned());
        group.scheduled.push("night".to_owned());
        group.termination_hook = Some(Duration::from_hours(1));
        group.tags.insert("k8s.io/cluster-autoscaler/enabled".to_owned(), "true".to_owned());
    });
    let (_, view) = world.seen(&world.nodes()).await;
    for told in [
        "after 7 days (MaxInstanceLifetime)",
        "CapacityRebalance",
        "some of its instances are Spot",
        "scaling policies (cpu-50)",
        "scheduled actions (night)",
        "lifecycle hooks (before-it-goes)",
        "its tag k8s.io/cluster-autoscaler/enabled",
    ] {
        assert!(notes(&view).contains(told), "{told}: {}", notes(&view));
    }
    assert_eq!((view.notes.len(), &view.groups[0].not_growable), (7, &None), "a warning stops nothing");
}

/// The tags that EKS sets on the group of every managed node group.
#[tokio::test]
async fn eks_labels_a_managed_node_group_may_have_another_autoscaler_which_is_a_warning() {
    let world = World::new(2);
    world.fake.edit(USERS, |group| {
        for (key, value) in [
            ("eks:cluster-name", "hub"),
            ("eks:nodegroup-name", "users"),
            ("kubernetes.io/cluster/hub", "owned"),
            ("k8s.io/cluster-autoscaler/enabled", "true"),
            ("k8s.io/cluster-autoscaler/hub", "owned"),
        ] {
            group.tags.insert(key.to_owned(), value.to_owned());
        }
    });
    let (_, view) = world.seen(&world.nodes()).await;
    assert_eq!(view.notes.len(), 1, "one warning for the group: {view:?}");
    let told = "two that scale one group undo each other's work; let only one of them run";
    assert!(notes(&view).contains(USERS) && notes(&view).contains(told), "{}", notes(&view));
    assert_eq!((&view.groups[0].not_growable, &view.groups[0].not_shrinkable), (&None, &None));
}

#[tokio::test]
async fn hooks_an_instance_that_is_held_is_reported_as_still_going_since() {
    let world = World::new(3);
    world.fake.edit(USERS, |group| group.termination_hook = Some(Duration::from_hours(1)));
    let cloud = world.cloud().await;
    kube_rebalancer_ports::Provider::delete(&cloud, &super::world::these(&[1])).await;
    world.fake.advance(Duration::from_mins(30));
    let (_, view) = world.seen(&[node(1), node(2), node(3)]).await;
    let told = format!("instance {} is still going since 2026-11-26T20:00:00Z (Terminating:Wait)", id(1));
    assert!(notes(&view).contains(&told), "{}", notes(&view));
    assert!(view.memberships[0].leaving);
}

#[tokio::test]
async fn a_missing_permission_of_a_warning_is_told_and_stops_nothing() {
    let world = World::new(2);
    for method in ["DescribePolicies", "DescribeScheduledActions", "DescribeLifecycleHooks"] {
        world.fake.fail(Requests::method(method), Fault::Forbidden);
    }
    let (_, view) = world.seen(&world.nodes()).await;
    assert_eq!(view.notes.len(), 3, "{view:?}");
    assert!(view.notes.iter().all(|note| note.contains("is not known") && note.contains("AccessDenied")));
    assert_eq!((&view.groups[0].not_growable, &view.groups[0].not_shrinkable), (&None, &None));
    assert!(view.gaps.is_empty());
}

#[tokio::test]
async fn tags_describe_the_next_node_of_an_empty_group() {
    let mut world = World::new(0);
    world.fake.edit(USERS, |group| {
        let template = "k8s.io/cluster-autoscaler/node-template";
        group.tags.insert(format!("{template}/label/pool"), "users".to_owned());
        group.tags.insert(format!("{template}/resources/memory"), "60Gi".to_owned());
        group.tags.insert(format!("{template}/resources/cpu"), "16".to_owned());
        group.tags.insert(format!("{template}/taint/dedicated"), "users".to_owned());
    });
    world.scope.node_groups = [USERS.to_owned()].into();
    world.scope.provider = Some("aws".to_owned());
    let world = world.with_variables(&[("AWS_REGION", "us-east-1")]);
    let (_, view) = world.seen(&[]).await;
    let template = view.groups[0].template.clone().unwrap();
    assert_eq!(template.labels.get("pool"), Some("users"));
    assert_eq!(template.allocatable.memory.unwrap().0, 60 << 30);
    assert!(notes(&view).contains("`users` is not value:Effect"), "{}", notes(&view));
}

#[tokio::test]
async fn a_group_that_counts_weights_is_left_alone() {
    let world = World::new(2);
    world.fake.edit(USERS, |group| group.weight = Some(4));
    let (_, view) = world.seen(&world.nodes()).await;
    assert!(view.groups[0].not_shrinkable.as_deref().unwrap().contains("count weights"));
    let mut empty = World::new(0).with_variables(&[("AWS_REGION", "us-east-1")]);
    empty.fake.edit(USERS, |group| group.weight = Some(4));
    empty.scope.node_groups = [USERS.to_owned()].into();
    let (_, view) = empty.seen(&[]).await;
    assert!(view.groups[0].not_growable.as_deref().unwrap().contains("count weights"));
}

#[tokio::test]
async fn many_pages_are_read_and_an_answer_that_is_none_is_an_error() {
    let mut world = World::empty(Account::ops(), 2);
    for number in 1..=7 {
        let name = format!("group-{number}");
        world.fake.add_group(Group::new(&name, &[ZONE]).instance(&id(number), ZONE));
    }
    world.scope.node_groups = (1..=7).map(|number| format!("group-{number}")).collect();
    let nodes: Vec<Node> = (1..=7).map(node).collect();
    let (_, view) = world.seen(&nodes).await;
    assert_eq!(view.groups.len(), 7);
    assert!(places(&view).iter().all(Result::is_ok));
    for (fault, told) in [
        (Fault::Endless, "the answer is longer than 16777216 bytes"),
        (Fault::MalformedJson, "the answer breaks off"),
        (Fault::WrongTypes, "the answer is not understood"),
        (Fault::HalfBody, "tried 3 times"),
        (Fault::Unauthorized, "ExpiredToken"),
        (Fault::Forbidden, "AccessDenied"),
    ] {
        world.fake.fail(Requests::method("DescribeAutoScalingInstances"), fault.clone());
        let error = world.try_list(&nodes).await.unwrap_err();
        world.fake.behave();
        assert!(matches!(&error, ProviderError::Unseen(words) if words.contains(told)), "{fault:?}: {error}");
    }
}
