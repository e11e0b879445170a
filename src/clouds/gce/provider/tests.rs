//! Nodes, groups and instances that fit each other, or do not.

mod changes;
mod engine;
mod gone;
mod scope;
mod templates;

use std::sync::Arc;

use engine::{Engine, NOW, Time, World, creating, error, group, instance, regional, stockout, zonal};
use futures_util::FutureExt;
use jiff::SignedDuration;
use kube_rebalancer_core::model::{Instance, Membership, Node, NodeGroup, Snapshot, annotation};
use kube_rebalancer_core::policy::Policy;

use kube_rebalancer_join::{CloudPart, Whole, merge};
use kube_rebalancer_ports::{CloudScope, GroupAnswer, InstanceToDelete, NotWanted, Provider};

use super::scope::wanted;
use super::{CloudError, Gce, PROVIDER};
use crate::{CurrentAction, ErrorKind, GroupId, InstanceId, Location, ManagedInstance};

const ZONE: &str = "us-central1-a";

fn node(zone: &str, name: &str) -> Node {
    Node {
        name: name.to_owned(),
        provider_id: Some(format!("gce://my-project/{zone}/{name}")),
        ..Node::default()
    }
}

fn with_provider(name: &str, provider_id: &str) -> Node {
    Node { provider_id: Some(provider_id.to_owned()), ..node(ZONE, name) }
}

fn snapshot(nodes: &[Node]) -> Snapshot {
    Snapshot::new(NOW, nodes.to_vec(), Vec::new(), Vec::new(), 1).unwrap()
}

fn scope(groups: &[&str]) -> CloudScope {
    CloudScope {
        node_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..CloudScope::default()
    }
}

/// The provider after it has listed its groups, and the cluster as the program sees it then.
#[derive(Debug)]
struct Observed {
    groups: Vec<NodeGroup>,
    memberships: Vec<Membership>,
    warnings: Vec<String>,
    complete: bool,
    cloud: Gce,
}

/// The observation, or the error. All calls answer at once, but the runtime's timers must exist.
fn seen(engine: &Engine, nodes: &[Node], scope: &CloudScope) -> Result<Observed, CloudError> {
    let (snapshot, policy) = (snapshot(nodes), Policy::default());
    let clock = Arc::new(Time(engine.clone()));
    let mut cloud = Gce::new(Box::new(engine.clone()), scope.clone(), clock);
    let view = now(cloud.look(&snapshot, &policy))?;
    let part = CloudPart {
        takes_the_rest: false,
        cloud: PROVIDER.cloud(),
        scheme: PROVIDER.scheme(),
        groups: view.groups,
        memberships: view.memberships,
        gaps: view.gaps,
        stops_nothing: false,
        notes: view.notes,
        unknown: view.unknown,
        known: view.known,
    };
    let Whole { groups, memberships, warnings, complete, .. } =
        merge(vec![part], &snapshot, &policy, scope.zone.as_deref())?;
    Ok(Observed { groups, memberships, warnings, complete, cloud })
}

fn now<R>(future: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { future.now_or_never().unwrap() })
}

/// Each node's group, or why it has none.
fn places(observed: &Observed) -> Vec<Result<&str, &str>> {
    fn place(membership: &Membership) -> Result<&str, &str> {
        match (&membership.group, &membership.outside) {
            (Some(group), None) => Ok(group),
            (None, Some(why)) => Err(why),
            both => panic!("{both:?}"),
        }
    }
    observed.memberships.iter().map(place).collect()
}

fn to_delete(node: &Node) -> InstanceToDelete {
    InstanceToDelete { node: node.name.clone(), provider_id: node.provider_id.clone(), system_uuid: None }
}

fn log(engine: &Engine) -> Vec<String> {
    std::mem::take(&mut engine.0.lock().unwrap().log)
}

