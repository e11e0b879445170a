//! The answers of a cloud, and the outcome of the action and of its claim.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{
    Affinity, Operator, Requirement, SelectorTerm, StoredVolume, StoredVolumes,
};
use kube_rebalancer_core::plan::{KeepReason, Plan};
use kube_rebalancer_ports::Substitute;

use super::*;

#[test]
fn a_node_whose_deletion_failed_is_given_free_and_one_that_may_be_on_its_way_out_is_not() {
    let nodes = [cordoned("a", OLD), cordoned("b", OLD)];
    let answers =
        vec![GroupAnswer::Failed("refused".to_owned()), GroupAnswer::InDoubt("no answer".to_owned())];
    let world = World { answers, ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![delete("a"), delete("b")]);
    assert_eq!(ended.applied.outcomes, [failed("refused"), failed("no answer")]);
    assert!(!is_claimed(&ended, "a"));
    assert!(is_claimed(&ended, "b"), "another run could uncordon it while it goes");
}

#[test]
fn what_the_cloud_does_not_answer_for_has_failed_and_its_claim_is_dropped() {
    let nodes = [cordoned("a", OLD), cordoned("b", OLD), cordoned("c", OLD)];
    let refusal = || GroupAnswer::Failed("quota".to_owned());
    let world = World { answers: vec![GroupAnswer::AlreadySo, refusal()], ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![delete("a"), delete("b"), delete("c")]);
    let missing = failed("the cloud did not answer for node c");
    assert_eq!(ended.applied.outcomes, [Outcome::AlreadySo, failed("quota"), missing]);
    assert_eq!(["a", "b", "c"].map(|name| is_claimed(&ended, name)), [true, false, false]);
}

#[test]
fn without_a_group_or_a_cloud_growing_and_deleting_are_not_tried_and_the_run_is_complete_all_the_same() {
    let none = || Outcome::NotTried(NotTried::NoNodeGroup);
    let nodes = [cordoned("a", OLD)];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![grow(None)]);
    assert_eq!((ended.applied.outcomes.as_slice(), ended.log.len()), ([none()].as_slice(), 0));
    let ended =
        World::new(&nodes, &[]).apply_without_cloud(&nodes, vec![grow(Some("zone/pool")), delete("a")]);
    assert_eq!(ended.applied.outcomes, [none(), none()]);
    assert_eq!(ended.log, Vec::<String>::new());
    assert!(ended.applied.is_complete());
}

#[test]
fn what_the_cloud_says_to_growing_is_the_outcome() {
    for (answer, expected, is_complete) in [
        (GroupAnswer::Done, Outcome::Applied, true),
        (GroupAnswer::AlreadySo, Outcome::AlreadySo, true),
        (GroupAnswer::Conflict("it shrank".to_owned()), Outcome::Postponed("it shrank".to_owned()), true),
        (GroupAnswer::Failed("quota".to_owned()), failed("quota"), false),
        (GroupAnswer::Refused("no".to_owned()), Outcome::Postponed("no".to_owned()), true),
        (GroupAnswer::Exhausted("stockout".to_owned()), failed("stockout"), false),
        (GroupAnswer::Quota("quota".to_owned()), failed("quota"), false),
        (GroupAnswer::Forbidden("no right".to_owned()), failed("no right"), false),
        (GroupAnswer::Gone("no group".to_owned()), failed("no group"), false),
        (GroupAnswer::Busy("later".to_owned()), failed("later"), false),
        (GroupAnswer::InDoubt("silence".to_owned()), failed("silence"), false),
    ] {
        let world = World { answers: vec![answer], ..World::new(&[], &[]) };
        let ended = world.apply(&[], vec![grow(Some("zone/pool"))]);
        assert_eq!(ended.applied.outcomes, [expected]);
        assert_eq!(ended.applied.is_complete(), is_complete);
    }
}

#[test]
fn only_a_deletion_in_doubt_keeps_its_claim() {
    let words = || "words".to_owned();
    for (answer, stays) in [
        (GroupAnswer::InDoubt(words()), true),
        (GroupAnswer::Conflict(words()), false),
        (GroupAnswer::Refused(words()), false),
        (GroupAnswer::Exhausted(words()), false),
        (GroupAnswer::Quota(words()), false),
        (GroupAnswer::Forbidden(words()), false),
        (GroupAnswer::Gone(words()), false),
        (GroupAnswer::Busy(words()), false),
        (GroupAnswer::Failed(words()), false),
    ] {
        let nodes = [cordoned("a", OLD)];
        let world = World { answers: vec![answer.clone()], ..World::new(&nodes, &[]) };
        let ended = world.apply(&nodes, vec![delete("a")]);
        assert_eq!(is_claimed(&ended, "a"), stays, "{answer:?}");
        assert_eq!(ended.applied.outcomes[0].message(), "words", "{answer:?}");
    }
}

