//! Remembers which nodes admit pods with long constraints. Users write constraints of up to tens of kilobytes, and thousands of
//! pods with different requests may share them: each node is compared with them once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::{Constraints, NodeIndex, Operator, Requirement, Taint};

/// Constraints and taints with fewer parts are compared again: that is as fast as remembering.
const LONG: usize = 16;

/// Maximum number of answers, of one byte each. Further ones are not remembered.
const MOST: usize = 8 << 20;

/// The answers of one run. Constraints are known by their address, which the snapshot keeps.
#[derive(Debug, Default)]
pub(crate) struct Admitted(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    /// By the address of the constraints, then by node.
    of_constraints: BTreeMap<usize, Vec<Option<bool>>>,
    stored: usize,
}

impl Admitted {
    /// The answer for a node, computed once.
    pub(super) fn answer(
        &self,
        constraints: &Constraints,
        node: NodeIndex,
        compare: impl FnOnce() -> bool,
    ) -> bool {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = std::ptr::from_ref(constraints).addr();
        let of_node = answers.of_constraints.get(&address).and_then(|known| known.get(node));
        if let Some(answer) = of_node.copied().flatten() {
            return answer;
        }
        let answer = compare();
        answers.store(address, node, answer);
        answer
    }
}

impl Answers {
    fn store(&mut self, address: usize, node: NodeIndex, answer: bool) {
        let known = self.of_constraints.entry(address).or_default();
        let length = known.len().max(node + 1);
        let stored = self.stored + length - known.len();
        if stored > MOST {
            return;
        }
        self.stored = stored;
        known.resize(length, None);
        if let Some(place) = known.get_mut(node) {
            *place = Some(answer);
        }
    }
}

/// Whether a comparison of these constraints with a node of these taints has many steps.
pub(super) fn is_long(constraints: &Constraints, taints: &[Taint]) -> bool {
    let mut steps = taints.len() + constraints.node_selector.len() + constraints.tolerations.len();
    let values = |requirement: &Requirement| match &requirement.operator {
        Operator::In(values) | Operator::NotIn(values) => values.len(),
        Operator::Exists | Operator::DoesNotExist | Operator::Gt(_) | Operator::Lt(_) | Operator::Unknown => {
            0
        }
    };
    // A few terms and requirements are enough for the answer.
    for term in constraints.affinity.iter().flat_map(|affinity| &affinity.0) {
        steps += 1;
        for requirement in term.labels.iter().chain(&term.fields) {
            steps += 1 + values(requirement);
            if steps >= LONG {
                return true;
            }
        }
        if steps >= LONG {
            return true;
        }
    }
    steps >= LONG
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Affinity, Node, Pod, SchedulerRefusal, SelectorTerm, Unbound};
    use crate::plan::fixture::{Build, ago, cluster, node, pod};
    use crate::plan::plan;
    use crate::plan::reach::COMPARED;
    use crate::policy::Policy;

    fn term(key: &str, operator: Operator) -> SelectorTerm {
        SelectorTerm { labels: vec![Requirement { key: key.to_owned(), operator }], fields: vec![] }
    }

    fn affinity(terms: Vec<SelectorTerm>) -> Constraints {
        Constraints { affinity: Some(Affinity(terms)), ..Constraints::default() }
    }

    #[test]
    fn constraints_are_long_by_terms_values_tolerations_and_the_taints_of_a_node() {
        let short = affinity(vec![term("a", Operator::Exists); 7]);
        assert!(!is_long(&short, &[]));
        assert!(is_long(&short, &vec![crate::plan::fixture::taint("a"); 2]));
        assert!(is_long(&affinity(vec![term("a", Operator::Exists); 8]), &[]));
        assert!(is_long(&affinity(vec![SelectorTerm::default(); 16]), &[]));
        let values = vec![String::new(); 14];
        assert!(is_long(&affinity(vec![term("a", Operator::NotIn(values))]), &[]));
    }

    #[test]
    fn no_more_than_a_bounded_number_of_answers_is_remembered() {
        let admitted = Admitted::default();
        let (first, second) = (Constraints::default(), Constraints::default());
        let ask = |of: &Constraints, node| {
            let mut compared = false;
            admitted.answer(of, node, || {
                compared = true;
                true
            });
            compared
        };
        assert!(ask(&first, MOST - 2) && !ask(&first, MOST - 2));
        assert!(ask(&second, 0) && !ask(&second, 0), "one more answer");
        assert!(ask(&second, 1) && ask(&second, 1), "and no other");
        assert!(ask(&first, 0) && !ask(&first, 0));
    }

    /// Forty pods ask for different amounts, so no pod is like another.
    #[test]
    fn a_node_is_compared_once_with_long_constraints_that_many_pods_share() {
        let mut terms = vec![term("a", Operator::Exists); 20];
        terms.push(term("b", Operator::DoesNotExist));
        let shared = Arc::new(affinity(terms));
        let refusal = SchedulerRefusal { message: "".into(), since: Some(ago(300)) };
        let unbound = Unbound { refusal: Some(refusal), created_at: Some(ago(300)), ..Unbound::default() };
        let waits = |number: u64| Pod {
            constraints: Arc::clone(&shared),
            unbound: Some(Box::new(unbound.clone())),
            ..pod(&format!("hub/w{number:02}")).labelled("user").asking(20, number)
        };
        let compared = |pods: u64| {
            let cordoned = |name: &str| Node { unschedulable: true, ..node(name) };
            let nodes = vec![node("n1"), node("n2"), cordoned("n3"), cordoned("n4")];
            let snapshot = cluster(nodes, (1..=pods).map(waits).collect());
            let policy = Policy { preemptible_labels: ["user".to_owned()].into(), ..Policy::default() };
            COMPARED.set(0);
            let _plan = plan(&snapshot, &policy).unwrap();
            COMPARED.get()
        };
        // The two nodes under a cordon of others are no places.
        assert_eq!((compared(2), compared(40)), (2, 2));
    }
}
