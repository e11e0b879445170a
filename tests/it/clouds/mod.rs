//! Several clouds in one cluster: what a run sees of them, and where its changes go.

mod memory;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer::run::clouds::{CloudHalf, Clouds, WrongSetting, connect, observe};
use kube_rebalancer::run::connections::Connections;
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{
    Clock, CloudScope, GroupAnswer, InstanceToDelete, NodeGroups, NotTried, ProviderKind, SharedClock,
};
use memory::{Blue, Manner, Memory, Red};

/// A run with no time to wait: whatever does not answer at once is late.
#[derive(Debug)]
struct Hurry;

impl Clock for Hurry {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn left(&self) -> SignedDuration {
        SignedDuration::ZERO
    }
}

/// The result of a future that waits for no more than a timer that is over.
fn now<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// A node whose name is its instance's.
fn node(provider_id: &str) -> Node {
    let (_, name) = provider_id.split_once("://").unwrap();
    Node { name: name.to_owned(), provider_id: Some(provider_id.to_owned()), ..Node::default() }
}

fn seen(kinds: &[&dyn ProviderKind], nodes: &[&str]) -> CloudHalf {
    looked(kinds, nodes.iter().map(|id| node(id)).collect(), &CloudScope::default()).unwrap()
}

fn looked(
    kinds: &[&dyn ProviderKind],
    nodes: Vec<Node>,
    scope: &CloudScope,
) -> Result<CloudHalf, WrongSetting> {
    let snapshot = Snapshot::new(Timestamp::UNIX_EPOCH, nodes, Vec::new(), Vec::new(), 1).unwrap();
    let clock: SharedClock = Arc::new(Hurry);
    now(observe(kinds, snapshot, &Policy::default(), scope, &clock, Connections::default()))
}

fn groups(half: &CloudHalf) -> &Clouds {
    half.clouds.as_ref().unwrap()
}

fn delete(half: &CloudHalf, nodes: &[&str]) -> Vec<GroupAnswer> {
    let to_delete = |id: &&str| {
        let node = node(id);
        InstanceToDelete { node: node.name, provider_id: node.provider_id, system_uuid: node.system_uuid }
    };
    now(groups(half).delete(&nodes.iter().map(to_delete).collect::<Vec<_>>()))
}

/// Each node's group, or why it has none.
fn places(half: &CloudHalf) -> Vec<&str> {
    let nodes = half.snapshot.nodes().iter();
    nodes.map(|node| node.group.as_deref().xor(node.outside.as_deref()).unwrap()).collect()
}

#[test]
fn every_node_and_every_change_goes_to_its_own_cloud() {
    let red = Memory::<Red>::with("z1/pool", &["r1", "r2", "r3", "r4"]);
    let blue = Memory::<Blue>::with("z1/pool", &["b1", "b2"]);
    let half =
        seen(&[&red, &blue], &["blue://b1", "blue://b2", "green://g1", "red://r1", "red://r2", "red://r3"]);
    let (blues, reds) = ("blue://z1/pool", "red://z1/pool");
    let nowhere = "its providerID green://g1 is not one of Red Cloud or Blue Cloud";
    assert_eq!(places(&half), [blues, blues, nowhere, reds, reds, reds]);
    assert!(half.complete);
    assert_eq!(half.warnings, [format!("node g1 is in no node group: {nowhere}")]);

    assert_eq!(now(groups(&half).grow(blues, 2, 4)), GroupAnswer::Done);
    assert_eq!((red.log(), blue.log()), (Vec::new(), vec!["z1/pool to 4".to_owned()]));

    // In the order of the request, whatever the cloud.
    let answers = delete(&half, &["red://r3", "green://g1", "blue://b1", "red://r1", "red://r2"]);
    let refused = GroupAnswer::Refused("its instance was not listed in any node group".to_owned());
    let done = || GroupAnswer::Done;
    assert_eq!(answers, [done(), refused, done(), done(), done()]);
    assert_eq!(red.log(), ["z1/pool without r3 and r1", "z1/pool without r2"]);
    assert_eq!(blue.log(), ["z1/pool without b1"]);
}