#[test]
fn where_a_group_refuses_the_next_one_that_can_create_the_same_nodes_is_asked() {
    let quota = || GroupAnswer::Quota("no more".to_owned());
    let action = || grow_or(Some("zone/pool"), &[("zone/other", 7), ("zone/last", 0)]);
    let ended = World { answers: vec![quota()], ..World::new(&[], &[]) }.apply(&[], vec![action()]);
    assert_eq!(ended.log, ["grow zone/pool 2 to 4", "grow zone/other 7 to 9", "grow zone/last 0 to 2"]);
    assert_eq!(ended.applied.outcomes, [failed("no more")]);
    // A change that may have happened is not requested again from another group.
    let in_doubt = GroupAnswer::InDoubt("silence".to_owned());
    let ended = World { answers: vec![in_doubt], ..World::new(&[], &[]) }.apply(&[], vec![action()]);
    assert_eq!(ended.log, ["grow zone/pool 2 to 4"]);
    assert_eq!(ended.applied.outcomes, [failed("silence")]);
}

fn refuses(growth: &str) -> (String, GroupAnswer) {
    (growth.to_owned(), GroupAnswer::Quota("no more".to_owned()))
}

#[test]
fn one_group_may_grow_in_place_of_two() {
    let says = [refuses("grow z/a 2 to 4"), refuses("grow z/b 2 to 4")].into();
    let actions = ["z/a", "z/b"].map(|group| grow_or(Some(group), &[("z/c", 5)]));
    let ended = World { says, ..World::new(&[], &[]) }.apply(&[], actions.to_vec());
    assert_eq!(ended.log, ["grow z/a 2 to 4", "grow z/c 5 to 7", "grow z/b 2 to 4", "grow z/c 7 to 9"]);
    let by = || Substitute::Group("z/c".to_owned());
    let instead = || Outcome::Instead { by: by(), why: "no more".to_owned() };
    assert_eq!(ended.applied.outcomes, [instead(), instead()]);
    assert_eq!(ended.applied.outcomes[0].message(), "node group z/c grows instead: no more");
}

/// The next run must not blame the group that created nothing.
#[test]
fn nodes_are_noted_for_the_group_that_creates_them() {
    let at = "2027-01-15T08:00:00Z".parse().unwrap();
    let noted = |group: &str| (("uid-ada".to_owned(), group.to_owned()), CreatedFor { nodes: 2, at });
    let kept = |says: BTreeMap<String, GroupAnswer>| {
        let ledger = Ledger { created_for: [noted("z/a")].into(), ..Ledger::default() };
        let plan = Plan { ledger: Some(ledger), ..plan(vec![grow_or(Some("z/a"), &[("z/c", 5)])]) };
        let ended = World { says, ..World::new(&[], &[]) }.apply_plan(&[], &plan);
        let created_for = ended.ledger.unwrap_or_default().created_for;
        (ended.applied.outcomes, created_for.into_iter().map(|(key, noted)| (key.1, noted.nodes)).collect())
    };
    let by = |group: &str| vec![(group.to_owned(), 2)];
    assert_eq!(kept(BTreeMap::new()), (vec![Outcome::Applied], by("z/a")));
    let instead = Outcome::Instead { by: Substitute::Group("z/c".to_owned()), why: "no more".to_owned() };
    assert_eq!(kept([refuses("grow z/a 2 to 4")].into()), (vec![instead], by("z/c")));
    // Another client has grown the other group meanwhile: this run created nothing.
    let says = [refuses("grow z/a 2 to 4"), ("grow z/c 5 to 7".to_owned(), GroupAnswer::AlreadySo)];
    let postponed = Outcome::Postponed("no more; node group z/c has grown meanwhile".to_owned());
    assert_eq!(kept(says.into()), (vec![postponed], Vec::new()));
}

