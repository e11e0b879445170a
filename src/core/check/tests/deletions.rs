//! Which nodes are deleted.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::check::fixtures::*;
use crate::check::{Direction, Violation, deletion};
use crate::model::{
    Affinity, Node, NodeGroup, Operator, Pod, Requirement, SelectorTerm, Snapshot, Stay, StoredVolume,
    StoredVolumes, Volumes, annotation,
};
use crate::policy::{AdoptCordons, Budget, Policy};

fn delete_with(pod: Pod) -> Vec<Violation> {
    found(&world(vec![cordoned("a"), node("b")], vec![pod]), &policy(), [delete("a")])
}

#[test]
fn only_nodes_that_were_cordoned_are_deleted() {
    let snapshot = world(vec![node("a"), node("b"), cordoned("c")], vec![]);
    let expected = Violation::DeleteOfSchedulable { node: text("a") };
    assert_eq!(found(&snapshot, &policy(), [delete("a")]), [expected]);
    assert_eq!(found(&snapshot, &policy(), [delete("c")]), []);
}

#[test]
fn a_node_with_occupants_is_not_deleted() {
    let occupied = [Violation::DeleteOfOccupied { node: text("a"), occupants: 1, pod: text("hub/alice") }];
    assert_eq!(delete_with(user("alice", "a")), occupied);
    // A terminating pod counts until it is gone; a placeholder is no occupant, nor is a daemon.
    assert_eq!(delete_with(user("alice", "a").leaving()), occupied);
    assert_eq!(delete_with(placeholder("reserve", "a")), []);
    assert_eq!(delete_with(critical("agent", "a").of("DaemonSet", "agent")), []);
    assert_eq!(delete_with(user("alice", "b")), []);
}

#[test]
fn an_omitted_pod_that_nobody_would_bring_back_keeps_its_node() {
    let lost = || vec![Violation::DeleteLosesPod { node: text("a"), pod: text("kube-system/p") }];
    let deployed = || system("p", "a", "ReplicaSet", "dns");
    assert_eq!(delete_with(deployed()), []);
    assert_eq!(delete_with(system("p", "a", "StatefulSet", "db")), []);
    assert_eq!(delete_with(system("p", "a", "ReplicationController", "old")), []);
    assert_eq!(delete_with(deployed().bare()), lost());
    for kind in ["Job", "Workflow", "VirtualMachineInstance", "Node"] {
        assert_eq!(delete_with(system("p", "a", kind, "x")), lost(), "{kind}");
    }
    let of_group = |group: &str| {
        deployed().change(|pod| {
            Arc::make_mut(pod.controller.as_mut().unwrap()).group = Some(group.to_owned());
        })
    };
    assert_eq!(delete_with(of_group("apps")), []);
    assert_eq!(delete_with(of_group("extensions")), [], "before Kubernetes 1.9");
    assert_eq!(delete_with(of_group("apps.example.org")), lost(), "another ReplicaSet");
    assert_eq!(delete_with(deployed().change(|pod| pod.safe_to_evict = Some(false))), lost());
    let users = Pod { label_keys: user("p", "a").label_keys, ..deployed() };
    assert_eq!(delete_with(users), lost(), "a user's, whatever its controller is");
    assert_eq!(delete_with(deployed().change(|pod| pod.do_not_disrupt = Some(Stay::DoNotEvict))), lost());
    let data = |pod: &mut Pod| pod.local_volume = Some(Arc::from("data"));
    assert_eq!(delete_with(deployed().change(data)), lost());
    assert_eq!(delete_with(deployed().change(data).change(|pod| pod.safe_to_evict = Some(true))), []);
    // Daemons with any volume end with their node, and so do static pods and placeholders.
    assert_eq!(delete_with(system("p", "a", "DaemonSet", "proxy").change(data)), []);
    assert_eq!(delete_with(system("p", "a", "Node", "a").change(|pod| pod.mirror = true)), []);
    let part = |name: &str| delete_with(system(name, "a", "Node", "a").change(|pod| pod.mirror = true)).len();
    assert_eq!((part("etcd-a"), part("kube-apiserver-a"), part("etcdkeeper-a")), (1, 1, 0));
    assert_eq!(
        delete_with(deployed().bare().change(|pod| pod.mirror = true)),
        lost(),
        "its annotation alone proves nothing"
    );
    let reserve = |pod: &mut Pod| {
        (pod.priority, pod.ends_at_once, pod.do_not_disrupt) = (-1, true, Some(Stay::DoNotDisrupt));
    };
    assert_eq!(delete_with(deployed().change(reserve)), []);
}

