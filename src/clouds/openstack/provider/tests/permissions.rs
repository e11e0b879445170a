//! The provider only makes the requests to OpenStack that the documentation names.

use std::collections::BTreeSet;

use fake_openstack::Account;
use kube_rebalancer_ports::{GroupAnswer, MagnumDelete, ParkBy, Provider};

use super::world::{World, id, node, of, these, told};

/// The access rules of the documentation, for parking alone.
pub(super) const PARKING: [(&str, &str); 2] =
    [("GET", "/v2.1/servers/*"), ("POST", "/v2.1/servers/*/action")];
/// One more action, for installations that delete nodes.
const DELETING: (&str, &str) = ("DELETE", "/v2.1/servers/*");

fn world(rules: &[(&str, &str)]) -> World {
    let mut world = World::of(3, Account::ops().with_credential("narrow", "s3cret", Some(rules)));
    let url = world.fake.auth_url();
    world.scope.environment = [
        ("OS_AUTH_URL", url.as_str()),
        ("OS_APPLICATION_CREDENTIAL_ID", "narrow"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", "s3cret"),
    ]
    .into_iter()
    .collect();
    world
}

#[test]
fn the_rules_are_those_of_the_readme() {
    let page = include_str!("../../../../../docs/providers.md");
    let block = page.split("<!-- openstack:rules -->").nth(1).unwrap();
    let json = block.trim().trim_start_matches("```json").trim_end_matches("```");
    let rules: serde_json::Value = serde_json::from_str(json).unwrap();
    let rule = |(method, path): (&str, &str)| serde_json::json!({"service": "compute", "method": method, "path": path});
    assert_eq!(rules, serde_json::json!([rule(PARKING[0]), rule(PARKING[1]), rule(DELETING)]));
}

#[tokio::test]
async fn a_narrow_application_credential_is_enough_and_nothing_else_is_called() {
    let world = world(&[PARKING[0], PARKING[1], DELETING]);
    let cloud = world.cloud().await;
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    world.settle();
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::Done]);
    let stopping = world.parking_by(ParkBy::Stop);
    let cloud = stopping.cloud().await;
    assert_eq!(cloud.park(&these(&[2])).await, [GroupAnswer::Done]);
    stopping.settle();
    assert_eq!(cloud.wake(&these(&[2])).await, [GroupAnswer::Done]);
    assert_eq!(cloud.delete(&these(&[3])).await, [GroupAnswer::Done]);
    let called: BTreeSet<String> = stopping.fake.calls().into_iter().map(|call| call.method).collect();
    let expected = [
        "compute.delete",
        "compute.list",
        "compute.os-start",
        "compute.os-stop",
        "compute.shelve",
        "compute.show",
        "compute.unshelve",
        "identity.token",
    ];
    assert_eq!(called, expected.map(str::to_owned).into());
}

/// The permissions for Magnum's node groups.
const MAGNUM: [(&str, &str); 4] = [
    ("GET", "/v1/clusters/*"),
    ("GET", "/v1/clusters/*/nodegroups"),
    ("GET", "/v1/clusters/*/nodegroups/*"),
    ("POST", "/v1/clusters/*/actions/resize"),
];

#[test]
fn the_rules_of_magnum_are_those_of_the_readme() {
    let page = include_str!("../../../../../docs/providers.md");
    let block = page.split("<!-- magnum:rules -->").nth(1).unwrap();
    let json = block.trim().trim_start_matches("```json").trim_end_matches("```");
    let rules: serde_json::Value = serde_json::from_str(json).unwrap();
    let rule = |(method, path): (&str, &str)| serde_json::json!({"service": "container-infra", "method": method, "path": path});
    assert_eq!(rules, serde_json::json!(MAGNUM.map(rule)));
}

#[tokio::test]
async fn a_node_group_of_magnum_needs_its_own_rules_and_the_one_to_look_at_servers() {
    let rules: Vec<(&str, &str)> = MAGNUM.into_iter().chain([PARKING[0]]).collect();
    let mut world = world(&rules);
    let project = Account::ops().project_id;
    world.fake.add_cluster(fake_openstack::Cluster::new("hub", &project).workers("w", 3, (1, None)));
    let nodes: Vec<_> = (1..=3)
        .map(|number| {
            let name = format!("hub-stack-w-{number}");
            world.fake.edit(&id(number), |server| server.name.clone_from(&name));
            kube_rebalancer_core::model::Node { name, ..node(number) }
        })
        .collect();
    world.scope.node_groups = ["hub/w".to_owned()].into();
    world.scope.magnum_delete = MagnumDelete::Heat;
    let (cloud, view) = world.seen(&nodes).await;
    assert_eq!(view.groups.len(), 1, "{view:?}");
    assert_eq!(cloud.grow("hub/w", 3, 4).await, GroupAnswer::Done);
    world.settle();
    world.settle();
    let (cloud, _) = world.seen(&nodes).await;
    assert_eq!(cloud.delete(&[of(&nodes[0])]).await, [GroupAnswer::Done]);
    let called: BTreeSet<String> = world.fake.calls().into_iter().map(|call| call.method).collect();
    let expected =
        ["compute.list", "identity.token", "infra.cluster", "infra.group", "infra.groups", "infra.resize"];
    assert_eq!(called, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn without_the_rule_to_delete_nothing_is_deleted_and_the_answer_names_the_rule() {
    let world = world(&PARKING);
    let cloud = world.cloud().await;
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    let answers = cloud.delete(&these(&[2])).await;
    let (variant, words) = told(&answers[0]);
    assert_eq!(variant, "forbidden");
    assert!(words.contains("no access rule for DELETE /servers/* of the service compute"), "{words}");
    assert!(world.done(2).is_empty());
}
