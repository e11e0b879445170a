//! The words for a pod that no node would take, even without its occupants. Section 6.

use super::fit::{Shape, free_of_occupants};
use super::growth::Growth;
use super::reach::TurnedAway;
use super::survey::Survey;
use super::taints::written;
use crate::model::{Amounts, Taint, of_no_claim};

/// Maximum number of labels or taints that the words name.
const MOST: usize = 3;

/// Maximum number of kinds of pods that a run finds the words for.
pub(super) const MOST_EXPLAINED: usize = 100;

/// The words for the pods of all further kinds.
pub(super) const UNEXPLAINED: &str = "this run gives the reason for the first 100 kinds of such pods alone";

/// Why no place would take the pod: what the place that comes nearest lacks.
pub(super) fn why(survey: &Survey<'_>, growth: &Growth<'_>, shape: Shape<'_>) -> String {
    if let Some(claim) = closed_claim(shape) {
        return format!("its claim {claim} does not exist, is being deleted or is in use");
    }
    let requests = &shape.pod.requests;
    let mut obstacles = Obstacles::default();
    let mut nearest = None;
    for (_, facts) in survey.managed() {
        if let Some(why) = survey.site(facts).turns_away(shape.pod, shape.places) {
            obstacles.note(why);
            continue;
        }
        let free = free_of_occupants(facts);
        // It would be a place for the pod if it were in use.
        if shape.fits(&free) {
            return "the nodes that would take it are out of use or cordoned by others".to_owned();
        }
        nearest = nearer(requests, nearest, free);
    }
    for template in growth.groups.iter().filter_map(|group| group.template.as_ref()) {
        for site in template.sites() {
            match site.turns_away(shape.pod, shape.places) {
                Some(why) => obstacles.note(why),
                None if shape.fits(&template.free) => {
                    return "only a new node would take it, and its node group is not grown".to_owned();
                }
                None => nearest = nearer(requests, nearest, template.free.clone()),
            }
        }
    }
    nearest.and_then(|free| requests.lacks(&free)).unwrap_or_else(|| obstacles.words())
}

/// The first claim that the pod cannot use, on any node.
fn closed_claim(shape: Shape<'_>) -> Option<&str> {
    let of = |claim: &str| shape.volumes.get(&(shape.pod.namespace.to_string(), claim.to_owned()));
    shape.pod.claims.iter().map(|claim| &**claim).find(|claim| of(claim) == Some(&of_no_claim()))
}

/// The place with more room; one with the devices that the pod asks for comes first.
fn nearer(requests: &Amounts, best: Option<Amounts>, other: Amounts) -> Option<Amounts> {
    let room = |free: &Amounts| {
        let has_devices = requests.further().all(|(name, amount)| amount <= free.further_of(name));
        (has_devices, free.memory, free.cpu)
    };
    best.filter(|best| room(best) >= room(&other)).or(Some(other))
}

/// The different reasons why places turn a pod away: of the labels and of the taints the first few.
#[derive(Debug, Default)]
struct Obstacles<'p> {
    windows: bool,
    volume: bool,
    affinity: bool,
    taints: Vec<&'p Taint>,
    /// One more than the words name, if there are more.
    labels: Vec<(&'p str, &'p str)>,
}

impl<'p> Obstacles<'p> {
    fn note(&mut self, why: TurnedAway<'p>) {
        match why {
            TurnedAway::Windows => self.windows = true,
            TurnedAway::Volume => self.volume = true,
            TurnedAway::Affinity => self.affinity = true,
            TurnedAway::Taint(taint) => {
                let same = |one: &&Taint| {
                    (&one.key, &one.value, one.effect) == (&taint.key, &taint.value, taint.effect)
                };
                if self.taints.len() < MOST && !self.taints.iter().any(same) {
                    self.taints.push(taint);
                }
            }
            TurnedAway::Label { key, value } => {
                if self.labels.len() <= MOST && !self.labels.contains(&(key, value)) {
                    self.labels.push((key, value));
                }
            }
        }
    }