#[test]
fn an_instance_that_never_became_a_node_is_deleted_by_its_group() {
    let nodes = ["a", "b", "c"].map(|name| cordoned(name, OLD));
    let action = || vec![delete_instance("zone/pool", "i-1")];
    let ended = World::new(&nodes, &[]).apply(&nodes, action());
    assert_eq!(ended.log, ["list nodes", "delete instance zone/pool i-1 beside 3"]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
    // It may have become a node meanwhile: without a list of them it stays, and with a list that lost most of them.
    let not_tried = [Outcome::NotTried(NotTried::NoSecondLook)];
    let ended = World { no_lists: true, ..World::new(&nodes, &[]) }.apply(&nodes, action());
    assert_eq!((ended.log, ended.applied.outcomes), (vec!["list nodes".to_owned()], not_tried.to_vec()));
    let ended = World::new(&nodes[..1], &[]).apply(&nodes, action());
    assert_eq!((ended.log, ended.applied.outcomes), (vec!["list nodes".to_owned()], not_tried.to_vec()));
    for (answer, became) in [
        (GroupAnswer::Conflict("it is a node".to_owned()), None),
        (GroupAnswer::Failed("no".to_owned()), Some(failed("no"))),
        (GroupAnswer::InDoubt("silence".to_owned()), Some(failed("silence"))),
    ] {
        let ended = World { answers: vec![answer], ..World::new(&nodes, &[]) }.apply(&nodes, action());
        match became {
            Some(became) => assert_eq!(ended.applied.outcomes, [became]),
            None => assert!(
                matches!(ended.applied.outcomes[..], [Outcome::Postponed(_)]),
                "{:?}",
                ended.applied.outcomes
            ),
        }
    }
}

/// Before every try, nodes and pods are looked at again.
#[test]
fn what_happens_while_the_cloud_is_busy_is_seen_before_the_next_try() {
    let nodes = [cordoned("a", OLD)];
    let ada = user("ada", "a");
    for (meanwhile, expected) in [
        (Meanwhile::Uncordons("a"), Stale::Schedulable),
        (Meanwhile::Comes(ada), Stale::Occupied { pod: "hub/ada".to_owned() }),
    ] {
        let world = World { busy: 1, meanwhile: Some(("delete a", meanwhile)), ..World::new(&nodes, &[]) };
        let ended = world.apply(&nodes, vec![delete("a")]);
        let expected_log =
            ["claim a", "list pods", "read a", "delete a", "list pods", "read a", "give free a"];
        assert_eq!(ended.log, expected_log);
        assert_eq!(ended.applied.outcomes, [Outcome::Stale(expected)]);
        assert!(!is_claimed(&ended, "a"));
    }
    let ended = World { busy: 2, ..World::new(&nodes, &[]) }.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
    let lists = ended.log.iter().filter(|line| *line == "list pods").count();
    assert_eq!(lists, 3, "{:?}", ended.log);
    let ended = World { busy: 3, ..World::new(&nodes, &[]) }.apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [failed("503")]);
    assert!(!is_claimed(&ended, "a"));
}

/// A user came and went since the plan was made, and left a home on the disk of a node.
#[test]
fn a_volume_that_came_meanwhile_keeps_its_node_before_every_try() {
    let nodes = [cordoned("a", OLD), cordoned("b", OLD)];
    let actions = || vec![delete("a"), delete("b")];
    let of_b = [Requirement {
        key: "kubernetes.io/hostname".to_owned(),
        operator: Operator::In(vec!["b".to_owned()]),
    }];
    let affinity = Affinity(vec![SelectorTerm { labels: of_b.to_vec(), fields: Vec::new() }]);
    let home = StoredVolume { name: "home".to_owned(), claim: None, affinity };
    let on_its_disk = |why| Outcome::Stale(Stale::OnItsDisk { why });
    let stored = on_its_disk(KeepReason::StoresVolume { volume: "home".to_owned() });
    let world = |volumes| World {
        planned_volumes: StoredVolumes::Listed(Vec::new()),
        volumes,
        ..World::new(&nodes, &[])
    };
    let ended = world(StoredVolumes::Listed(vec![home.clone()])).apply(&nodes, actions());
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, stored]);
    let expected =
        ["claim a", "claim b", "list pods", "list volumes", "read a", "read b", "give free b", "delete a"];
    assert_eq!(ended.log, expected);
    // A list that fails proves nothing.
    let unknown = StoredVolumes::Unknown { why: "500".to_owned() };
    let ended = world(unknown.clone()).apply(&nodes, actions());
    let not_known = on_its_disk(KeepReason::VolumesUnknown { why: "500".to_owned() });
    assert_eq!(ended.applied.outcomes, [not_known.clone(), not_known]);
    assert!(ended.applied.is_complete());
    // They are listed before every try of a deletion.
    let busy = World { busy: 1, ..world(StoredVolumes::Listed(Vec::new())) }.apply(&nodes, actions());
    assert_eq!(busy.applied.outcomes, [Outcome::Applied, Outcome::Applied]);
    assert_eq!(busy.log.iter().filter(|line| *line == "list volumes").count(), 2, "{:?}", busy.log);
    // Where a run may not list them, it does not ask again.
    let without = World { volumes: unknown, ..World::new(&nodes, &[]) }.apply(&nodes, actions());
    assert_eq!(without.applied.outcomes, [Outcome::Applied, Outcome::Applied]);
    assert!(!without.log.contains(&"list volumes".to_owned()), "{:?}", without.log);
}