#[test]
fn a_cloud_without_a_node_is_not_connected() {
    let red = Memory::<Red>::with("z1/pool", &["r1"]);
    let blue = Memory::<Blue>::with("z2/pool", &["b1"]);
    blue.state().down = Some("nobody may ask".to_owned());
    let half = seen(&[&red, &blue], &["red://r1"]);
    assert_eq!((places(&half), half.complete), (vec!["z1/pool"], true));

    let half = seen(&[&red, &blue], &["green://g1"]);
    assert_eq!(half.clouds.unwrap_err(), NotTried::NoNodeGroup);
    let told = "no node is on a cloud that this program knows (Red Cloud, Blue Cloud), so nothing is grown and nothing is deleted";
    assert_eq!(half.warnings, [told]);
}

#[test]
fn a_group_that_refuses_says_why_in_the_plan_and_to_the_change() {
    let red = Memory::<Red>::with("z1/pool", &["r1"]);
    let blue = Memory::<Blue>::with("z2/pool", &["b1"]);
    let why = || Some("an autoscaler has it".to_owned());
    {
        let mut state = red.state();
        let pool = state.pools.get_mut("z1/pool").unwrap();
        (pool.not_growable, pool.not_shrinkable) = (why(), why());
    }
    let half = seen(&[&red, &blue], &["red://r1", "blue://b1"]);
    let refuses = |name: &str| {
        let group = half.snapshot.groups().iter().find(|group| group.name == name).unwrap();
        (group.not_growable.clone(), group.not_shrinkable.clone())
    };
    assert_eq!(refuses("z1/pool"), (why(), why()));
    assert_eq!(refuses("z2/pool"), (None, None));
    assert_eq!(now(groups(&half).grow("z1/pool", 1, 2)), GroupAnswer::Refused(why().unwrap()));
    assert!(red.log().is_empty());
    assert_eq!(now(groups(&half).grow("z2/pool", 1, 2)), GroupAnswer::Done);
}

#[test]
fn a_cloud_that_answers_late_leaves_doubt_and_the_next_run_knows() {
    let red = Memory::<Red>::with("z1/pool", &["r1", "r2"]);
    let blue = Memory::<Blue>::with("z2/pool", &["b1"]);
    red.state().manner = Manner::Late;
    let nodes = ["red://r1", "red://r2", "blue://b1"];
    let half = seen(&[&red, &blue], &nodes);
    let doubt = || GroupAnswer::InDoubt("no answer in time".to_owned());
    assert_eq!(delete(&half, &["red://r2", "blue://b1"]), [doubt(), GroupAnswer::Done]);
    red.catch_up();
    let next = seen(&[&red, &blue], &nodes);
    let going: Vec<_> =
        next.snapshot.nodes().iter().filter(|node| node.deleting).map(|node| &*node.name).collect();
    assert_eq!(going, ["b1", "r2"]);

    assert_eq!(now(groups(&next).grow("z1/pool", 1, 3)), doubt());
    red.catch_up();
    let next = seen(&[&red, &blue], &nodes);
    let pool = next.snapshot.groups().iter().find(|group| group.name == "z1/pool").unwrap();
    let coming: Vec<_> = pool.instances.iter().map(|instance| &*instance.name).collect();
    assert_eq!(coming, ["r1", "z1/pool (coming, 1)", "z1/pool (coming, 2)"]);
    red.log();
    assert_eq!(now(groups(&next).grow("z1/pool", 1, 3)), GroupAnswer::AlreadySo);
    assert!(red.log().is_empty());
}

#[test]
fn what_a_cloud_answers_is_not_changed_on_the_way() {
    let words = || "the cloud's own words".to_owned();
    for answer in [
        GroupAnswer::Exhausted(words()),
        GroupAnswer::Quota(words()),
        GroupAnswer::Forbidden(words()),
        GroupAnswer::Gone(words()),
        GroupAnswer::Busy(words()),
        GroupAnswer::Failed(words()),
    ] {
        let red = Memory::<Red>::with("z1/pool", &["r1"]);
        red.state().manner = Manner::Refusing(answer.clone());
        let half = seen(&[&red], &["red://r1"]);
        assert_eq!(now(groups(&half).grow("z1/pool", 1, 2)), answer);
        assert_eq!(delete(&half, &["red://r1"]), [answer]);
    }
}

