//! Converts the constraints of a pod: node selector, required node affinity, tolerations.
//!
//! A requirement that the scheduler cannot evaluate matches nothing there, so it becomes [`Operator::Unknown`]
//! here.

use kube_rebalancer_core::model::{
    Affinity, Constraints, Operator, Requirement, SelectorTerm, TolerableValue, Toleration,
};

use super::node::taint_effect;
use super::text;
use crate::observe::error::{ObjectName, ReadWarning};
use crate::observe::raw::{self, Spec, Text};

/// The constraints of a pod.
pub(super) fn constraints(
    spec: &Spec<'_>,
    pod: impl Fn() -> ObjectName,
    warnings: &mut Vec<ReadWarning>,
) -> Constraints {
    Constraints {
        node_selector: spec
            .node_selector
            .iter()
            .map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned()))
            .collect(),
        affinity: spec.affinity.node_affinity.required.as_ref().map(affinity),
        tolerations: spec
            .tolerations
            .iter()
            .filter_map(|raw| {
                let toleration = toleration(raw);
                if toleration.is_none() {
                    let effect = raw.effect.as_ref().map_or("", Text::as_str);
                    warnings.push(ReadWarning::UnknownToleration {
                        pod: pod(),
                        key: raw.key.as_ref().map_or("", Text::as_str).to_owned(),
                        text: format!("operator {:?} or effect {effect:?}", raw.operator.as_str()),
                    });
                }
                toleration
            })
            .collect(),
    }
}

pub(super) fn affinity(raw: &raw::NodeSelector<'_>) -> Affinity {
    Affinity(
        raw.node_selector_terms
            .iter()
            .map(|term| SelectorTerm {
                labels: term.match_expressions.iter().map(on_label).collect(),
                fields: term.match_fields.iter().map(on_field).collect(),
            })
            .collect(),
    )
}

fn on_label(raw: &raw::Requirement<'_>) -> Requirement {
    let values = || raw.values.iter().map(|value| value.as_str().to_owned()).collect();
    let bound = || match raw.values.as_slice() {
        [value] => value.as_str().parse().ok(),
        _ => None,
    };
    let operator = match (raw.operator.as_str(), raw.values.is_empty()) {
        ("In", false) => Operator::In(values()),
        ("NotIn", false) => Operator::NotIn(values()),
        ("Exists", true) => Operator::Exists,
        ("DoesNotExist", true) => Operator::DoesNotExist,
        ("Gt", _) => bound().map_or(Operator::Unknown, Operator::Gt),
        ("Lt", _) => bound().map_or(Operator::Unknown, Operator::Lt),
        _ => Operator::Unknown,
    };
    Requirement { key: raw.key.as_str().to_owned(), operator }
}

/// A requirement on a field. The only field is the node's name, and it is compared with one value.
fn on_field(raw: &raw::Requirement<'_>) -> Requirement {
    let operator = match (raw.key.as_str(), raw.operator.as_str(), raw.values.as_slice()) {
        ("metadata.name", "In", [value]) => Operator::In(vec![value.as_str().to_owned()]),
        ("metadata.name", "NotIn", [value]) => Operator::NotIn(vec![value.as_str().to_owned()]),
        _ => Operator::Unknown,
    };
    Requirement { key: raw.key.as_str().to_owned(), operator }
}

/// Converts a toleration; `None` for one that this program does not understand, which tolerates nothing.
fn toleration(raw: &raw::Toleration<'_>) -> Option<Toleration> {
    let number = || TolerableValue::number(raw.value.as_str());
    let value = match raw.operator.as_str() {
        "" | "Equal" => TolerableValue::Equal(raw.value.as_str().to_owned()),
        "Exists" => TolerableValue::Any,
        "Gt" => TolerableValue::Above(number()?),
        "Lt" => TolerableValue::Below(number()?),
        _ => return None,
    };
    let effect = match text(raw.effect.as_ref()) {
        None => None,
        Some(name) => Some(taint_effect(name)?),
    };
    Some(Toleration { key: text(raw.key.as_ref()).map(str::to_owned), value, effect })
}

#[cfg(test)]
mod tests {
    use kube_rebalancer_core::model::TaintEffect;

    use super::*;

    fn convert(spec: &str) -> (Constraints, Vec<ReadWarning>) {
        let mut warnings = Vec::new();
        let pod = || ObjectName::Pod("hub".into(), "p".into());
        (constraints(&serde_json::from_str(spec).unwrap(), pod, &mut warnings), warnings)
    }

