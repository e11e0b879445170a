//! The state of a node, and when it began (sections 3, 5 and 8).

use jiff::{SignedDuration, Timestamp};

use super::notes::Warning;
use super::taints::{condition, lasting, pressure, startup};
use super::value::NodeState;
use crate::model::{CLOCK_SKEW, Node, Taint, annotation, taint};
use crate::policy::{AdoptCordons, Policy};

/// No claim lasts a day: a longer one was made by a clock that was wrong, and would keep the node for ever.
const LONGEST_CLAIM: SignedDuration = SignedDuration::from_hours(24);

/// Maximum time from our mark to the control plane's taint of the same cordon. The mark and the taint of one cordon are
/// written within seconds; a taint this much younger is of a later cordon.
const SAME_CORDON: SignedDuration = SignedDuration::from_mins(5);

/// The taints that the control plane sets on a node that is not Ready.
const NOT_READY: [&str; 2] = ["node.kubernetes.io/not-ready", taint::UNREACHABLE];

/// The age of a moment; zero for a moment in the future.
pub(crate) fn age(moment: Timestamp, observed_at: Timestamp) -> SignedDuration {
    observed_at.duration_since(moment).max(SignedDuration::ZERO)
}

/// Whether a run has claimed the node in order to delete it, and the claim has not expired.
#[must_use]
pub fn is_claimed(node: &Node, observed_at: Timestamp) -> bool {
    time(node, annotation::DELETING_UNTIL).is_some_and(|until| {
        let left = until.duration_since(observed_at);
        left > SignedDuration::ZERO && left <= LONGEST_CLAIM
    })
}

/// Whether the time of a mark may be true: it is not too far ahead.
pub(super) fn credible(marked: Timestamp, observed_at: Timestamp) -> bool {
    marked.duration_since(observed_at) <= CLOCK_SKEW
}

/// Whether a node that is still Ready was asked to park less than `BOOT_GRACE` ago: its machine may stop any moment.
#[must_use]
pub fn is_parking(node: &Node, policy: &Policy, observed_at: Timestamp) -> bool {
    let parked_at = Marks::of(node).parked_at;
    let lately = |at| credible(at, observed_at) && age(at, observed_at) < policy.boot_grace;
    says_ready(node) && parked_at.is_some_and(lately)
}

/// Whether the Ready condition of a node is true.
pub(crate) fn says_ready(node: &Node) -> bool {
    node.ready.is_some_and(|condition| condition.ready)
}

/// When a node became NotReady, or when it was created. A kubelet writes the time of the condition and may write it anew; the
/// control plane writes the time of its taint. The earlier one counts.
pub(super) fn not_ready_since(node: &Node, observed_at: Timestamp) -> Option<Timestamp> {
    let condition = node.ready.filter(|condition| !condition.ready).and_then(|condition| condition.since);
    let taints = node.taints.iter().filter(|one| NOT_READY.contains(&one.key.as_str()));
    let times = condition.into_iter().chain(taints.filter_map(|one| one.added_at));
    times.filter(|at| credible(*at, observed_at)).min().or(node.created_at)
}

/// The key of the annotation or the label by which somebody decided that the node stays: scale-down-disabled, or the same in
/// the words of another autoscaler.
pub(crate) fn pinned_by(node: &Node) -> Option<&'static str> {
    let value = |key: &str| node.annotations.get(key).map(String::as_str);
    if value(annotation::SCALE_DOWN_DISABLED) == Some("true") {
        return Some(annotation::SCALE_DOWN_DISABLED);
    }
    // Karpenter accepts a duration, too.
    let is_duration = |value: &str| value.starts_with(|first: char| first.is_ascii_digit());
    if value(annotation::DO_NOT_DISRUPT).is_some_and(|value| value == "true" || is_duration(value)) {
        return Some(annotation::DO_NOT_DISRUPT);
    }
    // Escalator accepts any reason as the value, but none.
    if value(annotation::NO_DELETE).is_some_and(|reason| !reason.is_empty()) {
        return Some(annotation::NO_DELETE);
    }
    if value(annotation::DO_NOT_CONSOLIDATE) == Some("true") {
        return Some(annotation::DO_NOT_CONSOLIDATE);
    }
    // CAST AI reads a label and an annotation of this name.
    let words = [node.labels.get(annotation::REMOVAL_DISABLED), value(annotation::REMOVAL_DISABLED)];
    words.contains(&Some("true")).then_some(annotation::REMOVAL_DISABLED)
}