#[test]
fn a_cloud_that_is_down_or_hangs_takes_only_its_own_nodes_and_all_growth_with_it() {
    for (hangs, why) in [
        (false, "the node groups of Red Cloud could not be listed: it is down"),
        (
            true,
            "the node groups of Red Cloud could not be listed: Red Cloud did not answer within half of the time that \
             RUN_TIMEOUT left",
        ),
    ] {
        let red = Memory::<Red>::with("z1/pool", &["r1"]);
        let blue = Memory::<Blue>::with("z2/pool", &["b1"]);
        (red.state().down, red.state().hangs) = (Some("it is down".to_owned()), hangs);
        let half = seen(&[&red, &blue], &["red://r1", "blue://b1"]);
        assert_eq!(places(&half), ["z2/pool", "the node groups of Red Cloud could not be listed"]);
        assert!(!half.complete);
        assert_eq!(half.warnings[0], why);
        let not_growable = half.snapshot.groups()[0].not_growable.as_deref();
        assert_eq!(not_growable, Some(&*format!("not everything could be listed: {why}")));
        assert_eq!(delete(&half, &["blue://b1", "red://r1"])[0], GroupAnswer::Done);
    }
    let red = Memory::<Red>::with("z1/pool", &["r1"]);
    red.state().down = Some("it is down".to_owned());
    let half = seen(&[&red], &["red://r1"]);
    assert_eq!(half.warnings, ["the node groups could not be listed: it is down"]);
    assert_eq!((half.clouds.unwrap_err(), half.complete), (NotTried::Unseen, false));
}

/// A kubelet may name any cloud when it registers its node.
#[test]
fn a_cloud_that_only_a_few_nodes_name_stops_neither_the_run_nor_the_growth_of_others() {
    let nodes = ["blue://b1", "blue://b2", "red://evil"];
    for is_setting in [false, true] {
        let blue = Memory::<Blue>::with("z2/pool", &["b1", "b2"]);
        let red = Memory::<Red>::with("z1/pool", &["r1"]);
        (red.state().down, red.state().wrong_setting) = (Some("set RED_REGION".to_owned()), is_setting);
        let half = seen(&[&red, &blue], &nodes);
        assert_eq!(places(&half)[..2], ["z2/pool"; 2]);
        assert_eq!(places(&half)[2], "the node groups of Red Cloud could not be listed");
        let told = "the node groups of Red Cloud (named by 1 of 3 nodes, such as evil) could not be listed: set RED_REGION";
        assert_eq!(half.warnings[0], told);
        assert!(!half.complete);
        assert_eq!(half.snapshot.groups()[0].not_growable, None);
        assert_eq!(now(groups(&half).grow("z2/pool", 2, 3)), GroupAnswer::Done);
        // The operator names it, or most nodes do.
        for (provider, nodes) in
            [(Some("red"), nodes.to_vec()), (None, vec!["blue://b1", "red://r1"]), (None, vec!["red://r1"])]
        {
            let scope = CloudScope { provider: provider.map(str::to_owned), ..CloudScope::default() };
            let nodes = nodes.iter().map(|id| node(id)).collect();
            match looked(&[&red, &blue], nodes, &scope) {
                Err(error) => assert!(is_setting && error.to_string() == "set RED_REGION", "{error}"),
                Ok(half) => {
                    assert!(!is_setting && !half.complete, "{:?}", half.warnings);
                    let grows = half.snapshot.groups().iter().any(|group| group.not_growable.is_none());
                    assert!(!grows, "{:?}", half.snapshot.groups());
                }
            }
        }
    }
}

