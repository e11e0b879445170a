//! Pods that the scheduler may still bind to a cordoned node (section 8): the plan and the second look judge alike.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::reason::KeepReason;
use super::state::{Cordon, age};
use super::survey::{NodeFacts, Survey};
use super::taints::tolerates_cordon;
use crate::model::{Constraints, NodeIndex, Pod};

/// How long the scheduler may hold on to a node for a pod before it binds it there: `bindTimeoutSeconds` of the
/// volume-binding plugin, 600 s by default, and a minute for a slow server.
///
/// Until then the pod has no node. A typical case is a new user whose first disk is being created. If this were
/// shorter, a node could be deleted under a pod that was promised to it before the cordon.
pub const LATE_BIND: SignedDuration = SignedDuration::from_secs(660);

/// The time after a cordon during which the scheduler may not know of it.
///
/// Otherwise a run right after another one could delete a node to which the scheduler is just binding a new user's pod.
/// Runs are usually minutes apart, so this postpones nothing. No published bound exists; the scheduler learns of a
/// change within milliseconds, and a busy API server may delay that by half a minute.
pub const SCHEDULER_LAG: SignedDuration = SignedDuration::from_secs(30);

/// The bindings that the scheduler may still make to a cordoned node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late<'a> {
    /// It may not know of the cordon yet.
    CordonedRecently,
    /// It may have promised the node to this pod before the cordon.
    Promised(&'a Pod),
    /// No cordon keeps this pod away.
    Tolerates(&'a Pod),
}

/// The reason why a second look would refuse to delete a node, because of a binding that the scheduler may still make;
/// `None` if it would not.
pub(crate) fn would_refuse(survey: &Survey<'_>, node: NodeIndex) -> Option<KeepReason> {
    Some(match late(survey, node)? {
        Late::CordonedRecently => KeepReason::CordonedRecently,
        Late::Promised(pod) => KeepReason::LateBind { pod: pod.full_name() },
        Late::Tolerates(pod) => KeepReason::ToleratesCordon { pod: pod.full_name() },
    })
}

/// The binding that the scheduler may still make to a cordoned node; `None` if there is none.
pub(crate) fn late<'a>(survey: &Survey<'a>, node: NodeIndex) -> Option<Late<'a>> {
    let facts = survey.nodes.get(node)?;
    let older_than = |moment: Timestamp, least| age(moment, survey.snapshot.observed_at()) >= least;
    if facts.cordoned_at.is_some_and(|at| !older_than(at, SCHEDULER_LAG)) {
        return Some(Late::CordonedRecently);
    }
    let settled = cordoned_at(facts).is_some_and(|at| older_than(at, LATE_BIND));
    let site = survey.site(facts);
    let mut refused: Option<&Arc<Constraints>> = None;
    for &pod in &survey.may_bind_late {
        // Pods that wait together mostly share their constraints.
        if refused.is_some_and(|known| Arc::ptr_eq(known, &pod.constraints)) {
            continue;
        }
        let tolerates = tolerates_cordon(&pod.constraints);
        if (settled && !tolerates) || !site.admits(&pod.constraints) {
            refused = Some(&pod.constraints);
        } else if !settled {
            return Some(Late::Promised(pod));
        } else if !is_too_large(pod, facts) {
            return Some(Late::Tolerates(pod));
        }
    }
    None
}

/// When the cordon began to keep pods away, as far as that is proven. For a cordon of others without a time,
/// `empty-since` counts.
fn cordoned_at(facts: &NodeFacts<'_>) -> Option<Timestamp> {
    match facts.cordon {
        Cordon::None => None,
        Cordon::Ours => facts.cordoned_at,
        Cordon::Others => facts.cordoned_at.or(facts.empty_since),
    }
}