#[test]
fn names_that_contain_each_other_are_different_instances() {
    let pool = zonal(ZONE, "pool");
    let engine = World::default()
        .with(&pool, &["node-1", "node-10"])
        .with(&zonal(ZONE, "pool-1"), &["node-11"])
        .engine();
    let nodes = [node(ZONE, "node-1"), node(ZONE, "node-10"), node(ZONE, "node-11")];
    let observed = seen(&engine, &nodes, &CloudScope::default()).unwrap();
    assert_eq!(
        places(&observed),
        [Ok("us-central1-a/pool"), Ok("us-central1-a/pool"), Ok("us-central1-a/pool-1")]
    );

    assert_eq!(now(observed.cloud.delete(&[to_delete(&nodes[0])])), [GroupAnswer::Done]);
    let world = engine.0.lock().unwrap();
    let leaving: Vec<_> = world.instances[&pool]
        .iter()
        .filter(|one| one.action == CurrentAction::Leaving)
        .map(|one| one.instance.name())
        .collect();
    assert_eq!(leaving, ["node-1"]);
}

#[test]
fn an_instance_of_the_same_name_in_another_zone_or_project_is_another() {
    let engine = World::default().with(&zonal(ZONE, "pool"), &["node-1"]).engine();
    let elsewhere = node("us-central1-b", "node-1");
    let foreign = with_provider("node-2", "gce://other-project/us-central1-a/node-2");
    let observed = seen(&engine, &[elsewhere, foreign], &CloudScope::default()).unwrap();
    assert_eq!(
        places(&observed),
        [Err("its instance us-central1-b/node-1 is gone"), Err("its instance us-central1-a/node-2 is gone"),]
    );
}

#[test]
fn a_node_that_is_no_instance_of_the_groups_says_why_and_is_told() {
    let mut world =
        World::default().with(&zonal(ZONE, "pool"), &["a", "twice"]).with(&zonal(ZONE, "core"), &["zz"]);
    world.ages.insert(instance(ZONE, "lone"), NOW);
    let engine = world.engine();
    let reborn = Node {
        annotations: [(annotation::INSTANCE_ID.to_owned(), "99".to_owned())].into(),
        ..node(ZONE, "a")
    };
    let cases = [
        (Node { provider_id: None, ..node(ZONE, "a") }, "it has no providerID"),
        (
            with_provider("a", "kind://docker/kind/kind-worker"),
            "its providerID kind://docker/kind/kind-worker is not one of Compute Engine",
        ),
        (node(ZONE, "gone"), "its instance us-central1-a/gone is gone"),
        (node(ZONE, "lone"), "its instance us-central1-a/lone is in no managed instance group"),
        (reborn, "its instance was recreated: the node registered from instance 99, now it is 100"),
    ];
    for (node, why) in cases {
        let observed =
            seen(&engine, &[node.clone(), self::node(ZONE, "zz")], &CloudScope::default()).unwrap();
        assert_eq!(places(&observed)[0], Err(why));
        let warning = format!("node {} is in no node group: {why}", node.name);
        assert!(observed.warnings.contains(&warning), "{:?}", observed.warnings);
        assert!(matches!(&*now(observed.cloud.delete(&[to_delete(&node)])), [GroupAnswer::Refused(_)]));
    }
    let domain_name = "twice.c.my-project.internal";
    let twins = [node(ZONE, "twice"), with_provider(domain_name, "gce://my-project/us-central1-a/twice")];
    let observed = seen(&engine, &twins, &CloudScope::default()).unwrap();
    assert_eq!(
        places(&observed),
        [
            Err("node twice.c.my-project.internal says that it is the same instance, us-central1-a/twice"),
            Err("node twice says that it is the same instance, us-central1-a/twice"),
        ]
    );
    let odd = with_provider("a", "gce://my-project/us-central1-a/../a");
    let observed = seen(&engine, &[odd, node(ZONE, "zz")], &CloudScope::default()).unwrap();
    assert!(places(&observed)[0].unwrap_err().starts_with("its providerID: "), "{:?}", places(&observed));
    assert!(!log(&engine).iter().any(|call| call.starts_with("delete")));
}

