//! Lists that come in pages, and lists of everything by place.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::engine::{Location, Refusal, ZONES, regions};

/// The maximum and default size of a page.
const LARGEST: usize = 500;

/// The requested page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) size: Option<String>,
    pub(crate) token: Option<String>,
}

/// The items of a page, and the token of the next.
pub(crate) fn page<T>(items: Vec<T>, wanted: &Page) -> Result<(Vec<T>, Option<String>), Refusal> {
    let size = match &wanted.size {
        None => LARGEST,
        Some(text) => text.parse().ok().filter(|size| *size <= LARGEST).ok_or_else(|| {
            Refusal::invalid("maxResults", text, &format!("Must be a number from 0 to {LARGEST}."))
        })?,
    };
    // With 0 the server chooses.
    let size = if size == 0 { LARGEST } else { size };
    let start = match &wanted.token {
        None => 0,
        Some(token) => token
            .strip_prefix("page-from-")
            .and_then(|start| start.parse().ok())
            .filter(|start| *start <= items.len())
            .ok_or_else(|| {
                Refusal::invalid("pageToken", token, "The token is not one that was given out.")
            })?,
    };
    let end = start.saturating_add(size);
    let next = (end < items.len()).then(|| format!("page-from-{end}"));
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

/// An aggregated list: the items by zone and region, those without any with a warning in their place.
pub(crate) fn scoped(kind: &str, field: &str, items: Vec<(Location, Value)>, next: Option<&str>) -> Value {
    let zones = ZONES.into_iter().map(|zone| Location::Zone(zone.to_owned()));
    let regions = regions().into_iter().map(|region| Location::Region(region.to_owned()));
    let mut scopes: BTreeMap<Location, Vec<Value>> =
        zones.chain(regions).map(|scope| (scope, vec![])).collect();
    for (scope, item) in items {
        scopes.entry(scope).or_default().push(item);
    }
    let scopes: Map<String, Value> = scopes
        .into_iter()
        .map(|(scope, items)| {
            let scope = scope.to_string();
            let items = if items.is_empty() {
                let message = format!("There are no results for scope '{scope}' on this page.");
                let data = json!([{"key": "scope", "value": scope}]);
                json!({"warning": {"code": "NO_RESULTS_ON_PAGE", "message": message, "data": data}})
            } else {
                let mut list = Map::new();
                list.insert(field.to_owned(), Value::from(items));
                Value::from(list)
            };
            (scope, items)
        })
        .collect();
    super::without_nulls(json!({
        "kind": format!("compute#{kind}AggregatedList"),
        "id": format!("{kind}-aggregated-list"),
        "items": scopes,
        "nextPageToken": next,
    }))
}