/// Whether the scheduler has refused a pod, and rightly so here: the node would not hold it.
fn is_too_large(pod: &Pod, facts: &NodeFacts<'_>) -> bool {
    let refused = pod.unbound.as_ref().is_some_and(|unbound| unbound.refusal.is_some());
    refused && !pod.requests.fits(&facts.room_without_occupants())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Node, SchedulerRefusal, Taint, Unbound, annotation, taint};
    use crate::plan::Reason;
    use crate::plan::fixture::{Build, ago, cluster, node, pod, taint as of, tolerating};
    use crate::policy::Policy;

    fn cordoned(marked: Option<i64>, tainted: Option<i64>, empty: Option<i64>) -> Node {
        let mut node = Node {
            unschedulable: true,
            taints: vec![Taint { added_at: tainted.map(ago), ..of(taint::UNSCHEDULABLE) }],
            ..node("n1")
        };
        for (key, seconds) in [(annotation::CORDONED_AT, marked), (annotation::EMPTY_SINCE, empty)] {
            if let Some(seconds) = seconds {
                node.annotations.insert(key.into(), ago(seconds).to_string());
            }
        }
        node
    }

    fn refusal(node: Node, pods: Vec<Pod>) -> Option<&'static str> {
        let (snapshot, policy) = (cluster(vec![node], pods), Policy::default());
        would_refuse(&Survey::new(&snapshot, &policy), 0).map(|why| why.word())
    }

    #[test]
    fn nothing_is_deleted_within_thirty_seconds_of_its_cordon() {
        for (marked, tainted, expected) in [
            (Some(29), None, Some("CordonedRecently")),
            (Some(30), None, None),
            (Some(60), Some(29), Some("CordonedRecently")),
            (None, Some(29), Some("CordonedRecently")),
            // A wrong clock wrote the mark: the taint has the time.
            (Some(-300), Some(60), Some("CordonedRecently")),
            (Some(-301), Some(60), None),
            (Some(-31_536_000), None, None),
            (None, None, None),
        ] {
            assert_eq!(refusal(cordoned(marked, tainted, None), vec![]), expected, "{marked:?} {tainted:?}");
        }
    }

    #[test]
    fn while_a_pod_may_bind_late_only_a_cordon_that_is_proven_old_is_enough() {
        for (marked, tainted, empty, expected) in [
            (Some(659), None, None, Some("LateBind")),
            (Some(660), None, None, None),
            (Some(900), Some(659), None, Some("LateBind")),
            (None, Some(660), None, None),
            (None, None, Some(660), None),
            (None, None, Some(659), Some("LateBind")),
            (None, None, None, Some("LateBind")),
            (None, Some(659), Some(900), Some("LateBind")),
        ] {
            let seen = refusal(cordoned(marked, tainted, empty), vec![pod("hub/ada")]);
            assert_eq!(seen, expected, "{marked:?} {tainted:?} {empty:?}");
        }
    }

    #[test]
    fn only_a_pod_that_the_node_admits_and_that_would_keep_it_may_bind_late() {
        let young = || cordoned(Some(60), None, None);
        let elsewhere = Constraints {
            node_selector: [("kubernetes.io/hostname".to_owned(), "n2".to_owned())].into(),
            ..Constraints::default()
        };
        let gated = Unbound { gated: true, ..Unbound::default() };
        for (sentence, pod, expected) in [
            ("any", pod("hub/ada"), Some("LateBind")),
            ("too large, but not yet refused", pod("hub/ada").asking(99, 0), Some("LateBind")),
            ("bare and omitted", pod("kube-system/ada"), Some("LateBind")),
            ("for another node", pod("hub/ada").constrained(elsewhere), None),
            ("gated", Pod { unbound: Some(Box::new(gated)), ..pod("hub/ada") }, None),
            ("being deleted", Pod { deleting: true, ..pod("hub/ada") }, None),
            (
                "omitted and recreated",
                pod("kube-system/web").controlled(crate::plan::fixture::owned_by("apps", "ReplicaSet")),
                None,
            ),
            (
                "a daemon",
                pod("hub/agent").controlled(crate::plan::fixture::owned_by("apps", "DaemonSet")),
                None,
            ),
        ] {
            assert_eq!(refusal(young(), vec![pod]), expected, "{sentence}");
        }
    }

    #[test]
    fn a_pod_that_tolerates_cordons_is_kept_away_by_none_unless_it_is_refused_and_too_large() {
        let old = || cordoned(Some(86_400), None, None);
        let tolerant = || pod("hub/ada").constrained(tolerating(taint::UNSCHEDULABLE));
        let refused = |pod: Pod| {
            let refusal = Some(SchedulerRefusal::default());
            Pod { unbound: Some(Box::new(Unbound { refusal, ..Unbound::default() })), ..pod }
        };
        for (sentence, pod, expected) in [
            ("tolerant", tolerant(), Some("ToleratesCordon")),
            ("tolerant and refused", refused(tolerant()), Some("ToleratesCordon")),
            ("tolerant, refused and too large", refused(tolerant().asking(33, 0)), None),
            ("tolerant and too large, not refused", tolerant().asking(33, 0), Some("ToleratesCordon")),
            ("not tolerant", pod("hub/ada"), None),
        ] {
            assert_eq!(refusal(old(), vec![pod]), expected, "{sentence}");
        }
    }

    #[test]
    fn a_pod_that_the_node_does_not_admit_hides_none_behind_it() {
        let elsewhere = Constraints {
            node_selector: [("pool".to_owned(), "other".to_owned())].into(),
            ..Constraints::default()
        };
        let pods = vec![pod("hub/ada").constrained(elsewhere), pod("hub/bob")];
        assert_eq!(refusal(cordoned(Some(60), None, None), pods), Some("LateBind"));
    }
}