#[test]
fn a_node_that_claims_the_instance_of_another_leads_to_no_group_and_is_not_deleted() {
    let (ours, theirs) = (zonal(ZONE, "pool"), zonal(ZONE, "victims"));
    let engine = World::default().with(&ours, &["a"]).with(&theirs, &["victim"]).engine();
    let evil = with_provider("evil", "gce://my-project/us-central1-a/victim");
    let why = "its providerID names instance us-central1-a/victim, whose node has another name";
    let observed = seen(&engine, &[node(ZONE, "a"), evil.clone()], &CloudScope::default()).unwrap();
    assert_eq!(places(&observed), [Ok("us-central1-a/pool"), Err(why)]);
    assert!(observed.complete && observed.groups.len() == 1, "{:?}", observed.groups);
    assert_eq!(observed.warnings, [format!("node evil is in no node group: {why}")]);

    // If the group belongs to the cluster, the claim does not affect the node with that name.
    let victim = node(ZONE, "victim");
    let observed = seen(&engine, &[evil.clone(), victim.clone()], &scope(&["victims"])).unwrap();
    assert_eq!(places(&observed), [Err(why), Ok("us-central1-a/victims")]);
    let answers = now(observed.cloud.delete(&[to_delete(&evil), to_delete(&victim)]));
    assert!(matches!(&*answers, [GroupAnswer::Refused(_), GroupAnswer::Done]), "{answers:?}");

    assert_eq!(wanted(&[evil], &Policy::default(), &CloudScope::default()), Err(NotWanted::Elsewhere));
}

#[test]
fn a_stopped_instance_without_a_node_is_no_machine_that_boots() {
    let pool = zonal(ZONE, "pool");
    for status in ["TERMINATED", "SUSPENDED", "STOPPING"] {
        let mut world = World::default().with(&pool, &["node", "resting"]);
        world.instances.get_mut(&pool).unwrap()[1].status = Some(status.to_owned());
        let observed = seen(&world.engine(), &[node(ZONE, "node")], &CloudScope::default()).unwrap();
        let [instance] = observed.groups[0].instances.as_slice() else { panic!("{status}: {observed:?}") };
        assert!(instance.has_node, "{status}");
    }
}

#[test]
fn booting_failed_and_deleting_instances_are_distinguished() {
    let pool = zonal(ZONE, "pool");
    let mut world = World::default().with(&pool, &["node", "young", "resting", "leaving"]);
    world.groups[0].target_size = 6;
    world.ages.insert(instance(ZONE, "young"), NOW - SignedDuration::from_mins(2));
    let instances = world.instances.get_mut(&pool).unwrap();
    instances[2].status = Some("SUSPENDED".to_owned());
    instances[3].action = CurrentAction::Leaving;
    instances.push(creating(ZONE, "new"));
    instances.push(ManagedInstance { errors: vec![stockout()], ..creating(ZONE, "stuck") });
    let observed = seen(&world.engine(), &[node(ZONE, "node")], &CloudScope::default()).unwrap();
    let expected = |name: &str| Instance { name: name.to_owned(), ..Instance::default() };
    assert_eq!(
        observed.groups[0].instances,
        [
            Instance { has_node: true, ..expected("node") },
            Instance {
                created_at: Some(NOW - SignedDuration::from_mins(2)),
                surely_no_node: true,
                ..expected("young")
            },
            expected("new"),
            Instance {
                creation_error: Some(
                    "ZONE_RESOURCE_POOL_EXHAUSTED: The zone does not have enough resources.".to_owned()
                ),
                ..expected("stuck")
            },
            // Six were asked for; five are listed that do not go away.
            expected("us-central1-a/pool (coming, 1)"),
        ]
    );
}

#[test]
fn a_node_whose_instance_goes_away_is_being_deleted() {
    let pool = zonal(ZONE, "pool");
    let mut world = World::default().with(&pool, &["a", "b"]);
    world.instances.get_mut(&pool).unwrap()[0].action = CurrentAction::Leaving;
    let nodes = [node(ZONE, "a"), node(ZONE, "b")];
    let observed = seen(&world.engine(), &nodes, &CloudScope::default()).unwrap();
    let after = snapshot(&nodes).with_groups(observed.groups, observed.memberships);
    let deleting: Vec<_> = after.nodes().iter().map(|node| node.deleting).collect();
    assert_eq!(deleting, [true, false]);
}