#[test]
fn a_users_pod_does_not_make_itself_a_daemon() {
    for lie in [
        user("alice", "a").of("Node", "a").change(|pod| pod.mirror = true),
        user("alice", "a").change(|pod| pod.daemonset_pod = true),
        user("alice", "a").change(|pod| (pod.priority, pod.ends_at_once) = (-10, true)),
    ] {
        assert!(matches!(&*delete_with(lie), [Violation::DeleteOfOccupied { .. }]));
    }
    assert_eq!(delete_with(critical("agent", "a").change(|pod| pod.daemonset_pod = true)), []);
}

#[test]
fn a_claim_on_a_volume_of_this_host_keeps_the_node() {
    let requirement =
        |key: &str, value: &str| Requirement { key: text(key), operator: Operator::In(vec![text(value)]) };
    let volumes = |key, value| {
        let term = SelectorTerm { labels: vec![requirement(key, value)], fields: vec![] };
        Volumes::from([((text("kube-system"), text("data")), Some(Affinity(vec![term])))])
    };
    let with = |volumes| {
        let pod = system("p", "a", "StatefulSet", "db").change(|pod| pod.claims = Box::new(["data".into()]));
        // The other node has the labels that some of these volumes ask for.
        let other = node("b").labelled("kubernetes.io/hostname", "b");
        let other = other.labelled("topology.kubernetes.io/zone", "east");
        let snapshot = world(vec![cordoned("a"), other], vec![pod]).with_volumes(volumes);
        found(&snapshot, &policy(), [delete("a")])
    };
    let lost = [Violation::DeleteLosesPod { node: text("a"), pod: text("kube-system/p") }];
    assert_eq!(with(volumes("kubernetes.io/hostname", "a")), lost);
    assert_eq!(with(volumes("kubernetes.io/hostname", "b")), []);
    assert_eq!(with(volumes("topology.kubernetes.io/zone", "east")), []);
    assert_eq!(with(Volumes::new()), []);
}

#[test]
fn a_stored_volume_of_this_host_keeps_the_node() {
    let volume = |key: &str, operator| {
        let requirement = Requirement { key: text(key), operator };
        let affinity = Affinity(vec![SelectorTerm { labels: vec![requirement], fields: vec![] }]);
        StoredVolumes::Listed(vec![StoredVolume { name: text("pv"), claim: None, affinity }])
    };
    let on = |host: &str| Operator::In(vec![text("other"), text(host)]);
    let with = |stored: StoredVolumes| {
        let mut node_a = cordoned("a");
        node_a.labels.insert("kubernetes.io/hostname", "host-a");
        let snapshot = world(vec![node_a, node("b")], vec![]).with_stored_volumes(Arc::new(stored));
        found(&snapshot, &policy(), [delete("a")])
    };
    let lost = [Violation::DeleteLosesVolume { node: text("a"), volume: text("pv") }];
    assert_eq!(with(volume("kubernetes.io/hostname", on("host-a"))), lost);
    assert_eq!(with(volume("topology.topolvm.io/node", on("a"))), lost);
    assert_eq!(with(volume("kubernetes.io/hostname", on("b"))), []);
    assert_eq!(with(volume("kubernetes.io/hostname", Operator::NotIn(vec![text("a")]))), []);
    assert_eq!(with(StoredVolumes::NotListed), []);
    let unknown = StoredVolumes::Unknown { why: text("timeout") };
    assert_eq!(with(unknown), [Violation::DeleteWithUnknownVolumes { node: text("a") }]);
}

