//! Label requirements, shared by `NODE_SELECTOR`, `nodeSelector` and node affinity.

use super::Labels;

/// How a label's value is compared, as in Kubernetes' node selector requirements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// The label is present and its value is one of these.
    In(Vec<String>),
    /// The label is absent, or its value is none of these.
    NotIn(Vec<String>),
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The label is present, a whole number, and greater than this.
    Gt(i64),
    /// The label is present, a whole number, and less than this.
    Lt(i64),
    /// An operator or operand that this program does not know. It matches nothing, as in the scheduler: a pod that
    /// carries it is placed nowhere and reported.
    Unknown,
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// The comparison.
    pub operator: Operator,
}

impl Requirement {
    /// Whether a label set meets this requirement.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.key))
    }

    /// Whether a value (or its absence) meets this requirement.
    #[must_use]
    pub fn matches_value(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|text| text.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Operator::NotIn(values) => value.is_none_or(|value| values.iter().all(|one| one != value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt(bound) => number().is_some_and(|number| number > *bound),
            Operator::Lt(bound) => number().is_some_and(|number| number < *bound),
            Operator::Unknown => false,
        }
    }
}

/// A conjunction of requirements; an empty one matches everything.
///
/// # Examples
///
/// ```
/// use kube_rebalancer_core::model::{LabelSelector, Labels, Operator, Requirement};
///
/// // !spot, zone in (a, b)
/// let selector = LabelSelector(vec![
///     Requirement { key: "spot".to_owned(), operator: Operator::DoesNotExist },
///     Requirement { key: "zone".to_owned(), operator: Operator::In(vec!["a".to_owned(), "b".to_owned()]) },
/// ]);
/// let mut labels = Labels::from([("zone", "a")]);
/// assert!(selector.matches(&labels));
/// labels.insert("spot", "true");
/// assert!(!selector.matches(&labels));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelSelector(pub Vec<Requirement>);

impl LabelSelector {
    /// Whether a label set meets every requirement.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

/// Whether a label names a place with many hosts: its name has `zone`, `region`, `location`, `datacenter` or the word `rack` in it
/// (`topology.gke.io/zone`, `csi.hetzner.cloud/location`, `region`).
#[must_use]
pub fn is_label_of_place(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    ["zone", "region", "location", "datacenter"].iter().any(|place| name.contains(place))
        || name.split(['.', '-', '_']).any(|word| word == "rack")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_labels_match_only_the_negative_operators() {
        let cases = [
            (Operator::In(vec!["a".into()]), false),
            (Operator::NotIn(vec!["a".into()]), true),
            (Operator::Exists, false),
            (Operator::DoesNotExist, true),
            (Operator::Gt(0), false),
            (Operator::Lt(9), false),
            (Operator::Unknown, false),
        ];
        for (operator, expected) in cases {
            let requirement = Requirement { key: "pool".into(), operator };
            assert_eq!(requirement.matches(&Labels::default()), expected, "{requirement:?}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let labels = Labels::from([("cores", "10")]);
        let matches = |operator| Requirement { key: "cores".into(), operator }.matches(&labels);
        assert!(matches(Operator::Gt(9)));
        assert!(!matches(Operator::Gt(10)));
        assert!(matches(Operator::Lt(11)));
        assert!(!matches(Operator::Lt(10)));
    }
}