/// Whether a cordon of others is old enough for its empty node to be deleted; an unknown age is young.
pub(crate) fn is_adopted(cordoned_at: Option<Timestamp>, policy: &Policy, observed_at: Timestamp) -> bool {
    match policy.adopt_cordons {
        AdoptCordons::Always => true,
        AdoptCordons::Never => false,
        AdoptCordons::After(least) => cordoned_at.is_some_and(|at| age(at, observed_at) >= least),
    }
}

/// The lasting taint that somebody put on a node under our own cordon last, and not long ago. A cordoned node cannot be
/// cordoned, so a person who works on it may taint it instead.
pub(crate) fn tainted_lately<'n>(
    node: &'n Node,
    policy: &'n Policy,
    observed_at: Timestamp,
) -> Option<&'n Taint> {
    let marks = Marks::of(node).credible(observed_at);
    let cordoned_at = marks.cordoned_at.filter(|_| marks.cordon == Cordon::Ours)?;
    let later = lasting(&node.taints, policy).filter(|taint| taint.added_at > Some(cordoned_at));
    let last = later.max_by_key(|taint| taint.added_at)?;
    (!is_adopted(last.added_at, policy, observed_at)).then_some(last)
}

/// The owner of a node's cordon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cordon {
    None,
    Ours,
    Others,
}

/// The maker and the time of a node's cordon, by its annotations and taints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The owner of its cordon.
    pub(crate) cordon: Cordon,
    /// When the cordon was made: by the younger of mark and taint, for a cordon of others by the taint.
    pub(crate) cordoned_at: Option<Timestamp>,
    /// The time of the taint that the control plane adds to a cordoned node.
    tainted_at: Option<Timestamp>,
    /// The time at which a run first saw the node empty.
    pub(crate) empty_since: Option<Timestamp>,
    /// When it was parked under our own cordon, or was asked to park.
    pub(crate) parked_at: Option<Timestamp>,
    /// The time at which it was woken under our own cordon.
    pub(crate) woken_at: Option<Timestamp>,
}

impl Marks {
    /// Reads the marks of a node. One that is no time counts as absent.
    pub(crate) fn of(node: &Node) -> Self {
        let marked = time(node, annotation::CORDONED_AT);
        let cordon_taint = node.taints.iter().find(|taint| taint.key == taint::UNSCHEDULABLE);
        let tainted = cordon_taint.and_then(|taint| taint.added_at);
        let later =
            |marked: Timestamp| tainted.is_some_and(|tainted| tainted.duration_since(marked) > SAME_CORDON);
        let (cordon, cordoned_at) = match marked {
            _ if !node.unschedulable => (Cordon::None, None),
            Some(mark) if !later(mark) => (Cordon::Ours, marked.max(tainted)),
            Some(_) | None => (Cordon::Others, tainted),
        };
        let empty_since = time(node, annotation::EMPTY_SINCE);
        let under_ours = |key| time(node, key).filter(|_| cordon == Cordon::Ours);
        let woken_at = under_ours(annotation::WOKEN_AT);
        let parked_at = under_ours(annotation::PARKED_AT).filter(|_| woken_at.is_none());
        let tainted_at = tainted.filter(|_| cordon != Cordon::None);
        Self { cordon, cordoned_at, tainted_at, empty_since, parked_at, woken_at }
    }

    /// The same marks, without the times that a wrong clock wrote: they count as absent. The owner of the cordon is the same,
    /// its time is that of the taint, and a parked node is parked, whenever that was.
    pub(crate) fn credible(self, observed_at: Timestamp) -> Self {
        let known = |marked: &Timestamp| credible(*marked, observed_at);
        Self {
            cordoned_at: self.cordoned_at.filter(known).or(self.tainted_at),
            empty_since: self.empty_since.filter(known),
            woken_at: self.woken_at.filter(known),
            ..self
        }
    }
}

/// A warning for each mark of ours that is no time.
pub(super) fn bad_marks(node: &Node) -> impl Iterator<Item = Warning> {
    let keys = [
        annotation::CORDONED_AT,
        annotation::EMPTY_SINCE,
        annotation::DELETING_UNTIL,
        annotation::PARKED_AT,
        annotation::WOKEN_AT,
    ];
    keys.into_iter().filter_map(|key| {
        let value = node.annotations.get(key)?;
        value.parse::<Timestamp>().is_err().then(|| Warning::BadMark {
            node: node.name.clone(),
            annotation: key.to_owned(),
            value: value.clone(),
        })
    })
}

fn time(node: &Node, key: &str) -> Option<Timestamp> {
    node.annotations.get(key)?.parse().ok()
}

