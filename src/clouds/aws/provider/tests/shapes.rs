//! The next node of a group by its launch template: growing from zero.

use fake_asg::{Account, Fault, Group, LaunchTemplate, Requests};
use jiff::Timestamp;
use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Millicores, Node, NodeTemplate, Pod, ReadyCondition, SchedulerRefusal,
    Snapshot, Unbound,
};
use kube_rebalancer_core::plan::{Action, plan};
use kube_rebalancer_core::policy::{Bounds, Policy};
use kube_rebalancer_ports::CloudView;

use super::world::{World, ZONE, id, node};

const MIB: u64 = 1024 * 1024;
const TAG: &str = "k8s.io/cluster-autoscaler/node-template/";

/// These groups without nodes, all named by `NODE_GROUPS`, and a launch template `lt-1` with three versions.
fn world(groups: Vec<Group>) -> World {
    with_account(Account::ops(), groups)
}

fn with_account(account: Account, groups: Vec<Group>) -> World {
    let mut world = World::empty(account, 100).with_variables(&[("AWS_REGION", "us-east-1")]);
    world.scope.node_groups = groups.iter().map(|group| group.name.clone()).collect();
    for group in groups {
        world.fake.add_group(group);
    }
    let mut template = LaunchTemplate::of(&[Some("m5.large"), Some("m5.xlarge"), None]);
    template.default = 2;
    world.fake.add_template("lt-1", template);
    world
}

fn empty(name: &str) -> Group {
    Group::new(name, &[ZONE])
}

/// The group's next node.
async fn next(group: Group) -> Option<NodeTemplate> {
    let (_, view) = world(vec![group]).seen(&[]).await;
    view.groups.into_iter().next().unwrap().template
}

/// The allocatable memory in MiB and processors in millicores of the group's next node.
async fn size(group: Group) -> (u64, u64) {
    let amounts = next(group).await.unwrap().allocatable;
    (amounts.memory.unwrap().0 / MIB, amounts.cpu.unwrap().0)
}

/// What kernel and kubelet leave: a 64th and 80 MiB are the kernel's, 255 MiB and 11 for each pod the kubelet's, 100 stay free.
fn left(mib: u64, pods: u64) -> u64 {
    mib - mib / 64 - 80 - 255 - 11 * pods - 100
}

#[tokio::test]
async fn a_group_without_nodes_and_tags_has_the_size_of_its_launch_template() {
    let found = next(empty("users").template("lt-1", "$Default")).await.unwrap();
    // An m5.xlarge has 4 interfaces of 15 addresses: 58 pods. EKS reserves 80 of its 4000 millicores.
    assert_eq!(found.allocatable.memory, Some(Bytes(left(16_384, 58) * MIB)));
    assert_eq!((found.allocatable.cpu, found.allocatable.pods), (Some(Millicores(3920)), Some(58)));
    assert_eq!(found.capacity.memory, Some(Bytes((16_384 - 256 - 80) * MIB)));
    assert_eq!(found.allocatable.further, None);
    assert_eq!(found.labels.get("node.kubernetes.io/instance-type"), Some("m5.xlarge"));
    assert_eq!(found.labels.get("kubernetes.io/arch"), Some("amd64"));
    assert!(found.only_size, "its labels and taints are unknown");
}

#[tokio::test]
async fn the_version_is_the_one_that_the_group_names() {
    // An m5.large has 3 interfaces of 10 addresses: 29 pods. EKS reserves 70 of its 2000 millicores.
    assert_eq!(size(empty("users").template("lt-1", "1")).await, (left(8192, 29), 1930));
    assert_eq!(size(empty("users").template("lt-1", "2")).await.1, 3920);
    assert_eq!(size(empty("users").template("lt-1", "$Default")).await.1, 3920);
    let world = world(vec![empty("users").template("lt-1", "$Latest")]);
    world.fake.add_template("lt-1", LaunchTemplate::of(&[Some("m5.xlarge"), Some("m5.large")]));
    let (_, view) = world.seen(&[]).await;
    assert_eq!(view.groups[0].template.as_ref().unwrap().allocatable.cpu, Some(Millicores(1930)));
}

#[tokio::test]
async fn of_several_types_the_smallest_amount_of_each_resource_counts() {
    let mixed = empty("users").template("lt-1", "1").overrides(&["r5.2xlarge", "m6g.4xlarge"]);
    let found = next(mixed).await.unwrap();
    // Memory is of the m6g.4xlarge with its 8 * 29 + 2 pods, processors and pods of the r5.2xlarge: 8000 less 90.
    assert_eq!(found.allocatable.memory, Some(Bytes(left(65_536, 234) * MIB)));
    assert_eq!((found.allocatable.cpu, found.allocatable.pods), (Some(Millicores(7910)), Some(58)));
    assert_eq!(found.labels.get("node.kubernetes.io/instance-type"), None);
    assert_eq!(found.labels.get("kubernetes.io/arch"), None);
}

#[tokio::test]
async fn a_gpu_of_nvidia_is_one_of_the_next_node() {
    let gpus = async |kinds: &[&str]| {
        let found = next(empty("gpu").template("lt-1", "1").overrides(kinds)).await.unwrap();
        found.allocatable.further.and_then(|further| further.get("nvidia.com/gpu").copied())
    };
    assert_eq!(gpus(&["g4dn.xlarge"]).await, Some(1));
    assert_eq!(gpus(&["g4ad.xlarge"]).await, None, "the one of another maker has another resource");
    assert_eq!(gpus(&["g4dn.xlarge", "m5.xlarge"]).await, None, "it may come without");
}