    #[test]
    fn requirements_that_the_scheduler_cannot_evaluate_match_nothing() {
        let cases = [
            (
                r#""key":"pool","operator":"In","values":["a","b"]"#,
                Operator::In(vec!["a".into(), "b".into()]),
            ),
            (r#""key":"pool","operator":"In","values":[]"#, Operator::Unknown),
            (r#""key":"pool","operator":"NotIn","values":["a"]"#, Operator::NotIn(vec!["a".into()])),
            (r#""key":"pool","operator":"Exists""#, Operator::Exists),
            (r#""key":"pool","operator":"Exists","values":["a"]"#, Operator::Unknown),
            (r#""key":"pool","operator":"DoesNotExist""#, Operator::DoesNotExist),
            (r#""key":"pool","operator":"Gt","values":["5"]"#, Operator::Gt(5)),
            (r#""key":"pool","operator":"Lt","values":["-5"]"#, Operator::Lt(-5)),
            (r#""key":"pool","operator":"Gt","values":["5","6"]"#, Operator::Unknown),
            (r#""key":"pool","operator":"Lt","values":["many"]"#, Operator::Unknown),
            (r#""key":"pool","operator":"Near","values":["a"]"#, Operator::Unknown),
        ];
        for (json, operator) in cases {
            let requirement = on_label(&serde_json::from_str(&format!("{{{json}}}")).unwrap());
            assert_eq!(requirement, Requirement { key: "pool".into(), operator }, "{json}");
        }
    }

    #[test]
    fn the_only_field_is_the_name_of_the_node() {
        let cases = [
            (r#""key":"metadata.name","operator":"In","values":["n1"]"#, Operator::In(vec!["n1".into()])),
            (
                r#""key":"metadata.name","operator":"NotIn","values":["n1"]"#,
                Operator::NotIn(vec!["n1".into()]),
            ),
            (r#""key":"metadata.name","operator":"In","values":["n1","n2"]"#, Operator::Unknown),
            (r#""key":"metadata.name","operator":"Exists""#, Operator::Unknown),
            (r#""key":"metadata.uid","operator":"In","values":["n1"]"#, Operator::Unknown),
        ];
        for (json, operator) in cases {
            assert_eq!(
                on_field(&serde_json::from_str(&format!("{{{json}}}")).unwrap()).operator,
                operator,
                "{json}"
            );
        }
    }

    #[test]
    fn tolerations_follow_their_operator_and_unknown_ones_tolerate_nothing() {
        let (constraints, warnings) = convert(
            r#"{"tolerations":[
                {"key":"a","value":"b","effect":"NoSchedule"},
                {"key":"a","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},
                {"operator":"Exists"},
                {"key":"a","operator":"Gt","value":"900"},
                {"key":"a","operator":"Lt","value":"-5"},
                {"key":"a","operator":"Lt","value":"05"},
                {"key":"c","operator":"Exists","effect":"NoBreakfast"}
            ]}"#,
        );
        assert_eq!(
            constraints.tolerations,
            [
                Toleration {
                    key: Some("a".into()),
                    value: TolerableValue::Equal("b".into()),
                    effect: Some(TaintEffect::NoSchedule)
                },
                Toleration {
                    key: Some("a".into()),
                    value: TolerableValue::Any,
                    effect: Some(TaintEffect::NoExecute)
                },
                Toleration { key: None, value: TolerableValue::Any, effect: None },
                Toleration { key: Some("a".into()), value: TolerableValue::Above(900), effect: None },
                Toleration { key: Some("a".into()), value: TolerableValue::Below(-5), effect: None },
            ]
        );
        assert_eq!(
            warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                r#"pod hub/p: the toleration of "a" is ignored, operator "Lt" or effect "" is unknown"#,
                r#"pod hub/p: the toleration of "c" is ignored, operator "Exists" or effect "NoBreakfast" is unknown"#,
            ]
        );
    }

    #[test]
    fn an_affinity_without_terms_is_kept_because_it_matches_no_node() {
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let (constraints, _) = convert(&format!(
            r#"{{"nodeSelector":{{"pool":"users"}},"affinity":{{"nodeAffinity":{{"{required}":{{"nodeSelectorTerms":null}}}}}}}}"#
        ));
        assert_eq!(constraints.affinity, Some(Affinity(vec![])));
        assert_eq!(constraints.node_selector["pool"], "users");
        assert_eq!(convert(r#"{"affinity":null}"#).0, Constraints::default());
    }
}
