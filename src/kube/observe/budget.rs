//! `PodDisruptionBudget`s: one object of a file, or a page of a live cluster's list, which is of `policy/v1`.

mod selector;

use kube_rebalancer_core::model::{DisruptionBudget, LabelSelector};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::error::ReadProblem;
use selector::Selector;

/// The versions that a file may have. Up to Kubernetes 1.24, `kubectl` may ask for the older one.
pub(super) const VERSIONS: [&str; 2] = ["policy/v1", OLDER];

/// The version in which an empty selector selects no pod.
const OLDER: &str = "policy/v1beta1";

/// The kind of a budget.
pub(super) const KIND: &str = "PodDisruptionBudget";

/// Maximum number of bytes of all selectors: some hundred bytes for each of the most budgets.
pub const LARGEST_SELECTORS: usize = 8 << 20;

/// Maximum number of budgets of a page, 40 times what is requested.
const MOST_BUDGETS: usize = 20_000;

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
    items: Option<Items>,
}

/// The budgets of a page, up to the bounds. A text of a few bytes is an object of a hundred, so they are counted while they are
/// read.
#[derive(Debug, Default)]
struct Items {
    budgets: Vec<DisruptionBudget>,
    bytes: usize,
    is_beyond: bool,
}

/// A page of budgets.
#[derive(Debug)]
pub struct BudgetPage {
    /// The budgets.
    pub budgets: Vec<DisruptionBudget>,
    /// Number of bytes of their selectors.
    pub bytes: usize,
    /// Whether there are more budgets or larger selectors than the bounds allow. Then budgets are missing.
    pub is_beyond: bool,
    /// The token of the next page.
    pub next: Option<String>,
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
    #[serde(rename = "unhealthyPodEvictionPolicy")]
    unready: Option<String>,
}

/// `status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BudgetStatus {
    observed_generation: Option<i64>,
    disruptions_allowed: Option<i64>,
}

/// Reads a page.
pub fn read_budgets(text: &str) -> Result<BudgetPage, ReadProblem> {
    if text.trim_start().starts_with('<') {
        return Err(ReadProblem::Html);
    }
    let list: List = serde_json::from_str(text).map_err(ReadProblem::Answer)?;
    if list.kind.as_deref() != Some(LIST) {
        return Err(ReadProblem::OtherAnswer { found: list.kind, expected: LIST });
    }
    let Items { budgets, bytes, is_beyond } = list.items.unwrap_or_default();
    let next = list.metadata.unwrap_or_default().next.filter(|next| !next.is_empty());
    Ok(BudgetPage { budgets, bytes, is_beyond, next })
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Items;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a list of budgets")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items, A::Error> {
                let mut all = Items::default();
                while let Some(budget) = items.next_element::<Budget>()? {
                    all.bytes = all.bytes.saturating_add(budget.bytes());
                    all.is_beyond |= all.bytes > LARGEST_SELECTORS || all.budgets.len() == MOST_BUDGETS;
                    if !all.is_beyond {
                        all.budgets.push(budget.into_model());
                    }
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(All)
    }
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
        spec.selector = spec.selector.take().filter(|selector| selector.bytes() > 0);
    }
    Ok(budget.into_model())
}

impl Budget {
    /// Number of bytes of its selector.
    fn bytes(&self) -> usize {
        let selector = self.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        selector.map_or(0, Selector::bytes)
    }