/// Two replicas of one controller, on nodes `a` and `b`, and nodes where they can run.
fn replicas(second: Pod, nodes: Vec<Node>) -> Snapshot {
    world(nodes, vec![system("dns-1", "a", "ReplicaSet", "dns"), second.of("ReplicaSet", "dns")])
}

#[test]
fn the_last_live_replica_keeps_its_node() {
    let second = |node| system("dns-2", node, "ReplicaSet", "dns");
    let nodes = || vec![cordoned("a"), cordoned("b"), node("c")];
    let last = |node: &str, pod: &str| Violation::DeleteOfLastReplica {
        node: text(node),
        pod: format!("kube-system/{pod}"),
        controller: text("ReplicaSet kube-system/dns"),
    };
    // Either node may be deleted, but not both: each is judged against all deletions.
    assert_eq!(found(&replicas(second("b"), nodes()), &policy(), [delete("a")]), []);
    assert_eq!(found(&replicas(second("b"), nodes()), &policy(), [delete("b")]), []);
    let both = found(&replicas(second("b"), nodes()), &policy(), [delete("a"), delete("b")]);
    assert_eq!(both, [last("a", "dns-1"), last("b", "dns-2")]);
    // Both on one node keep it.
    let together = found(&replicas(second("a"), nodes()), &policy(), [delete("a")]);
    assert_eq!(together, [last("a", "dns-1")]);
    // A pod of another namespace may name the controller and is not its replica.
    let fake = second("c").change(|pod| (pod.namespace, pod.name) = ("hub".into(), "fake".into()));
    let beside = vec![system("dns-1", "a", "ReplicaSet", "dns"), second("a"), fake.of("ReplicaSet", "dns")];
    assert_eq!(found(&world(nodes(), beside), &policy(), [delete("a")]), [last("a", "dns-1")]);
    // The other one is not live: not Ready, terminating, unbound, on a node that is NotReady, that another run deletes, or
    // that is being deleted.
    let theirs = vec![cordoned("a"), cordoned("b").claimed_for_another(60), node("c")];
    let going = vec![cordoned("a"), cordoned("b").change(|node| node.deleting = true), node("c")];
    let sick = vec![cordoned("a"), cordoned("b").not_ready_for(3600), node("c")];
    let drained = cordoned("b").labelled("aws-node-termination-handler/action", "x");
    let drained = vec![cordoned("a"), drained, node("c")];
    let pending = second("b").change(|pod| (pod.node_name, pod.ready) = (None, false));
    for snapshot in [
        replicas(second("b").not_ready(), nodes()),
        replicas(second("b").leaving(), nodes()),
        replicas(pending, nodes()),
        replicas(second("b"), sick),
        replicas(second("b"), theirs),
        replicas(second("b"), going),
        replicas(second("b"), drained),
    ] {
        assert_eq!(found(&snapshot, &policy(), [delete("a")]), [last("a", "dns-1")]);
    }
    // This one is not live itself, or the only one: it is recreated elsewhere.
    let dead =
        world(nodes(), vec![system("dns-1", "a", "ReplicaSet", "dns").not_ready(), second("b").not_ready()]);
    assert_eq!(found(&dead, &policy(), [delete("a")]), []);
    let only = world(nodes(), vec![system("dns-1", "a", "ReplicaSet", "dns")]);
    assert_eq!(found(&only, &policy(), [delete("a")]), []);
}

#[test]
fn the_last_live_pods_of_a_deployment_that_is_updated_keep_their_node() {
    let nodes = || vec![cordoned("a"), node("b"), node("c")];
    let pods = |on: &str| {
        vec![
            system("old", "a", "ReplicaSet", "dns-5d78c9869d"),
            system("new", on, "ReplicaSet", "dns-7db6d8ff4d"),
        ]
    };
    let on_one = found(&world(nodes(), pods("a")), &policy(), [delete("a")]);
    assert!(matches!(on_one.as_slice(), [Violation::DeleteOfLastReplica { .. }]), "{on_one:?}");
    assert_eq!(found(&world(nodes(), pods("b")), &policy(), [delete("a")]), []);
}