    /// The reason of the places that the pod comes nearest to.
    fn words(&self) -> String {
        let sorted = |mut words: Vec<String>, between: &str| {
            words.sort_unstable();
            words.join(between)
        };
        let labels = || self.labels.iter().take(MOST).map(|(key, value)| format!("{key}={value}")).collect();
        if self.windows {
            "it does not ask for Windows".to_owned()
        } else if !self.taints.is_empty() {
            let taints = self.taints.iter().map(|taint| written(&taint.key, &taint.value, taint.effect));
            format!("it does not tolerate {}", sorted(taints.collect(), " or "))
        } else if self.volume {
            "no node that it selects is where its volume is".to_owned()
        } else if self.affinity {
            "no node meets its required node affinity".to_owned()
        } else if self.labels.len() > MOST {
            format!("each node lacks one of its labels, such as {}", sorted(labels(), ", "))
        } else if let [(key, value)] = *self.labels {
            format!("no node has the label {key}={value}")
        } else if !self.labels.is_empty() {
            format!("each node lacks one of these labels: {}", sorted(labels(), ", "))
        } else {
            "no node is managed, and nothing tells what a new one would be like".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Constraints, Node, Pod, ReadyCondition, TaintEffect};
    use crate::plan::fixture::{Build, ago, cluster, node, pod, taint};
    use crate::plan::{Warning, plan};
    use crate::policy::Policy;

    fn with(key: &str, value: &str, mut node: Node) -> Node {
        node.labels = [(key.to_owned(), value.to_owned())].into();
        node
    }

    fn selecting(labels: &[(&str, &str)]) -> Pod {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let constraints = Constraints { node_selector: labels.collect(), ..Constraints::default() };
        pod("hub/ada").constrained(constraints)
    }

    fn why_of(pod: &Pod, nodes: Vec<Node>) -> String {
        let snapshot = cluster(nodes, vec![]);
        let policy = Policy::default();
        let survey = Survey::new(&snapshot, &policy);
        why(&survey, &Growth::new(&survey), Shape { pod, volumes: snapshot.volumes(), places: &[] })
    }

    fn words_of(reasons: &[TurnedAway<'_>]) -> String {
        let mut obstacles = Obstacles::default();
        for reason in reasons {
            obstacles.note(*reason);
        }
        obstacles.words()
    }

    #[test]
    fn a_node_that_would_take_the_pod_and_is_out_of_use_is_the_reason() {
        let big = || with("disk", "big", node("b"));
        let broken = Node { ready: Some(ReadyCondition { ready: false, since: Some(ago(86_000)) }), ..big() };
        let under_pressure = Node { taints: vec![taint("node.kubernetes.io/disk-pressure")], ..big() };
        let expected = "the nodes that would take it are out of use or cordoned by others";
        for out in [broken, under_pressure] {
            assert_eq!(why_of(&selecting(&[("disk", "big")]), vec![node("a"), out]), expected);
        }
        let no_big = vec![node("a"), node("b")];
        assert_eq!(why_of(&selecting(&[("disk", "big")]), no_big), "no node has the label disk=big");
        let too_large = selecting(&[("disk", "big")]).asking(33, 100);
        let lacks = why_of(&too_large, vec![node("a"), big()]);
        assert_eq!(lacks, "33Gi of memory is asked for, 32Gi is free");
    }

    #[test]
    fn a_claim_that_the_pod_cannot_use_is_the_reason() {
        let waits = Pod { claims: Box::new(["home".into(), "data".into()]), ..selecting(&[("disk", "big")]) };
        let key = |name: &str| ("hub".to_owned(), name.to_owned());
        let volumes = [(key("home"), None), (key("data"), of_no_claim())].into();
        let snapshot = cluster(vec![node("a")], vec![]).with_volumes(volumes);
        let policy = Policy::default();
        let survey = Survey::new(&snapshot, &policy);
        let shape = Shape { pod: &waits, volumes: snapshot.volumes(), places: &[] };
        let words = "its claim data does not exist, is being deleted or is in use";
        assert_eq!(why(&survey, &Growth::new(&survey), shape), words);
    }

    #[test]
    fn a_label_that_some_nodes_have_is_not_one_that_no_node_has() {
        let nodes = vec![with("a", "1", node("n1")), with("b", "2", node("n2"))];
        let expected = "each node lacks one of these labels: a=1, b=2";
        assert_eq!(why_of(&selecting(&[("a", "1"), ("b", "2")]), nodes), expected);
    }

    #[test]
    fn a_volume_without_a_node_is_named_before_labels() {
        let reasons = [TurnedAway::Label { key: "a", value: "1" }, TurnedAway::Volume];
        assert_eq!(words_of(&reasons), "no node that it selects is where its volume is");
    }

    /// Anybody may make pods of any size: a thousand sizes on thousands of nodes must not take a run's time.
    #[test]
    fn the_words_are_found_for_a_hundred_kinds_of_pods_and_every_pod_gets_some() {
        // A reader shares the constraints of pods that have the same ones.
        let any = pod("hub/any");
        let unbound = |number: u64| {
            let unbound = Pod { name: format!("u{number:03}").as_str().into(), ..any.clone() };
            unbound.asking(100 + number / 2, 100)
        };
        let snapshot = cluster(vec![node("n1")], (0..206).map(unbound).collect());
        let plan = plan(&snapshot, &Policy::default()).unwrap();
        let words = plan.warnings.iter().filter_map(|warning| {
            let Warning::FitsNowhere { why, .. } = warning else { return None };
            Some(why.as_str())
        });
        let (explained, short): (Vec<&str>, Vec<&str>) = words.partition(|why| *why != UNEXPLAINED);
        assert_eq!((explained.len(), short.len()), (200, 6), "two pods of each of 103 kinds");
        assert_eq!(explained.first(), Some(&"100Gi of memory is asked for, 32Gi is free"));
        assert!(UNEXPLAINED.contains(&MOST_EXPLAINED.to_string()));
    }

    #[test]
    fn of_many_obstacles_three_are_named_and_a_closer_kind_comes_first() {
        let label = |key| TurnedAway::Label { key, value: "1" };
        let labels = [label("d"), label("c"), label("b"), label("d"), label("a")];
        assert_eq!(words_of(&labels), "each node lacks one of its labels, such as b=1, c=1, d=1");
        assert_eq!(words_of(&[label("a"), TurnedAway::Affinity]), "no node meets its required node affinity");
        let twice = [taint("b"), Taint { added_at: Some(ago(5)), ..taint("b") }, taint("a")];
        let hard = Taint { effect: TaintEffect::NoExecute, ..taint("b") };
        let taints: Vec<_> = twice.iter().chain([&hard]).map(TurnedAway::Taint).collect();
        let expected = "it does not tolerate a:NoSchedule or b:NoExecute or b:NoSchedule";
        assert_eq!(words_of(&taints), expected);
    }
}