    /// Converts a budget. One whose status is older than its spec allows nothing, as in the eviction
    /// API. One whose selector is beyond the bound allows nothing for its namespace.
    fn into_model(self) -> DisruptionBudget {
        let metadata = self.metadata.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        let is_current = status.observed_generation.unwrap_or(0) >= metadata.generation.unwrap_or(0);
        let BudgetSpec { selector, unready } = self.spec.unwrap_or_default();
        let is_known = selector.as_ref().is_none_or(|selector| selector.bytes() <= LARGEST_SELECTORS);
        let allowed = status.disruptions_allowed.filter(|_| is_current && is_known).unwrap_or(0).max(0);
        DisruptionBudget {
            namespace: metadata.namespace.unwrap_or_else(|| "default".to_owned()),
            name: metadata.name.unwrap_or_default(),
            selector: selector
                .map(|selector| if is_known { selector.into_model() } else { LabelSelector(vec![]) }),
            allowed: u32::try_from(allowed).unwrap_or(u32::MAX),
            unready_at_any_time: is_known && unready.as_deref() == Some("AlwaysAllow"),
        }
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
        let page = read_budgets(&page.to_string()).unwrap();
        assert_eq!((page.next.as_deref(), page.is_beyond), (Some("x"), false));
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let [budget] = page.budgets.as_slice() else { panic!("{page:?}") };
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
        for (policy, expected) in [("AlwaysAllow", true), ("IfHealthyBudget", false)] {
            let spec = json!({"selector": {}, "unhealthyPodEvictionPolicy": policy});
            assert_eq!(of(spec, json!({})).unready_at_any_time, expected, "{policy}");
        }
        assert_eq!(allows(json!({})), 0);
    }
    /// A budget whose selector has this many values of one letter: four bytes of text each, and fifty in memory.
    fn of_values(values: usize) -> String {
        let values = vec!["\"a\""; values].join(",");
        let selector =
            format!(r#"{{"matchExpressions":[{{"key":"k","operator":"In","values":[{values}]}}]}}"#);
        format!(r#"{{"metadata":{{"namespace":"hub","name":"b"}},"spec":{{"selector":{selector}}}}}"#)
    }

    fn page_of(items: &[String]) -> BudgetPage {
        let text = format!(r#"{{"kind":"PodDisruptionBudgetList","items":[{}]}}"#, items.join(","));
        read_budgets(&text).unwrap()
    }

    #[test]
    fn a_page_is_read_up_to_the_bounds_and_no_further() {
        // 8 MiB of 49 bytes each are some 171,000 values, of all budgets together.
        let within = page_of(&[of_values(80_000), of_values(80_000)]);
        assert_eq!((within.budgets.len(), within.is_beyond), (2, false));
        let beyond = page_of(&[of_values(80_000), of_values(80_000), of_values(80_000)]);
        assert_eq!((beyond.budgets.len(), beyond.is_beyond), (2, true));
        let one = page_of(&[of_values(450_000)]);
        assert_eq!((one.budgets.len(), one.is_beyond), (0, true));
        for many in [
            r#"{"spec":{"selector":{"matchLabels":{"#.to_owned()
                + &(0..200_000).map(|at| format!(r#""{at}":"""#)).collect::<Vec<_>>().join(",")
                + "}}}}",
            format!(
                r#"{{"spec":{{"selector":{{"matchExpressions":[{}]}}}}}}"#,
                vec!["{}"; 200_000].join(",")
            ),
        ] {
            assert!(page_of(&[many]).is_beyond);
        }
        let empty = |number| page_of(&vec!["{}".to_owned(); number]);
        assert!(!empty(20_000).is_beyond);
        assert_eq!((empty(20_001).budgets.len(), empty(20_001).is_beyond), (20_000, true));
    }

    /// A file has no bound of all selectors, but each is read within the same memory.
    #[test]
    fn a_selector_beyond_the_bound_allows_nothing_for_its_namespace() {
        let budget: serde_json::Value = serde_json::from_str(&of_values(450_000)).unwrap();
        let mut budget = read_one("policy/v1", budget).unwrap();
        assert_eq!(budget.allowed, 0);
        assert!(budget.protects("hub", &Labels::default()) && !budget.protects("jobs", &Labels::default()));
        budget = read_one("policy/v1", serde_json::from_str(&of_values(1)).unwrap()).unwrap();
        assert!(!budget.protects("hub", &Labels::default()));
    }
}