#[test]
fn what_could_not_be_seen_is_told_and_nothing_more_is_asked_for() {
    let pool = zonal(ZONE, "pool");
    let nodes = [node(ZONE, "pool-1")];
    let gap = "regions/us-central1 of project my-project did not answer";
    let world = World {
        // The other side of the world is not missed.
        unreachable: vec!["regions/us-central1".to_owned(), "zones/europe-west1-b".to_owned()],
        ..World::default().with(&pool, &["pool-1"])
    };
    let observed = seen(&world.engine(), &nodes, &CloudScope::default()).unwrap();
    assert_eq!(observed.warnings, [gap]);
    assert_eq!(observed.groups[0].not_growable, Some(format!("not everything could be listed: {gap}")));
    assert_eq!(places(&observed), [Ok("us-central1-a/pool")]);

    let mut world = World::default().with(&pool, &["pool-1"]);
    world.failing.insert("instances", error(ErrorKind::Unavailable, true, "try later"));
    let observed = seen(&world.engine(), &nodes, &CloudScope::default()).unwrap();
    assert!(observed.groups.is_empty());
    assert_eq!(
        places(&observed),
        [Err("its instance us-central1-a/pool-1 is in none of the groups that could be listed")]
    );

    let mut world = World::default().with(&pool, &["pool-1"]);
    world.failing.insert("groups", error(ErrorKind::Forbidden, true, "not permitted"));
    let result = seen(&world.engine(), &nodes, &CloudScope::default());
    assert!(matches!(result, Err(CloudError::Compute(error)) if error.message == "not permitted"));
}

#[test]
fn others_that_scale_a_group_or_move_its_instances_are_not_interfered_with() {
    let (scaled, moving, still) =
        (zonal(ZONE, "scaled"), regional("us-central1", "moving"), regional("us-central1", "still"));
    let mut world =
        World::default().with(&scaled, &["scaled-1"]).with(&moving, &["moving-1"]).with(&still, &["still-1"]);
    world.groups[0].autoscaler =
        Some("https://www.googleapis.com/compute/v1/projects/p/zones/z/autoscalers/cpu".to_owned());
    world.groups[2].redistribution = Some("NONE".to_owned());
    let nodes = ["moving-1", "scaled-1", "still-1"].map(|name| node(ZONE, name));
    let engine = world.engine();
    let observed = seen(&engine, &nodes, &CloudScope::default()).unwrap();
    let may: Vec<_> = observed
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.not_growable.is_none(), group.not_shrinkable.is_none()))
        .collect();
    assert_eq!(
        may,
        [
            ("us-central1-a/scaled", false, false),
            ("us-central1/moving", true, false),
            ("us-central1/still", true, true),
        ]
    );
    let advice = observed.groups[1].not_shrinkable.as_deref().unwrap();
    assert!(
        advice.ends_with("update moving --region us-central1 --instance-redistribution-type=none"),
        "{advice}"
    );
    let advice = observed.groups[0].not_growable.as_deref().unwrap();
    assert!(advice.ends_with("stop-autoscaling scaled --zone us-central1-a"), "{advice}");
    assert!(matches!(now(observed.cloud.grow("us-central1-a/scaled", 1, 2)), GroupAnswer::Refused(_)));
}

#[test]
fn a_cluster_elsewhere_has_no_cloud_half() {
    let wanted = |nodes: &[Node], scope: &CloudScope| wanted(nodes, &Policy::default(), scope);
    let kind = with_provider("a", "kind://docker/kind/kind-worker");
    assert_eq!(wanted(std::slice::from_ref(&kind), &CloudScope::default()), Err(NotWanted::Elsewhere));
    let no_project = || {
        Err(NotWanted::NoAccount(
            "no node shows the project of the groups in NODE_GROUPS: set PROJECT".to_owned(),
        ))
    };
    assert_eq!(wanted(&[kind], &scope(&["pool"])), no_project());
    assert_eq!(wanted(&[], &scope(&["pool"])), no_project());
    let in_project = CloudScope { project: Some("my-project".to_owned()), ..scope(&["pool"]) };
    assert_eq!(wanted(&[], &in_project), Ok(()));
    assert_eq!(wanted(&[node(ZONE, "a")], &CloudScope::default()), Ok(()));
}

#[test]
fn a_named_group_without_a_node_is_there_to_grow_from_nothing() {
    let engine = World { groups: vec![group(&zonal(ZONE, "pool"), 0)], ..World::default() }.engine();
    let in_project = CloudScope { project: Some("my-project".to_owned()), ..scope(&["pool"]) };
    let observed = seen(&engine, &[], &in_project).unwrap();
    assert_eq!(observed.groups[0].name, "us-central1-a/pool");
    assert_eq!(now(observed.cloud.grow("us-central1-a/pool", 0, 3)), GroupAnswer::Done);
}