#[test]
fn a_node_whose_machine_is_that_of_another_node_is_not_deleted() {
    let of = |node: Node, id: &str| node.change(|node| node.provider_id = Some(text(id)));
    let delete_beside = |other: &str| {
        let nodes = vec![of(cordoned("a"), "openstack:///1"), of(node("b"), other)];
        found(&world(nodes, vec![]), &policy(), [delete("a")])
    };
    assert_eq!(delete_beside("openstack:///2"), []);
    let expected = Violation::DeleteOfSharedMachine { node: text("a"), other: text("b") };
    assert_eq!(delete_beside("openstack:///1"), [expected]);
}

#[test]
fn a_node_is_deleted_only_from_a_group_that_may_be_shrunk() {
    let delete_from = |node_a: Node, pool: NodeGroup| {
        let snapshot = world_with_groups(vec![node_a, node("b").in_group("z/pool")], vec![], vec![pool]);
        found(&snapshot, &policy(), [delete("a")])
    };
    let member = || cordoned("a").in_group("z/pool");
    assert_eq!(delete_from(member(), group("z/pool", 2)), []);

    let why = || text("its instance is gone");
    let outside = cordoned("a").change(|node| node.outside = Some(why()));
    let expected = Violation::DeleteOutsideGroups { node: text("a"), why: why() };
    assert_eq!(delete_from(outside, group("z/pool", 1)), [expected]);

    let redistributed = NodeGroup { not_shrinkable: Some(text("redistribution")), ..group("z/pool", 2) };
    let expected =
        Violation::DeleteFromGroup { node: text("a"), group: text("z/pool"), why: text("redistribution") };
    assert_eq!(delete_from(member(), redistributed), [expected]);
}

#[test]
fn what_somebody_protects_is_not_deleted() {
    let delete_of = |node_a: Node| found(&world(vec![node_a, node("b")], vec![]), &policy(), [delete("a")]);
    let pinned = cordoned("a").annotated(annotation::SCALE_DOWN_DISABLED, "true");
    let expected = [Violation::ScaleDownDisabled { node: text("a"), direction: Direction::Delete }];
    assert_eq!(delete_of(pinned), expected);
    for (key, value, kept) in [
        (annotation::DO_NOT_DISRUPT, "true", true),
        (annotation::DO_NOT_DISRUPT, "4h", true),
        (annotation::DO_NOT_DISRUPT, "false", false),
        (annotation::NO_DELETE, "an experiment", true),
        (annotation::NO_DELETE, "", false),
        (annotation::DO_NOT_CONSOLIDATE, "true", true),
        (annotation::DO_NOT_CONSOLIDATE, "false", false),
        (annotation::REMOVAL_DISABLED, "true", true),
        (annotation::REMOVAL_DISABLED, "false", false),
    ] {
        let found = delete_of(cordoned("a").annotated(key, value));
        assert_eq!(found == expected, kept, "{key}={value}: {found:?}");
    }
    let labelled = cordoned("a").labelled("autoscaling.cast.ai/removal-disabled", "true");
    assert_eq!(delete_of(labelled), expected);
    let key = "delay-deletion.cluster-autoscaler.kubernetes.io/backup";
    let expected = Violation::DeletionDelayed { node: text("a"), annotation: text(key) };
    assert_eq!(delete_of(cordoned("a").annotated(key, "true")), [expected]);
}