/// Some do: a token that expires in the year 10^11 is enough.
#[test]
fn a_cloud_whose_library_panics_is_one_that_could_not_be_seen() {
    let red = Memory::<Red>::with("z1/pool", &["r1"]);
    red.state().manner = Manner::Panicking;
    let half = seen(&[&red], &["red://r1"]);
    let why =
        "the node groups could not be listed: the library for Red Cloud has a defect, which the log shows";
    assert_eq!(half.warnings, [why]);
    assert_eq!((half.clouds.unwrap_err(), half.complete), (NotTried::Unseen, false));

    let red = Memory::<Red>::with("z1/pool", &["r1"]);
    let half = seen(&[&red], &["red://r1"]);
    red.state().manner = Manner::Panicking;
    let doubt = GroupAnswer::InDoubt("the cloud's library has a defect, which the log shows".to_owned());
    assert_eq!(now(groups(&half).grow("z1/pool", 1, 2)), doubt);
    assert_eq!(delete(&half, &["red://r1"]), [doubt]);
}

/// What is seen where the connections are begun with the nodes, while the pods are not listed yet.
fn seen_early(kinds: &[&dyn ProviderKind], nodes: &[&str]) -> CloudHalf {
    let nodes: Vec<Node> = nodes.iter().map(|id| node(id)).collect();
    let (policy, scope) = (Policy::default(), CloudScope::default());
    let clock: SharedClock = Arc::new(Hurry);
    now(async {
        let begun = connect(kinds, &nodes, &policy, &scope, &clock);
        tokio::task::yield_now().await;
        let snapshot = Snapshot::new(Timestamp::UNIX_EPOCH, nodes, Vec::new(), Vec::new(), 1).unwrap();
        observe(kinds, snapshot, &policy, &scope, &clock, begun).await.unwrap()
    })
}

#[test]
fn a_connection_that_was_begun_with_the_nodes_is_the_only_one() {
    let red = Memory::<Red>::with("z1/pool", &["r1", "r2"]);
    let blue = Memory::<Blue>::with("pool", &["b1"]);
    let half = seen_early(&[&red, &blue], &["red://r1", "red://r2"]);
    assert_eq!((places(&half), half.warnings.len()), (vec!["z1/pool", "z1/pool"], 0));
    assert_eq!((red.state().connections, blue.state().connections), (1, 0));
    assert_eq!(delete(&half, &["red://r1"]), [GroupAnswer::Done]);
}

#[test]
fn a_connection_that_panics_is_a_cloud_that_could_not_be_seen_whenever_it_was_begun() {
    for early in [false, true] {
        let red = Memory::<Red>::with("z1/pool", &["r1"]);
        red.state().manner = Manner::PanickingAtOnce;
        let look = if early { seen_early } else { seen };
        let half = look(&[&red], &["red://r1"]);
        let why = "the node groups could not be listed: the library for Red Cloud has a defect, which the log shows";
        assert_eq!((&*half.warnings, red.state().connections), ([why.to_owned()].as_slice(), 1));
        assert_eq!((half.clouds.unwrap_err(), half.complete), (NotTried::Unseen, false));
    }
}

/// The instances of these nodes.
fn to_change(nodes: &[Node]) -> Vec<InstanceToDelete> {
    let instance = |node: &Node| InstanceToDelete {
        node: node.name.clone(),
        provider_id: node.provider_id.clone(),
        system_uuid: node.system_uuid.clone(),
    };
    nodes.iter().map(instance).collect()
}