/// The state of a node, and why a Ready one does not serve. `lacks` is the device that its status lacks.
pub(super) fn state(
    node: &Node,
    lacks: Option<String>,
    policy: &Policy,
    observed_at: Timestamp,
) -> (NodeState, Option<String>) {
    let young = |since: Option<Timestamp>| since.is_some_and(|at| age(at, observed_at) < policy.boot_grace);
    let claimed = is_claimed(node, observed_at) || is_parking(node, policy, observed_at);
    let Marks { parked_at, woken_at, .. } = Marks::of(node).credible(observed_at);
    if !says_ready(node) {
        if parked_at.is_some() {
            return (NodeState::Parked, None);
        }
        return match young(not_ready_since(node, observed_at)) || young(woken_at) {
            false => (NodeState::Broken, None),
            true if claimed => (NodeState::Claimed, None),
            // A machine that was woken may still show what its kubelet said before.
            true if node.shutting_down && !young(woken_at) => {
                (NodeState::NotInUse, Some("its kubelet is shutting it down".to_owned()))
            }
            true => (NodeState::Booting, None),
        };
    }
    if claimed {
        return (NodeState::Claimed, None);
    }
    let not_gone = startup(node, policy).map(|taint| format!("the taint {} has not gone", taint.key));
    if let Some(what) = not_gone.or(lacks) {
        // The taints of conditions go some seconds after the node is Ready again, however old it is.
        let ready_since = condition(node).and(node.ready).and_then(|ready| ready.since);
        let ready_since = ready_since.filter(|at| credible(*at, observed_at));
        let state = if young(node.created_at.max(woken_at)) || young(ready_since) {
            NodeState::Booting
        } else {
            NodeState::NotInUse
        };
        return (state, Some(what));
    }
    if let Some(taint) = pressure(node) {
        return (NodeState::UnderPressure, Some(taint.key.clone()));
    }
    (if node.unschedulable { NodeState::Cordoned } else { NodeState::Serving }, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReadyCondition;
    use crate::plan::fixture::{ago, node, now, taint as of};

    fn annotate(mut node: Node, key: &str, value: String) -> Node {
        node.annotations.insert(key.to_owned(), value);
        node
    }

    fn cordoned(marked: Option<i64>, tainted: Option<i64>) -> Node {
        let taint = Taint { added_at: tainted.map(ago), ..of(taint::UNSCHEDULABLE) };
        let node = Node { unschedulable: true, taints: vec![taint], ..node("n1") };
        match marked {
            Some(seconds) => annotate(node, annotation::CORDONED_AT, ago(seconds).to_string()),
            None => node,
        }
    }

    #[test]
    fn a_node_is_pinned_in_the_words_of_any_autoscaler() {
        for (key, value, pinned) in [
            (annotation::SCALE_DOWN_DISABLED, "true", true),
            (annotation::SCALE_DOWN_DISABLED, "false", false),
            (annotation::DO_NOT_DISRUPT, "true", true),
            (annotation::DO_NOT_DISRUPT, "4h", true),
            (annotation::DO_NOT_DISRUPT, "false", false),
            (annotation::DO_NOT_DISRUPT, "", false),
            (annotation::NO_DELETE, "an experiment", true),
            (annotation::NO_DELETE, "", false),
            (annotation::DO_NOT_CONSOLIDATE, "true", true),
            (annotation::DO_NOT_CONSOLIDATE, "false", false),
            (annotation::REMOVAL_DISABLED, "true", true),
            (annotation::REMOVAL_DISABLED, "false", false),
        ] {
            let node = annotate(node("n1"), key, value.to_owned());
            assert_eq!(pinned_by(&node), pinned.then_some(key), "{key}={value}");
        }
        let labelled = crate::plan::fixture::labelled("autoscaling.cast.ai/removal-disabled", "true");
        assert_eq!(pinned_by(&labelled), Some("autoscaling.cast.ai/removal-disabled"));
    }

    #[test]
    fn a_cordon_is_ours_by_our_mark_unless_the_taint_is_much_younger() {
        for (marked, tainted, cordon, cordoned_at) in [
            (None, Some(50), Cordon::Others, Some(50)),
            (None, None, Cordon::Others, None),
            (Some(900), None, Cordon::Ours, Some(900)),
            (Some(900), Some(901), Cordon::Ours, Some(900)),
            (Some(900), Some(600), Cordon::Ours, Some(600)),
            (Some(900), Some(599), Cordon::Others, Some(599)),
        ] {
            let marks = Marks::of(&cordoned(marked, tainted));
            assert_eq!(
                (marks.cordon, marks.cordoned_at),
                (cordon, cordoned_at.map(ago)),
                "{marked:?} {tainted:?}"
            );
        }
    }

    #[test]
    fn a_schedulable_node_is_not_cordoned_whatever_marks_it_carries() {
        let marks = Marks::of(&Node { unschedulable: false, ..cordoned(Some(900), Some(900)) });
        assert_eq!((marks.cordon, marks.cordoned_at), (Cordon::None, None));
    }

    #[test]
    fn a_mark_that_is_no_time_counts_as_absent_and_is_warned_of() {
        let node = annotate(cordoned(None, None), annotation::CORDONED_AT, "yesterday".into());
        assert_eq!(Marks::of(&node).cordon, Cordon::Others);
        assert_eq!(bad_marks(&node).count(), 1);
        assert_eq!(bad_marks(&cordoned(Some(1), None)).count(), 0);
    }

    /// A cordoned node with a mark of ours, `ahead` seconds ahead of the run's clock.
    fn marked_ahead(key: &str, ahead: i64) -> Node {
        annotate(cordoned(Some(900), None), key, ago(-ahead).to_string())
    }

    #[test]
    fn a_mark_more_than_five_minutes_ahead_has_no_time() {
        let booting = |ahead| state_of(&not_ready(marked_ahead(annotation::WOKEN_AT, ahead), 90_000));
        assert_eq!((booting(300), booting(301)), (NodeState::Booting, NodeState::Broken));

        let parking = |ahead| state_of(&marked_ahead(annotation::PARKED_AT, ahead));
        assert_eq!((parking(300), parking(301)), (NodeState::Claimed, NodeState::Cordoned));
        let stopped = not_ready(marked_ahead(annotation::PARKED_AT, 301), 90_000);
        assert_eq!(state_of(&stopped), NodeState::Parked, "it is parked, whenever that was");

        let empty =
            |ahead| Marks::of(&marked_ahead(annotation::EMPTY_SINCE, ahead)).credible(now()).empty_since;
        assert_eq!((empty(300), empty(301)), (Some(ago(-300)), None));
    }

    #[test]
    fn a_cordon_whose_mark_is_too_far_ahead_is_ours_since_its_taint() {
        for (marked, tainted, expected) in [
            (-300, None, Some(-300)),
            (-301, None, None),
            (-31_536_000, Some(900), Some(900)),
            (-300, Some(900), Some(-300)),
        ] {
            let marks = Marks::of(&cordoned(Some(marked), tainted)).credible(now());
            let expected = (Cordon::Ours, expected.map(ago));
            assert_eq!((marks.cordon, marks.cordoned_at), expected, "{marked} {tainted:?}");
        }
    }

    #[test]
    fn a_claim_runs_until_its_time_and_for_at_most_a_day() {
        for (seconds, claimed) in [(-1, true), (0, false), (60, false), (-86_400, true), (-86_401, false)] {
            let node = annotate(node("n1"), annotation::DELETING_UNTIL, ago(seconds).to_string());
            assert_eq!(is_claimed(&node, now()), claimed, "{seconds}");
        }
    }

    fn state_of(node: &Node) -> NodeState {
        state(node, None, &Policy::default(), now()).0
    }

    fn not_ready(node: Node, seconds: i64) -> Node {
        Node { ready: Some(ReadyCondition { ready: false, since: Some(ago(seconds)) }), ..node }
    }

    fn ready(node: Node, seconds: i64) -> Node {
        Node { ready: Some(ReadyCondition { ready: true, since: Some(ago(seconds)) }), ..node }
    }

    fn under(key: &str, node: Node) -> Node {
        Node { taints: vec![of(key)], ..node }
    }

    /// An old node that is Ready again, under a taint of its conditions.
    fn again(taint: &str, seconds: i64) -> Node {
        under(&format!("node.kubernetes.io/{taint}"), ready(created(90_000), seconds))
    }

    /// A node with the control plane's taint, which is this old.
    fn unreachable(seconds: i64) -> Node {
        Node { taints: vec![Taint { added_at: Some(ago(seconds)), ..of(taint::UNREACHABLE) }], ..node("n1") }
    }

    fn created(seconds: i64) -> Node {
        Node { created_at: Some(ago(seconds)), ..node("n1") }
    }

    fn down(node: Node) -> Node {
        Node { shutting_down: true, ..node }
    }

    /// A node under our cordon that was woken this many seconds ago.
    fn woken(seconds: i64) -> Node {
        marked_ahead(annotation::WOKEN_AT, -seconds)
    }

    #[test]
    fn each_state_follows_from_what_the_node_shows() {
        let claimed = |node| annotate(node, annotation::DELETING_UNTIL, ago(-60).to_string());
        let csi = "ebs.csi.aws.com/agent-not-ready";
        for (sentence, node, expected) in [
            ("Ready", node("n1"), NodeState::Serving),
            ("Ready and cordoned", cordoned(None, None), NodeState::Cordoned),
            ("NotReady for a moment", not_ready(node("n1"), 899), NodeState::Booting),
            ("NotReady for long", not_ready(node("n1"), 900), NodeState::Broken),
            ("without a condition, new", Node { ready: None, ..created(60) }, NodeState::Booting),
            ("without a condition, old", Node { ready: None, ..created(900) }, NodeState::Broken),
            (
                "without a condition or an age",
                Node { ready: None, created_at: None, ..node("n1") },
                NodeState::Broken,
            ),
            ("NotReady from a moment to come on", not_ready(node("n1"), -60), NodeState::Booting),
            ("NotReady from a day to come on", not_ready(node("n1"), -86_400), NodeState::Broken),
            ("new, and NotReady from a day to come on", not_ready(created(60), -86_400), NodeState::Booting),
            ("NotReady anew, and unreachable for long", not_ready(unreachable(900), 60), NodeState::Broken),
            ("NotReady and unreachable for a moment", not_ready(unreachable(899), 60), NodeState::Booting),
            ("NotReady for long, and unreachable anew", not_ready(unreachable(60), 900), NodeState::Broken),
            ("Ready again from a day to come on", again("not-ready", -86_400), NodeState::NotInUse),
            ("new under a startup taint", under(csi, created(899)), NodeState::Booting),
            ("old under a startup taint", under(csi, created(900)), NodeState::NotInUse),
            ("Ready again for a moment", again("not-ready", 899), NodeState::Booting),
            ("Ready again for long, and still tainted", again("not-ready", 900), NodeState::NotInUse),
            ("reached again for a moment", again("unreachable", 5), NodeState::Booting),
            ("with a network for a moment", again("network-unavailable", 5), NodeState::Booting),
            (
                "Ready for a moment under a startup taint",
                under(csi, ready(created(900), 5)),
                NodeState::NotInUse,
            ),
            ("shut down for a moment", down(not_ready(node("n1"), 899)), NodeState::NotInUse),
            ("shut down for long", down(not_ready(node("n1"), 900)), NodeState::Broken),
            ("claimed and shut down", claimed(down(not_ready(node("n1"), 60))), NodeState::Claimed),
            ("woken, and shut down before", down(not_ready(woken(60), 30)), NodeState::Booting),
            (
                "under a pressure taint",
                under("node.kubernetes.io/disk-pressure", node("n1")),
                NodeState::UnderPressure,
            ),
            (
                "under the taint of no cordon",
                under(taint::UNSCHEDULABLE, node("n1")),
                NodeState::UnderPressure,
            ),
            ("claimed", claimed(cordoned(Some(60), None)), NodeState::Claimed),
            ("claimed, uncordoned by somebody", claimed(node("n1")), NodeState::Claimed),
            ("claimed and NotReady for a moment", claimed(not_ready(node("n1"), 60)), NodeState::Claimed),
            ("claimed and NotReady for long", claimed(not_ready(node("n1"), 900)), NodeState::Broken),
            (
                "under the taint of a claim that has expired",
                under(taint::DELETING, node("n1")),
                NodeState::Serving,
            ),
        ] {
            assert_eq!(state_of(&node), expected, "{sentence}");
        }
    }

    #[test]
    fn a_cordon_of_others_is_adopted_once_it_is_old_enough() {
        let hour = AdoptCordons::After(SignedDuration::from_hours(1));
        for (adopt_cordons, seconds, expected) in [
            (hour, Some(3600), true),
            (hour, Some(3599), false),
            (hour, Some(-60), false),
            (hour, None, false),
            (AdoptCordons::Always, None, true),
            (AdoptCordons::Never, Some(86_400), false),
        ] {
            let policy = Policy { adopt_cordons, ..Policy::default() };
            assert_eq!(is_adopted(seconds.map(ago), &policy, now()), expected, "{adopt_cordons} {seconds:?}");
        }
    }

    #[test]
    fn a_node_without_a_resource_of_its_group_does_not_serve() {
        let lacking =
            |node: &Node| state(node, Some("nvidia.com/gpu has not come".into()), &Policy::default(), now());
        let what = Some("nvidia.com/gpu has not come".to_owned());
        assert_eq!(lacking(&created(60)), (NodeState::Booting, what.clone()));
        assert_eq!(lacking(&created(3600)), (NodeState::NotInUse, what));
    }
}