#[test]
fn a_node_stays_for_ten_minutes_while_the_volume_of_a_pod_that_left_is_mounted() {
    let mounted = |seconds: i64| {
        let node = cordoned("a").annotated(annotation::EMPTY_SINCE, &ago(seconds).to_string());
        node.change(|node| node.volume_in_use = Some("disk".into()))
    };
    let expected = [Violation::DeleteWithMount { node: text("a"), volume: text("disk") }];
    let delete_of = |node_a: Node, pods: Vec<Pod>| {
        found(&world(vec![node_a, node("b"), node("c")], pods), &policy(), [delete("a")])
    };
    assert_eq!(delete_of(mounted(599), vec![]), expected);
    assert_eq!(delete_of(mounted(599), vec![system("proxy", "a", "DaemonSet", "proxy")]), expected);
    assert_eq!(delete_of(mounted(600), vec![]), []);
    let broken = mounted(599).not_ready_for(3600);
    assert_eq!(delete_of(broken, vec![]), [], "its kubelet cannot unmount anything");
    let web = || system("web", "a", "ReplicaSet", "web");
    assert_eq!(delete_of(mounted(599), vec![web()]), expected, "the pod that is left claims no volume");
    let claiming = web().change(|pod| pod.claims = Box::new(["data".into()]));
    assert_eq!(delete_of(mounted(599), vec![claiming]), [], "the volume may be that of the pod that is left");
}

#[test]
fn a_node_under_the_cordon_of_others_is_deleted_once_that_is_old_enough() {
    let under = |adopt, age| {
        let snapshot = world(vec![node("a").cordoned_by_others_for(age), node("b")], vec![]);
        found(&snapshot, &Policy { adopt_cordons: adopt, ..policy() }, [delete("a")])
    };
    let theirs =
        |adopt| vec![Violation::CordonedByOthers { node: text("a"), direction: Direction::Delete, adopt }];
    let hour = AdoptCordons::After(SignedDuration::from_hours(1));
    assert_eq!(under(hour, Some(3600)), []);
    assert_eq!(under(hour, Some(3599)), theirs(hour));
    let recent = Violation::CordonedRecently { node: text("a"), seconds: 0 };
    let future = [theirs(hour), vec![recent]].concat();
    assert_eq!(under(hour, Some(-60)), future, "a moment in the future is now");
    assert_eq!(under(hour, None), theirs(hour), "unknown age is young");
    assert_eq!(under(AdoptCordons::Never, Some(86_400)), theirs(AdoptCordons::Never));
    assert_eq!(under(AdoptCordons::Always, None), []);
}

#[test]
fn a_node_that_somebody_tainted_after_our_cordon_is_not_deleted_for_a_while() {
    let with = |adopt, key: &str, age| {
        let snapshot = world(vec![node("a").cordoned_for(7200).tainted_since(key, age), node("b")], vec![]);
        found(&snapshot, &Policy { adopt_cordons: adopt, ..policy() }, [delete("a")])
    };
    let theirs = || {
        let (direction, taint) = (Direction::Delete, text("maintenance"));
        vec![Violation::TaintedByOthers { node: text("a"), direction, taint }]
    };
    let hour = AdoptCordons::After(SignedDuration::from_hours(1));
    assert_eq!(with(hour, "maintenance", Some(300)), theirs());
    assert_eq!(with(hour, "maintenance", Some(3600)), []);
    assert_eq!(with(hour, "maintenance", Some(86_400)), [], "it was there before");
    assert_eq!(with(hour, "maintenance", None), [], "of a group, as far as this shows");
    assert_eq!(with(hour, "node.kubernetes.io/disk-pressure", Some(300)), []);
    assert_eq!(with(AdoptCordons::Never, "maintenance", Some(3600)), theirs());
    assert_eq!(with(AdoptCordons::Always, "maintenance", Some(300)), []);
}

#[test]
fn the_node_of_this_run_is_not_deleted_but_its_own_pod_does_not_fill_it() {
    let snapshot = world(vec![cordoned("a"), node("b")], vec![critical("me", "a")]);
    let expected = [Violation::DeleteOfOwnNode { node: text("a") }];
    let by_pod = Policy { own_pod: Some((text("hub"), text("me"))), ..policy() };
    assert_eq!(found(&snapshot, &by_pod, [delete("a")]), expected);
    let by_node = Policy { own_node: Some(text("a")), ..by_pod };
    assert_eq!(found(&snapshot, &by_node, [delete("a")]), expected);
}

