//! Whole plans of clusters with the data of absent users on the disks of nodes.

use std::sync::Arc;

use super::{HOUR, actions, cluster, cordoned, group, parked, policy, serving, sound, user, verdict};
use crate::model::{
    Affinity, Node, Operator, Pod, Requirement, SchedulerRefusal, SelectorTerm, StoredVolume, StoredVolumes,
    Unbound, of_no_claim,
};
use crate::plan::Plan;
use crate::plan::fixture::{Build, ago};
use crate::policy::{Budget, GiveBack, Policy};

fn home_on(host: &str) -> StoredVolumes {
    home_by("kubernetes.io/hostname", host)
}

fn home_by(key: &str, value: &str) -> StoredVolumes {
    let requirement = Requirement { key: key.into(), operator: Operator::In(vec![value.into()]) };
    let affinity = Affinity(vec![SelectorTerm { labels: vec![requirement], fields: vec![] }]);
    let claim = Some(("hub".to_owned(), "home-ben".to_owned()));
    StoredVolumes::Listed(vec![StoredVolume { name: "pv-ben".into(), claim, affinity }])
}

#[track_caller]
fn with(nodes: &[Node], pods: &[Pod], stored: StoredVolumes, policy: &Policy) -> Plan {
    sound(&cluster(nodes, pods, group()).with_stored_volumes(Arc::new(stored)), policy)
}

#[test]
fn a_node_with_the_home_of_an_absent_user_is_neither_deleted_nor_parked() {
    let nodes = [serving("a"), cordoned("b", HOUR), cordoned("c", HOUR)];
    let pods = [user("ada", 24).on("a")];
    for (give_back, verb) in [(GiveBack::Delete, "delete"), (GiveBack::Park, "park")] {
        let policy = Policy { give_back, ..policy() };
        let free = with(&nodes, &pods, StoredVolumes::NotListed, &policy);
        assert_eq!(actions(&free), [format!("{verb} b"), format!("{verb} c")]);
        let kept = with(&nodes, &pods, home_on("b"), &policy);
        assert_eq!(actions(&kept), [format!("{verb} c")]);
        assert_eq!(verdict(&kept, "b"), "the data of volume pv-ben of claim hub/home-ben may be on its disk");
    }
}

#[test]
fn a_parked_node_with_a_home_is_not_deleted_as_surplus() {
    let nodes = [serving("a"), parked("b", HOUR), parked("c", 2 * HOUR)];
    let pods = [user("ada", 24).on("a")];
    let policy = Policy { parked_max: Budget::Count(0), ..policy() };
    let kept = with(&nodes, &pods, home_on("c"), &policy);
    assert_eq!(actions(&kept), ["delete b"]);
}

#[test]
fn without_the_list_of_volumes_no_node_is_given_back() {
    let nodes = [serving("a"), cordoned("b", HOUR)];
    let unknown = StoredVolumes::Unknown { why: "timeout".into() };
    let kept = with(&nodes, &[user("ada", 24).on("a")], unknown, &policy());
    assert_eq!(actions(&kept), Vec::<String>::new());
    assert_eq!(
        verdict(&kept, "b"),
        "a volume may be on its disk, and the persistent volumes could not be listed: timeout"
    );
}

/// A kubelet may give its node any label outside `kubernetes.io`.
#[test]
fn the_value_of_another_node_does_not_free_the_node_with_the_home() {
    const UUID: &str = "csi.example.com/uuid";
    let numbered = |mut node: Node, number: &str| {
        node.labels.insert(UUID, number);
        node
    };
    let acts = |of_a: &str| {
        let nodes = [
            numbered(serving("a"), of_a),
            numbered(cordoned("b", HOUR), "BBB"),
            numbered(cordoned("c", HOUR), "CCC"),
        ];
        actions(&with(&nodes, &[user("ada", 24).on("a")], home_by(UUID, "BBB"), &policy()))
    };
    assert_eq!(acts("AAA"), ["park c"]);
    assert_eq!(acts("BBB"), ["park c"], "two values on three nodes number the hosts");
}

/// The old pod of a user still has the claim, or the claim comes a second after its pod: the node is needed in a moment.
#[test]
fn an_empty_node_stays_for_a_pod_that_cannot_use_its_claim_yet() {
    let nodes = [serving("a"), cordoned("c", HOUR)];
    let waits = |minutes: i64| {
        let refusal = Some(SchedulerRefusal { message: "".into(), since: Some(ago(60 * minutes)) });
        let unbound = Unbound { uid: "uid-zed".into(), refusal, ..Unbound::default() };
        let claims = Box::new(["home".into()]);
        Pod { unbound: Some(Box::new(unbound)), ready: false, claims, ..user("zed", 12) }
    };
    let closed = || [(("hub".to_owned(), "home".to_owned()), of_no_claim())].into();
    for (minutes, expected) in [(1, vec![]), (59, vec![]), (60, vec!["park c"])] {
        let pods = [user("ada", 24).on("a"), waits(minutes)];
        let made = sound(&cluster(&nodes, &pods, group()).with_volumes(closed()), &policy());
        assert_eq!(actions(&made), expected, "{minutes}");
    }
}
