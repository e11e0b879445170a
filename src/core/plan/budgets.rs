//! The budgets that protect a pod, found without a comparison with every budget (section 16).
//!
//! Users make budgets and pods: thousands of each in one namespace must not take a run's time.

use std::collections::BTreeMap;

use super::evictable::facts;
use crate::model::{DisruptionBudget, Operator, Pod, Requirement};

/// Maximum number of texts in selectors that a run compares with the labels of one pod.
const MOST_COMPARED: usize = 1000;

/// The budgets, by what a pod must have so that one protects it.
#[derive(Debug)]
pub(super) struct Budgets<'a> {
    all: &'a [DisruptionBudget],
    /// By namespace, and by the key and a value of a label that the budget requires.
    by_label: BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    /// By namespace: the budgets that require no value.
    others: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Budgets<'a> {
    pub(super) fn new(all: &'a [DisruptionBudget]) -> Self {
        let mut budgets = Self { all, by_label: BTreeMap::new(), others: BTreeMap::new() };
        for (index, budget) in all.iter().enumerate() {
            let Some(selector) = &budget.selector else { continue };
            let namespace = budget.namespace.as_str();
            let required = selector.0.iter().filter_map(values).min_by_key(|(_, values)| values.len());
            let Some((key, values)) = required else {
                budgets.others.entry(namespace).or_default().push(index);
                continue;
            };
            for value in values {
                let same = budgets.by_label.entry((namespace, key, value)).or_default();
                if same.last() != Some(&index) {
                    same.push(index);
                }
            }
        }
        budgets
    }

    pub(super) fn get(&self, index: usize) -> Option<&'a DisruptionBudget> {
        self.all.get(index)
    }

    /// The indices of the budgets that protect a pod, in order; `None` if too many may protect it.
    pub(super) fn of(&self, pod: &Pod) -> Option<Vec<usize>> {
        let Some(facts) = facts(pod) else { return Some(Vec::new()) };
        let labelled = facts.labels.iter().filter_map(|(key, value)| {
            let key = (&*pod.namespace, key, value);
            self.by_label.get(&key)
        });
        let candidates = labelled.chain(self.others.get(&*pod.namespace)).flatten();
        let mut compared = 0;
        let mut found = Vec::new();
        for (index, budget) in candidates.filter_map(|index| Some((*index, self.all.get(*index)?))) {
            compared += texts(budget);
            if compared > MOST_COMPARED {
                return None;
            }
            if budget.protects(&pod.namespace, &facts.labels) {
                found.push(index);
            }
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

/// The key and the values of a requirement that a label has one of them.
fn values(requirement: &Requirement) -> Option<(&str, &[String])> {
    match &requirement.operator {
        Operator::In(values) => Some((&requirement.key, values)),
        Operator::NotIn(_)
        | Operator::Exists
        | Operator::DoesNotExist
        | Operator::Gt(_)
        | Operator::Lt(_)
        | Operator::Unknown => None,
    }
}

/// The number of texts in the selector of a budget, one at least.
fn texts(budget: &DisruptionBudget) -> usize {
    let of = |requirement: &Requirement| match &requirement.operator {
        Operator::In(values) | Operator::NotIn(values) => values.len().saturating_add(1),
        Operator::Exists | Operator::DoesNotExist | Operator::Gt(_) | Operator::Lt(_) | Operator::Unknown => {
            1
        }
    };
    budget.selector.iter().flat_map(|selector| &selector.0).map(of).fold(1, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EvictionFacts, LabelSelector, Labels};
    use crate::plan::fixture::pod;

    fn requires(key: &str, operator: Operator) -> Requirement {
        Requirement { key: key.to_owned(), operator }
    }

    fn one_of(key: &str, values: &[&str]) -> Requirement {
        requires(key, Operator::In(values.iter().map(|value| (*value).to_owned()).collect()))
    }

    fn budget(namespace: &str, name: &str, selector: Vec<Requirement>) -> DisruptionBudget {
        let selector = Some(LabelSelector(selector));
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        DisruptionBudget { namespace, name, selector, allowed: 1, unready_at_any_time: false }
    }

    fn with(full_name: &str, labels: &[(&str, &str)]) -> Pod {
        let mut facts = EvictionFacts { uid: "uid".into(), ..EvictionFacts::default() };
        for (key, value) in labels {
            facts.labels.insert(*key, *value);
        }
        Pod { eviction: Some(Box::new(facts)), ..pod(full_name) }
    }

    #[test]
    fn the_same_budgets_are_found_as_by_a_comparison_with_each() {
        let all = [
            budget("hub", "a", vec![one_of("app", &["web", "db", "web"])]),
            budget("hub", "b", vec![one_of("tier", &["x", "y", "z"]), one_of("app", &["web"])]),
            budget("hub", "c", vec![requires("app", Operator::Exists)]),
            budget("hub", "d", vec![]),
            budget("hub", "e", vec![one_of("app", &[])]),
            budget("hub", "f", vec![requires("app", Operator::NotIn(vec!["web".to_owned()]))]),
            DisruptionBudget { selector: None, ..budget("hub", "g", vec![]) },
            budget("jobs", "a", vec![one_of("app", &["web"])]),
        ];
        let budgets = Budgets::new(&all);
        for labels in [
            &[][..],
            &[("app", "web")][..],
            &[("app", "db"), ("tier", "y")][..],
            &[("app", "web"), ("tier", "y")][..],
        ] {
            for name in ["hub/ada", "jobs/ada", "lab/ada"] {
                let pod = with(name, labels);
                let labels: &Labels = &pod.eviction.as_ref().unwrap().labels;
                let each = (0..).zip(&all).filter(|(_, one)| one.protects(&pod.namespace, labels));
                assert_eq!(budgets.of(&pod), Some(each.map(|(index, _)| index).collect()), "{pod:?}");
            }
        }
    }

    #[test]
    fn budgets_that_share_a_value_are_compared_up_to_a_bound() {
        let many = |count: usize, requirement: &dyn Fn(usize) -> Requirement| -> Vec<DisruptionBudget> {
            (0..count).map(|at| budget("hub", &format!("{at:05}"), vec![requirement(at)])).collect()
        };
        let web = with("hub/ada", &[("app", "web")]);
        let same = many(2000, &|_| one_of("app", &["web"]));
        assert_eq!(Budgets::new(&same).of(&web), None);
        let any = many(2000, &|_| requires("app", Operator::DoesNotExist));
        assert_eq!(Budgets::new(&any).of(&web), None);
        let long = many(1, &|_| {
            requires("app", Operator::NotIn((0..2000).map(|value| value.to_string()).collect()))
        });
        assert_eq!(Budgets::new(&long).of(&web), None);
        let others = many(20_000, &|at| one_of("app", &[&format!("other-{at}")]));
        assert_eq!(Budgets::new(&others).of(&web), Some(Vec::new()));
        assert_eq!(Budgets::new(&same).of(&with("lab/ada", &[("app", "web")])), Some(Vec::new()));
    }
}
