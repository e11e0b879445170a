//! Reads the JSON report, in both versions of its format.

use serde_json::Value;

/// Every sentence of the report, a node's with its name, and what a failed run prints.
pub(super) fn sentences(plan: &Value, failure: &str) -> Vec<String> {
    let fields = ["warnings", "actions", "nodes", "limits", "pools", "guard", "refused"];
    fields
        .iter()
        .flat_map(|field| match &plan[field] {
            Value::Array(items) => items.iter().map(whole).collect(),
            Value::Null => Vec::new(),
            one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                vec![whole(one)]
            }
        })
        .chain(failure.lines().map(str::to_owned))
        .collect()
}

/// All texts of a value, one after the other.
pub(super) fn whole(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(whole).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => {
            fields.values().map(whole).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// The utilization before the run, as answers state it: of the cluster and of each pool.
pub(super) fn utilizations(plan: &Value) -> Vec<String> {
    let pools = list(plan, "pools");
    let of_pools = pools.iter().map(|pool| (text(&pool["name"]), &pool["before"]["utilization"]));
    let single = match pools {
        [pool] => &pool["before"]["utilization"],
        _ => &plan["before"]["utilization"],
    };
    let named = of_pools.flat_map(|(name, value)| {
        utilization(value).into_iter().map(move |utilization| format!("{name} {utilization}"))
    });
    named.chain(utilization(single)).collect()
}

/// A ratio with three decimals, alone and with the resource that decides.
fn utilization(value: &Value) -> Vec<String> {
    let decides = value["decides"].as_str().unwrap_or("memory");
    let ratio = if value.is_object() { &value[decides] } else { value };
    let ratio = ratio.as_f64().map_or_else(|| "infinite".to_owned(), |ratio| format!("{ratio:.3}"));
    vec![format!("{ratio} of {decides}"), ratio]
}

pub(super) fn limits(plan: &Value) -> Vec<String> {
    let pools = list(plan, "pools").iter().flat_map(|pool| list(pool, "limits"));
    list(plan, "limits")
        .iter()
        .chain(pools)
        .map(|limit| {
            format!(
                "{} {} -> {}",
                text(&limit["setting"]),
                number(&limit["asked"]),
                number(&limit["allowed"])
            )
        })
        .collect()
}

pub(in crate::scenarios) fn is_refused(plan: &Value) -> bool {
    plan.is_null() || !plan["refused"].is_null()
}

pub(super) fn node<'a>(plan: &'a Value, name: &str) -> Option<&'a Value> {
    list(plan, "nodes").iter().find(|node| node["name"] == name)
}

pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