#[test]
fn a_node_is_deleted_only_after_its_grace() {
    let grace = Policy { empty_grace: SignedDuration::from_mins(30), ..policy() };
    let early = |mark: Option<&str>| {
        let mut node_a = cordoned("a");
        node_a.annotations.extend(mark.map(|mark| (text(annotation::EMPTY_SINCE), text(mark))));
        found(&world(vec![node_a, node("b")], vec![]), &grace, [delete("a")])
    };
    let too_early = |empty_seconds| {
        vec![Violation::DeleteTooEarly { node: text("a"), empty_seconds, grace_seconds: 1800 }]
    };
    assert_eq!(early(Some(&ago(1800).to_string())), []);
    assert_eq!(early(Some(&ago(1799).to_string())), too_early(1799));
    assert_eq!(early(Some(&ago(-3600).to_string())), too_early(0));
    assert_eq!(early(Some("yesterday")), too_early(0));
    assert_eq!(early(None), too_early(0));
}

#[test]
fn a_ready_node_is_kept_in_reserve_while_too_few_serve() {
    // One serves and one boots: MIN_NODES is reached, but not by nodes that serve.
    let two = with_bounds(|bounds| bounds.min_nodes = 2);
    let delete_c = |nodes: Vec<Node>| found(&world(nodes, vec![]), &two, [delete("c")]);
    let boots = || node("b").not_ready_for(60);
    let expected = Violation::DeleteOfReserve { node: text("c"), serving: 1, min: 2 };
    assert_eq!(delete_c(vec![node("a"), boots(), cordoned("c")]), [expected]);
    // A broken node is no reserve, and a Ready reserved node makes up the number.
    assert_eq!(delete_c(vec![node("a"), boots(), cordoned("c").not_ready_for(3600)]), []);
    assert_eq!(delete_c(vec![node("a"), node("b").tainted("dedicated"), cordoned("c")]), []);
    assert_eq!(delete_c(vec![node("a"), node("b"), cordoned("c")]), []);
}

#[test]
fn the_last_node_of_a_zone_stays() {
    let nodes =
        [cordoned("a").in_zone("east"), cordoned("b").in_zone("east"), node("c").in_zone("west")].to_vec();
    let expected = |deleted| Violation::ZoneDeleted { pool: String::new(), zone: text("east"), deleted };
    let snapshot = world(nodes.clone(), vec![]);
    assert_eq!(found(&snapshot, &policy(), [delete("a")]), []);
    assert_eq!(found(&snapshot, &policy(), [delete("a"), delete("b")]), [expected(2)]);
    // A reserved node that stays is none of the pool's.
    let guarded = [nodes, vec![node("d").in_zone("east").tainted("dedicated")]].concat();
    assert_eq!(found(&world(guarded, vec![]), &policy(), [delete("a"), delete("b")]), [expected(2)]);
    // Nor does a node that serves nobody replace the last one that could serve; of two such nodes, one may go.
    let beside = |other: Node, gone: &str| {
        let nodes = vec![cordoned("a").in_zone("east"), other.in_zone("east"), node("c").in_zone("west")];
        found(&world(nodes, vec![]), &policy(), [delete(gone)])
    };
    assert_eq!(beside(node("b").not_ready_for(3600), "a"), [expected(1)]);
    assert_eq!(beside(node("b").tainted("node.cilium.io/agent-not-ready"), "a"), [expected(1)]);
    assert_eq!(beside(node("b").tainted("node.kubernetes.io/disk-pressure"), "a"), [expected(1)]);
    assert_eq!(beside(node("b").cordoned_by_others_for(Some(7200)), "a"), [expected(1)]);
    assert_eq!(beside(node("b").cordoned_by_others_for(Some(7200)), "b"), []);
    let careless = with_bounds(|bounds| bounds.keep_zones = false);
    assert_eq!(found(&snapshot, &careless, [delete("a"), delete("b")]), []);
}

