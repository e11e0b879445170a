//! `PodDisruptionBudget`s: one object of a file, or a page of a live cluster's list, which is of `policy/v1`.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{DisruptionBudget, LabelSelector, Operator, Requirement};
use serde::Deserialize;

use super::error::ReadProblem;

/// The versions that a file may have. Up to Kubernetes 1.24, `kubectl` may ask for the older one.
pub(super) const VERSIONS: [&str; 2] = ["policy/v1", OLDER];

/// The version in which an empty selector selects no pod.
const OLDER: &str = "policy/v1beta1";

/// The kind of a budget.
pub(super) const KIND: &str = "PodDisruptionBudget";

/// The kind of a list.
const LIST: &str = "PodDisruptionBudgetList";

/// A page of a list.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    metadata: Option<ListMetadata>,
    #[serde(default)]
    items: Option<Vec<Budget>>,
}

#[derive(Debug, Default, Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

/// The fields of a budget that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Budget {
    metadata: Option<Metadata>,
    spec: Option<BudgetSpec>,
    status: Option<BudgetStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    namespace: Option<String>,
    name: Option<String>,
    generation: Option<i64>,
}

/// `spec`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BudgetSpec {
    selector: Option<Selector>,
}

/// `status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BudgetStatus {
    observed_generation: Option<i64>,
    disruptions_allowed: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    values: Option<Vec<String>>,
}

/// Reads a page; returns its budgets, and the token of the next page.
pub fn read_budgets(text: &str) -> Result<(Vec<DisruptionBudget>, Option<String>), ReadProblem> {
    if text.trim_start().starts_with('<') {
        return Err(ReadProblem::Html);
    }
    let list: List = serde_json::from_str(text).map_err(ReadProblem::Answer)?;
    if list.kind.as_deref() != Some(LIST) {
        return Err(ReadProblem::OtherAnswer { found: list.kind, expected: LIST });
    }
    let budgets = list.items.unwrap_or_default().into_iter().map(Budget::into_model).collect();
    Ok((budgets, list.metadata.unwrap_or_default().next.filter(|next| !next.is_empty())))
}

/// Reads one object of a file, or of a list in a file.
pub(super) fn read_one(
    version: &str,
    object: serde_json::Value,
) -> Result<DisruptionBudget, serde_json::Error> {
    let mut budget: Budget = serde_json::from_value(object)?;
    if version == OLDER
        && let Some(spec) = &mut budget.spec
    {
        spec.selector = spec.selector.take().filter(|selector| !selector.is_empty());
    }
    Ok(budget.into_model())
}

impl Budget {
    /// Converts a budget. One whose status is older than its spec allows nothing, as in the eviction
    /// API.
    fn into_model(self) -> DisruptionBudget {
        let metadata = self.metadata.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        let is_current = status.observed_generation.unwrap_or(0) >= metadata.generation.unwrap_or(0);
        let allowed = status.disruptions_allowed.filter(|_| is_current).unwrap_or(0).max(0);
        DisruptionBudget {
            namespace: metadata.namespace.unwrap_or_else(|| "default".to_owned()),
            name: metadata.name.unwrap_or_default(),
            selector: self.spec.and_then(|spec| spec.selector).map(Selector::into_model),
            allowed: u32::try_from(allowed).unwrap_or(u32::MAX),
        }
    }
}

impl Selector {
    fn is_empty(&self) -> bool {
        self.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.match_expressions.as_ref().is_none_or(Vec::is_empty)
    }

    /// Converts a selector. An unknown operator matches every pod, so that it protects more, not
    /// fewer.
    fn into_model(self) -> LabelSelector {
        let equal = self.match_labels.unwrap_or_default().into_iter();
        let equal = equal.map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
        let expressions = self.match_expressions.unwrap_or_default().into_iter();
        let expressions = expressions.filter_map(|Expression { key, operator, values }| {
            let values = values.unwrap_or_default();
            let operator = match operator.as_str() {
                "In" => Operator::In(values),
                "NotIn" => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            Some(Requirement { key, operator })
        });
        LabelSelector(equal.chain(expressions).collect())
    }
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::Labels;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_selector_selects_all_pods_and_in_the_older_version_none() {
        let object = |selector| json!({"metadata": {"namespace": "hub"}, "spec": {"selector": selector}});
        for (version, selector, protects) in [
            ("policy/v1", json!({}), true),
            ("policy/v1", json!(null), false),
            ("policy/v1", json!({"matchLabels": {"app": "web"}}), true),
            ("policy/v1beta1", json!({}), false),
            ("policy/v1beta1", json!({"matchLabels": {}, "matchExpressions": []}), false),
            ("policy/v1beta1", json!(null), false),
            ("policy/v1beta1", json!({"matchLabels": {"app": "web"}}), true),
            ("policy/v1beta1", json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}), true),
        ] {
            let budget = read_one(version, object(selector.clone())).unwrap();
            let labels = Labels::from([("app", "web")]);
            assert_eq!(budget.protects("hub", &labels), protects, "{version}, {selector}");
        }
    }

    #[test]
    fn a_page_is_a_list_of_budgets_and_nothing_else() {
        let item = json!({
            "metadata": {"namespace": "hub", "name": "web", "generation": 2},
            "spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [
                {"key": "tier", "operator": "NotIn", "values": ["test"]},
                {"key": "canary", "operator": "DoesNotExist"},
            ]}},
            "status": {"observedGeneration": 2, "disruptionsAllowed": 1},
        });
        let page = json!({"kind": "PodDisruptionBudgetList", "metadata": {"continue": "x"}, "items": [item]});
        let (budgets, next) = read_budgets(&page.to_string()).unwrap();
        assert_eq!(next.as_deref(), Some("x"));
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let [budget] = budgets.as_slice() else { panic!("{budgets:?}") };
        assert_eq!((budget.full_name().as_str(), budget.allowed), ("hub/web", 1));
        assert!(budget.protects("hub", &labels(&[("app", "web")])));
        assert!(!budget.protects("jobs", &labels(&[("app", "web")])));
        assert!(!budget.protects("hub", &labels(&[("app", "web"), ("tier", "test")])));
        assert!(!budget.protects("hub", &labels(&[("app", "web"), ("canary", "")])));
        for other in [json!({"kind": "Status"}), json!({"kind": "PodList", "items": []}), json!({})] {
            assert!(read_budgets(&other.to_string()).is_err(), "{other}");
        }
        assert!(read_budgets("<html>").is_err());
    }

    #[test]
    fn no_selector_protects_none_an_empty_one_all_and_an_old_status_allows_nothing() {
        let of = |spec, status| {
            let object = json!({"metadata": {"namespace": "hub", "name": "b", "generation": 3}, "spec": spec, "status": status});
            read_one("policy/v1", object).unwrap()
        };
        let none = Labels::default();
        assert!(!of(json!({}), json!({})).protects("hub", &none));
        assert!(of(json!({"selector": {}}), json!({})).protects("hub", &none));
        let unknown = json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}});
        assert!(of(unknown, json!({})).protects("hub", &none));
        let allows = |status| of(json!({"selector": {}}), status).allowed;
        assert_eq!(allows(json!({"observedGeneration": 3, "disruptionsAllowed": 2})), 2);
        assert_eq!(allows(json!({"observedGeneration": 2, "disruptionsAllowed": 2})), 0);
        assert_eq!(allows(json!({"observedGeneration": 3, "disruptionsAllowed": -1})), 0);
        assert_eq!(allows(json!({})), 0);
    }
}
