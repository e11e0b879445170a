//! Pods are evicted in a world that has moved on: never another pod, a user's pod, or without the Lease.

use kube_rebalancer_core::policy::Drain;
use kube_rebalancer_ports::EvictionAnswer;

use super::world::{evict, omitted};
use super::*;

/// A world in which one omitted pod is left on a cordoned node, and what a plan saw of it.
fn world(nodes: &[Node]) -> World {
    let pods = [omitted("csi", "a")];
    World { drain: Some(Drain::Omitted), planned_pods: pods.to_vec(), ..World::new(nodes, &pods) }
}

fn nodes() -> Vec<Node> {
    vec![cordoned("a", OLD), node("b")]
}

/// The outcome of the eviction, and the number of eviction requests.
fn ended(world: World) -> (Outcome, usize, Ended) {
    let ended = world.apply(&nodes(), vec![evict("csi", "a")]);
    let asked = ended.log.iter().filter(|line| line.starts_with("evict")).count();
    (ended.applied.outcomes[0].clone(), asked, ended)
}

#[test]
fn a_pod_is_evicted_on_the_version_that_was_judged_after_a_note_on_its_node() {
    let (outcome, _, ended) = ended(world(&nodes()));
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(ended.log, ["note a", "read pod csi", "evict csi uid-of-csi p1"]);
    let notes = &ended.nodes["a"].annotations;
    assert_eq!(notes[annotation::EVICTED], "uid-csi");
    assert!(notes.contains_key(annotation::EVICTED_AT));
    assert_eq!(ended.told, ["PodEvicted a"]);
}

#[test]
fn a_pod_that_is_another_s_a_user_s_or_gone_is_not_evicted() {
    let mut other = omitted("csi", "a");
    other.eviction.as_mut().unwrap().uid = "another".into();
    let mut of_user = omitted("csi", "a");
    of_user.label_keys = ["user".into()].into();
    let moved = omitted("csi", "b");
    let mut bare = omitted("csi", "a");
    bare.controller = None;
    let mut marked = omitted("csi", "a");
    marked.safe_to_evict = Some(false);
    for pod in [other, of_user, moved, bare, marked] {
        let (outcome, asked, _) = ended(World { pods: vec![pod.clone()], ..world(&nodes()) });
        assert!(matches!(outcome, Outcome::Stale(_)), "{pod:?}: {outcome:?}");
        assert_eq!(asked, 0);
    }
    let (outcome, asked, _) = ended(World { pods: Vec::new(), ..world(&nodes()) });
    assert_eq!((outcome, asked), (Outcome::AlreadySo, 0));
}

#[test]
fn a_node_that_somebody_uncordoned_or_that_another_run_deletes_keeps_its_pods() {
    for now in [changed(node("a")), changed(Node { ready: None, ..cordoned("a", OLD) })] {
        let (outcome, asked, ended) = ended(world(&[now, node("b")]));
        assert!(matches!(outcome, Outcome::Stale(_)), "{outcome:?}");
        assert_eq!((asked, ended.log), (0, vec!["conflict a".to_owned(), "read a".to_owned()]));
    }
}

#[test]
fn without_the_lease_or_after_a_signal_nothing_is_evicted() {
    let (outcome, asked, _) = ended(World { lease_lost: true, ..world(&nodes()) });
    assert_eq!((outcome, asked), (Outcome::Stale(Stale::LeaseLost), 0));
    let (outcome, asked, _) = ended(World { stop_at: Some("note a"), ..world(&nodes()) });
    assert_eq!((outcome, asked), (Outcome::NotTried(NotTried::Stopped), 0));
}

#[test]
fn a_budget_s_no_is_an_answer_and_a_pod_that_changes_is_judged_again() {
    let answers =
        |answers: &[EvictionAnswer]| ended(World { evictions: answers.to_vec().into(), ..world(&nodes()) });
    let (outcome, asked, _) = answers(&[EvictionAnswer::NotNow("no".into())]);
    assert_eq!((outcome, asked), (Outcome::Postponed("no".into()), 1));
    let (outcome, asked, _) = answers(&[EvictionAnswer::Failed("500".into())]);
    assert_eq!((outcome, asked), (failed("500"), 1));
    let (outcome, asked, _) = answers(&[EvictionAnswer::Gone]);
    assert_eq!((outcome, asked), (Outcome::AlreadySo, 1));
    let changed = || EvictionAnswer::Changed("409".into());
    let (outcome, asked, _) = answers(&[changed(), EvictionAnswer::Done]);
    assert_eq!((outcome, asked), (Outcome::Applied, 2));
    let (outcome, _, ended) = answers(&[changed(), changed(), changed(), changed(), changed(), changed()]);
    assert!(matches!(outcome, Outcome::Postponed(_)), "{outcome:?}");
    assert_eq!(ended.log.iter().filter(|line| line.starts_with("read pod")).count(), 3);
}