#[test]
fn the_last_node_of_a_pool_stays_unless_a_group_is_named() {
    let nodes = vec![cordoned("a").in_pool("x"), cordoned("b").in_pool("x"), node("c").in_pool("y")];
    let snapshot = world(nodes, vec![]);
    assert_eq!(found(&snapshot, &with_pools(), [delete("a")]), []);
    let expected = Violation::PoolDeleted { pool: text("x"), deleted: 2 };
    assert_eq!(found(&snapshot, &with_pools(), [delete("a"), delete("b")]), [expected]);
    let named = Policy { node_groups_named: true, ..with_pools() };
    assert_eq!(found(&snapshot, &named, [delete("a"), delete("b")]), []);
}

#[test]
fn a_ready_node_is_not_deleted_in_a_pool_that_grows() {
    let nodes = vec![cordoned("a").in_pool("x"), node("b").in_pool("x"), node("c").in_pool("y")];
    let snapshot = world(nodes, vec![]);
    let with_growth = |pool, from| [grow_pool(pool, None, from, from + 1), delete("a")];
    let expected = Violation::DeleteWhileGrowing { node: text("a"), pool: text("x") };
    assert_eq!(found(&snapshot, &with_pools(), with_growth("x", 2)), [expected]);
    assert_eq!(found(&snapshot, &with_pools(), with_growth("y", 1)), []);
    let broken = vec![cordoned("a").in_pool("x").not_ready_for(3600), node("b").in_pool("x")];
    assert_eq!(found(&world(broken, vec![]), &with_pools(), with_growth("x", 2)), []);
}

#[test]
fn deletions_stay_within_their_budget() {
    let snapshot = world(vec![cordoned("a"), cordoned("b"), node("c")], vec![]);
    let budget = Policy { max_deletions: Budget::Count(1), ..policy() };
    assert_eq!(found(&snapshot, &budget, [delete("a")]), []);
    let expected = Violation::TooManyDeletions { deletions: 2, allowed: 1, managed: 3 };
    assert_eq!(found(&snapshot, &budget, [delete("a"), delete("b")]), [expected]);
}

#[test]
fn the_last_gate_judges_the_cluster_as_it_is_right_before_the_deletion() {
    let judge = |nodes: Vec<Node>, pods, going: &[&str]| {
        let going: BTreeSet<String> = going.iter().map(|name| text(name)).collect();
        deletion(&world(nodes, pods), &policy(), "a", &going)
    };
    let claimed = || cordoned("a").claimed_for_another(360);
    assert_eq!(judge(vec![claimed(), node("b")], vec![], &["a"]), [], "the claim is this run's own");
    let came = judge(vec![claimed(), node("b")], vec![user("alice", "a")], &["a"]);
    assert!(matches!(&*came, [Violation::DeleteOfOccupied { .. }]));
    let undone = judge(vec![node("a").claimed_for_another(360), node("b")], vec![], &["a"]);
    assert_eq!(undone, [Violation::DeleteOfSchedulable { node: text("a") }]);
    let taken = judge(vec![claimed().tainted("ToBeDeletedByClusterAutoscaler"), node("b")], vec![], &["a"]);
    assert_eq!(taken, [Violation::Unmanaged { node: text("a"), verb: "delete" }]);
    assert_eq!(
        judge(vec![node("b")], vec![], &["a"]),
        [Violation::UnknownNode { node: text("a"), verb: "delete" }]
    );
    // The other replica's node is deleted too.
    let dns = || vec![system("dns-1", "a", "ReplicaSet", "dns"), system("dns-2", "b", "ReplicaSet", "dns")];
    let nodes = || vec![claimed(), cordoned("b"), node("c")];
    assert_eq!(judge(nodes(), dns(), &["a"]), []);
    assert_eq!(judge(nodes(), dns(), &[]), [], "the judged node always goes");
    assert!(matches!(&*judge(nodes(), dns(), &["a", "b"]), [Violation::DeleteOfLastReplica { .. }]));
    let waits = judge(vec![claimed(), node("b")], vec![unbound("bob").refused_for(60)], &["a"]);
    assert!(matches!(&*waits, [Violation::WouldTakeWaitingPod { .. }]));
}