/// The nodes are read last: nothing that another actor does to them during a list is missed.
#[test]
fn an_uncordon_during_a_list_keeps_the_node() {
    let nodes = [cordoned("a", OLD)];
    let expected_log = ["claim a", "list pods", "list volumes", "read a", "give free a"];
    for list in ["list pods", "list volumes"] {
        let world = World {
            planned_volumes: StoredVolumes::Listed(Vec::new()),
            volumes: StoredVolumes::Listed(Vec::new()),
            meanwhile: Some((list, Meanwhile::Uncordons("a"))),
            ..World::new(&nodes, &[])
        };
        let ended = world.apply(&nodes, vec![delete("a")]);
        assert_eq!(ended.applied.outcomes, [Outcome::Stale(Stale::Schedulable)], "{list}");
        assert_eq!(ended.log, expected_log, "{list}");
        assert!(!is_claimed(&ended, "a"), "{list}");
    }
}

/// A list of volumes and a read of each claimed node may take minutes. No cordon over a critical pod waits for them, not even in
/// a run that receives a signal to stop meanwhile.
#[test]
fn a_cordon_over_a_critical_pod_is_taken_back_before_volumes_are_listed() {
    let nodes = [cordoned("a", OLD), node("b")];
    let world = |stop_at| World {
        planned_volumes: StoredVolumes::Listed(Vec::new()),
        volumes: StoredVolumes::Listed(Vec::new()),
        stop_at,
        ..World::new(&nodes, &[critical("proxy", "b")])
    };
    let actions = || vec![delete("a"), cordon("b")];
    let taken_back = || Outcome::TakenBack { pod: "hub/proxy".to_owned() };
    let ended = world(None).apply(&nodes, actions());
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, taken_back()]);
    let expected = ["cordon b", "claim a", "list pods", "uncordon b", "list volumes", "read a", "delete a"];
    assert_eq!(ended.log, expected);
    let stopped = world(Some("list pods")).apply(&nodes, actions());
    assert_eq!(stopped.applied.outcomes, [Outcome::NotTried(NotTried::Stopped), taken_back()]);
    assert_eq!(stopped.log[..4], expected[..4]);
}

/// The user of a node's only pod came and went since the plan was made, and the kubelet has not unmounted the volume.
#[test]
fn a_volume_that_is_mounted_now_keeps_its_node_for_ten_minutes() {
    let planned = |empty_for: i64| {
        let since = world::ago(empty_for).to_string();
        with_note(cordoned("a", OLD), annotation::EMPTY_SINCE, &since)
    };
    let mounted = |node| Node { volume_in_use: Some("vol-1".into()), ..node };
    let why = KeepReason::VolumeInUse { volume: "vol-1".to_owned() };
    // Ten minutes of section 7 by the node's own mark.
    for (empty_for, expected) in [(599, Outcome::Stale(Stale::StillMounted { why })), (600, Outcome::Applied)]
    {
        let ended =
            World::new(&[mounted(planned(empty_for))], &[]).apply(&[planned(empty_for)], vec![delete("a")]);
        assert_eq!(ended.applied.outcomes, [expected], "{empty_for}");
    }
}

/// It may be terminating, so no pod may be scheduled on it, independent of later answers.
#[test]
fn a_deletion_whose_answer_was_lost_is_tried_again_after_a_look_and_keeps_its_claim() {
    let nodes = [cordoned("a", OLD)];
    let lost = || vec![GroupAnswer::InDoubt("no answer".to_owned())];
    let ended = World { answers: lost(), ..World::new(&nodes, &[]) }.apply(&nodes, vec![delete("a")]);
    let tries = ended.log.iter().filter(|line| *line == "delete a").count();
    assert_eq!((tries, ended.applied.outcomes.as_slice()), (3, [failed("no answer")].as_slice()));
    assert!(is_claimed(&ended, "a"));

    let meanwhile = Some(("delete a", Meanwhile::Uncordons("a")));
    let world = World { answers: lost(), meanwhile, ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, vec![delete("a")]);
    let tries = ended.log.iter().filter(|line| *line == "delete a").count();
    assert_eq!((tries, ended.applied.outcomes.as_slice()), (1, [failed("no answer")].as_slice()));
    assert!(is_claimed(&ended, "a"));
}

#[test]
fn an_answer_about_another_node_is_no_success() {
    let nodes = [cordoned("a", OLD), node("b"), cordoned("c", OLD)];
    let actions = vec![uncordon("c"), cordon("b"), delete("a")];
    let world = World { misanswered: ["a", "b", "c"].into(), ..World::new(&nodes, &[]) };
    let ended = world.apply(&nodes, actions);
    let told = |name: &str| {
        failed(&format!("the answer to the patch of node {name} is about another (uid-another)"))
    };
    assert_eq!(ended.applied.outcomes, [told("c"), told("b"), told("a")]);
    assert!(!ended.log.contains(&"delete a".to_owned()), "{:?}", ended.log);
}