#[test]
fn parked_instances_wake_and_each_change_goes_to_its_own_cloud() {
    let red = Memory::<Red>::with("z1/pool", &["r1", "r2", "r3"]);
    let blue = Memory::<Blue>::with("z2/pool", &["b1"]);
    let nodes = ["red://r1", "red://r2", "red://r3", "blue://b1"];
    let half = seen(&[&red, &blue], &nodes);
    let some = to_change(&["red://r2", "blue://b1", "red://r1"].map(node));
    let done = || vec![GroupAnswer::Done; 3];
    assert_eq!(now(groups(&half).park(&some)), done());
    assert_eq!(red.log(), ["z1/pool parks r2", "z1/pool parks r1"]);
    assert_eq!(blue.log(), ["z2/pool parks b1"]);

    // A second request changes nothing, and a parked instance keeps its node in the group.
    let half = seen(&[&red, &blue], &nodes);
    assert_eq!(places(&half), ["z2/pool", "z1/pool", "z1/pool", "z1/pool"]);
    assert_eq!(now(groups(&half).park(&some)), vec![GroupAnswer::AlreadySo; 3]);
    assert!(red.log().is_empty());

    red.state().pools.get_mut("z1/pool").unwrap().stuck = vec!["r1".to_owned()];
    let stuck = "the cloud accepted to wake instance r1 and does not".to_owned();
    let answers = now(groups(&half).wake(&some));
    assert_eq!(answers, [GroupAnswer::Done, GroupAnswer::Done, GroupAnswer::Failed(stuck)]);
    assert_eq!(now(groups(&half).wake(&some))[..2], [GroupAnswer::AlreadySo, GroupAnswer::AlreadySo]);
    assert_eq!(now(groups(&half).wake(&to_change(&[node("red://r3")]))), [GroupAnswer::AlreadySo]);
}

#[test]
fn what_is_gone_or_was_made_anew_is_neither_parked_nor_woken() {
    let red = Memory::<Red>::with("z1/pool", &["r1", "r2", "r3"]);
    let half = seen(&[&red], &["red://r1", "red://r2", "red://r3"]);
    {
        let mut state = red.state();
        let pool = state.pools.get_mut("z1/pool").unwrap();
        pool.instances.retain(|name| name != "r1");
        pool.leaving.push("r2".to_owned());
    }
    let some = to_change(&["red://r1", "red://r2", "red://r4"].map(node));
    let conflict = |words: &str| GroupAnswer::Conflict(words.to_owned());
    let expected = [
        conflict("instance r1 is gone"),
        conflict("instance r2 is going away"),
        GroupAnswer::Refused("its instance was not listed in any node group".to_owned()),
    ];
    assert_eq!(now(groups(&half).park(&some)), expected);
    assert_eq!(now(groups(&half).wake(&some)), expected);
    // The proof is by what the node names, not by its name alone.
    let renamed = Node { provider_id: Some("red://r2".to_owned()), ..node("red://r3") };
    let refused = [GroupAnswer::Refused("not listed".to_owned())];
    assert_eq!(now(groups(&half).park(&to_change(&[renamed]))), refused);
    assert!(red.log().is_empty());
}

/// A node without a provider ID, on the machine with this UUID.
fn by_uuid(name: &str, uuid: &str) -> Node {
    Node { name: name.to_owned(), system_uuid: Some(uuid.to_owned()), ..Node::default() }
}

#[test]
fn a_node_without_a_provider_id_goes_to_the_cloud_that_proves_its_machine_by_uuid_and_name() {
    let red = Memory::<Red>::with("z1/pool", &["r1", "r2"]);
    let blue = Memory::<Blue>::with("z2/pool", &["b1"]);
    let nodes = || vec![by_uuid("b1", "BLUE-B1"), by_uuid("r1", "RED-R1"), by_uuid("r3", "RED-R2")];
    let half = looked(&[&red, &blue], nodes(), &CloudScope::default()).unwrap();
    assert_eq!(places(&half), ["z2/pool", "z1/pool", "it has no providerID"]);
    let done = [GroupAnswer::Done, GroupAnswer::Done];
    assert_eq!(now(groups(&half).park(&to_change(&nodes()[..2]))), done);

    // PROVIDER selects the cloud for nodes that no other cloud knows.
    let scope = CloudScope { provider: Some("red".to_owned()), ..CloudScope::default() };
    let half = looked(&[&red, &blue], nodes(), &scope).unwrap();
    let other_name = "its system UUID names instance r2, whose node has another name";
    assert_eq!(places(&half), ["z2/pool", "z1/pool", other_name]);

    let scope = CloudScope { provider: Some("green".to_owned()), ..CloudScope::default() };
    let error = looked(&[&red, &blue], nodes(), &scope).unwrap_err();
    let told = "PROVIDER: `green` is no provider of this program; there are: red, blue";
    assert_eq!(error.to_string(), told);
}
