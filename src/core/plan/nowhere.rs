//! The words for a pod that no node would take, even without its occupants. Section 6.

use super::fit::{Shape, free_of_occupants};
use super::growth::Growth;
use super::reach::{Site, TurnedAway};
use super::survey::Survey;
use super::taints::written;
use crate::model::Amounts;

/// Maximum number of labels or taints that the words name.
const MOST: usize = 3;

/// Why no place would take the pod: what the place that comes nearest lacks.
pub(super) fn why(survey: &Survey<'_>, growth: &Growth<'_>, shape: Shape<'_>) -> String {
    let requests = &shape.pod.requests;
    let mut reasons = Vec::new();
    let mut nearest = None;
    for (_, facts) in survey.managed() {
        match Site::of(facts.node, survey.policy).turns_away(shape.pod, shape.volumes) {
            Some(why) => reasons.push(why),
            None => nearest = nearer(requests, nearest, free_of_occupants(facts)),
        }
    }
    for template in growth.groups.iter().filter_map(|group| group.template.as_ref()) {
        for site in template.sites() {
            match site.turns_away(shape.pod, shape.volumes) {
                Some(why) => reasons.push(why),
                None => nearest = nearer(requests, nearest, template.free.clone()),
            }
        }
    }
    nearest.and_then(|free| requests.lacks(&free)).unwrap_or_else(|| turned_away(&reasons))
}

/// The place with more room; one with the devices that the pod asks for comes first.
fn nearer(requests: &Amounts, best: Option<Amounts>, other: Amounts) -> Option<Amounts> {
    let room = |free: &Amounts| {
        let has_devices = requests.further().all(|(name, amount)| amount <= free.further_of(name));
        (has_devices, free.memory, free.cpu)
    };
    best.filter(|best| room(best) >= room(&other)).or(Some(other))
}

/// The reason of the places that the pod comes nearest to.
fn turned_away(reasons: &[TurnedAway<'_>]) -> String {
    let distinct = |words: fn(&TurnedAway<'_>) -> Option<String>| {
        let mut found: Vec<String> = Vec::new();
        for words in reasons.iter().filter_map(words) {
            if found.len() < MOST && !found.contains(&words) {
                found.push(words);
            }
        }
        found.sort_unstable();
        (!found.is_empty()).then(|| found.join(" or "))
    };
    let taints = distinct(|why| {
        let TurnedAway::Taint(taint) = why else { return None };
        Some(written(&taint.key, &taint.value, taint.effect))
    });
    let labels = distinct(|why| {
        let TurnedAway::Label { key, value } = why else { return None };
        Some(format!("{key}={value}"))
    });
    if reasons.contains(&TurnedAway::Windows) {
        "it does not ask for Windows".to_owned()
    } else if let Some(taints) = taints {
        format!("it does not tolerate {taints}")
    } else if reasons.contains(&TurnedAway::Volume) {
        "no node is where its volume is".to_owned()
    } else if reasons.contains(&TurnedAway::Affinity) {
        "no node meets its required node affinity".to_owned()
    } else if let Some(labels) = labels {
        format!("no node has the label {labels}")
    } else {
        "no node is managed, and nothing tells what a new one would be like".to_owned()
    }
}