#[tokio::test]
async fn tags_take_precedence_over_the_launch_template() {
    let tagged = empty("users")
        .template("lt-1", "2")
        .tag(&format!("{TAG}resources/memory"), "10Gi")
        .tag(&format!("{TAG}label/pool"), "user");
    let found = next(tagged).await.unwrap();
    assert_eq!(found.allocatable.memory, Some(Bytes(10 << 30)));
    assert_eq!(found.allocatable.cpu, Some(Millicores(3920)));
    assert_eq!((found.labels.get("pool"), found.only_size), (Some("user"), false));
}

#[tokio::test]
async fn the_launch_template_is_read_only_where_nothing_else_shows_the_size() {
    let asked =
        |world: &World| world.count("DescribeLaunchTemplateVersions") + world.count("DescribeInstanceTypes");
    let ready = Node { ready: Some(ReadyCondition { ready: true, since: None }), ..node(1) };
    let with_node = || vec![empty("users").template("lt-1", "2").instance(&id(1), ZONE)];
    let measured = world(with_node());
    measured.seen(&[ready]).await;
    assert_eq!(asked(&measured), 0, "a Ready node shows it");
    let broken = world(with_node());
    broken.seen(&[node(1)]).await;
    assert_eq!(asked(&broken), 2, "a node that is not Ready does not");
    let (memory, cpu) = (format!("{TAG}resources/memory"), format!("{TAG}resources/cpu"));
    let tagged = world(vec![empty("users").template("lt-1", "2").tag(&memory, "10Gi").tag(&cpu, "3")]);
    tagged.seen(&[]).await;
    let full = world(vec![empty("users").template("lt-1", "2").bounds(0, 0)]);
    full.seen(&[]).await;
    let plain = world(vec![empty("users")]);
    plain.seen(&[]).await;
    assert_eq!([&tagged, &full, &plain].map(asked), [0, 0, 0], "tags, no growth, no launch template");
    // Each template and each list of types is requested once, whatever the number of groups.
    let several = world((0..6).map(|number| empty(&format!("g{number}")).template("lt-1", "2")).collect());
    several.seen(&[]).await;
    assert_eq!(asked(&several), 2);
}

#[tokio::test]
async fn a_launch_template_that_cannot_be_used_is_told_in_one_line_and_stops_nothing() {
    let of = |version: &str| empty("users").template("lt-1", version);
    let looking = [
        "DescribeAutoScalingGroups",
        "DescribeInstanceRefreshes",
        "DescribeLifecycleHooks",
        "DescribePolicies",
        "DescribeScheduledActions",
    ];
    let forbidden = with_account(Account::only(&looking), vec![of("2")]);
    let no_types = with_account(
        Account::only(&[&looking[..], &["DescribeLaunchTemplateVersions"]].concat()),
        vec![of("2")],
    );
    let failing = world(vec![of("2")]);
    failing.fake.fail(Requests::method("DescribeLaunchTemplateVersions"), Fault::InternalError);
    for (world, why) in [
        (forbidden, "is not authorized to perform: ec2:DescribeLaunchTemplateVersions"),
        (no_types, "is not authorized to perform: ec2:DescribeInstanceTypes"),
        (failing, "launch template lt-1 version 2"),
        (world(vec![of("7")]), "InvalidLaunchTemplateId.VersionNotFound"),
        (world(vec![empty("users").template("lt-9", "1")]), "InvalidLaunchTemplateId.NotFound"),
        (world(vec![of("3")]), "launch template lt-1 version 3 names no type of instances"),
        (world(vec![of("2").overrides(&["x9.huge"])]), "EC2 does not show the type x9.huge"),
        (world(vec![of("2").overrides(&["m5.large", ""])]), "it names no type, but requirements of one"),
    ] {
        let (_, view) = world.seen(&[]).await;
        let [note] = view.notes.as_slice() else { panic!("{why}: {:?}", view.notes) };
        let start = "the launch template of Auto Scaling group users cannot be used, so only tags and nodes describe a new \
                     node: ";
        assert!(note.starts_with(start) && note.contains(why), "{note}");
        assert_eq!(view.groups[0].template, None);
        assert_eq!((&view.groups[0].not_growable, view.gaps.as_slice()), (&None, &[][..]));
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
async fn a_user_waits_and_of_empty_groups_without_tags_the_one_that_holds_the_pod_grows() {
    let groups = || {
        vec![
            empty("a-small").template("lt-1", "1"),
            empty("b-large").template("lt-1", "1").overrides(&["r5.2xlarge"]),
        ]
    };
    let view = async || world(groups()).seen(&[]).await.1;
    assert_eq!(grown(view().await, 40), [("b-large".to_owned(), 1)], "the other has 8 GiB");
    assert_eq!(grown(view().await, 4), [("a-small".to_owned(), 1)]);
    assert_eq!(grown(view().await, 100), [], "a node would come in vain");
    // Without the permission, all are unknown: one is tried.
    let blind =
        with_account(Account::only(&["DescribeAutoScalingGroups", "DescribeInstanceRefreshes"]), groups());
    assert_eq!(grown(blind.seen(&[]).await.1, 40), [("a-small".to_owned(), 1)]);
}
