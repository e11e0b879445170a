//! Warns of pools that settings name and the cluster does not have: a name that is not spelled right changes nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::notes::Warning;
use crate::model::{Assignment, Snapshot};
use crate::policy::{Policy, PoolName};

/// Warns once for each setting that names unknown pools. A pool of the history is known: it may have no node at the moment.
pub(super) fn warn_of_pools(
    snapshot: &Snapshot,
    policy: &Policy,
    pools: &[PoolName],
    warnings: &mut Vec<Warning>,
) {
    if policy.pool_label.is_none() {
        return;
    }
    let past = snapshot.history().into_iter().flat_map(|history| history.series());
    let known: BTreeSet<&str> = pools.iter().map(String::as_str).chain(past.map(|(pool, ..)| pool)).collect();
    for (setting, named) in named(snapshot, policy) {
        let mut unknown = named.into_iter().filter(|pool| !known.contains(pool));
        if let Some(pool) = unknown.next() {
            warnings.push(Warning::UnknownPool {
                setting: setting.to_owned(),
                pool: pool.to_owned(),
                unknown: 1 + unknown.count(),
                known: pools.join(", "),
            });
        }
    }
}

/// The pools that each setting names.
fn named<'a>(snapshot: &'a Snapshot, policy: &'a Policy) -> BTreeMap<&'static str, BTreeSet<&'a str>> {
    let overrides = policy.pools_named.iter();
    let mut named: BTreeMap<&'static str, BTreeSet<&str>> =
        overrides.map(|(setting, pools)| (*setting, pools.iter().map(String::as_str).collect())).collect();
    let mut add = |setting, pools: &mut dyn Iterator<Item = &'a PoolName>| {
        for pool in pools {
            named.entry(setting).or_default().insert(pool.as_str());
        }
    };
    let rules = policy.foresight.schedule.iter().flat_map(|rule| &rule.assignments);
    add("SCHEDULE", &mut rules.filter_map(Assignment::pool));
    let events = snapshot.calendar().iter().flat_map(|event| event.assignments.iter());
    add("CALENDAR", &mut events.filter_map(Assignment::pool));
    add("NODE_GROUPS", &mut policy.group_pools.values());
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, History, Node, Resource, Slot};
    use crate::plan::fixture::{cluster, labelled, now};

    fn warnings(policy: &Policy, history: History) -> Vec<String> {
        let in_pool = |name: &str, pool: &str| Node { name: name.into(), ..labelled("pool", pool) };
        let snapshot = cluster(vec![in_pool("n1", "user"), in_pool("n2", "gpu")], vec![]);
        let mut warnings = Vec::new();
        let pools = ["gpu".to_owned(), "user".to_owned()];
        warn_of_pools(&snapshot.with_history(Some(history.into())), policy, &pools, &mut warnings);
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pool_that_no_node_and_no_group_has_is_named_with_its_setting_and_the_pools_there_are() {
        let named = |pools: &[&str]| pools.iter().map(|pool| (*pool).to_owned()).collect();
        let policy = Policy {
            pool_label: Some("pool".into()),
            pools_named: [("MAX_NODES", named(&["gpu", "gpuu", "usr"])), ("MIN_NODES", named(&["user"]))]
                .into(),
            group_pools: [("z/extra".to_owned(), "extra".to_owned())].into(),
            ..Policy::default()
        };
        let expected = [
            "MAX_NODES names 2 pools, gpuu among them, but no node and no node group belongs to them; the pools are gpu, user",
            "NODE_GROUPS names pool extra, but no node and no node group belongs to it; the pools are gpu, user",
        ];
        assert_eq!(warnings(&policy, History::default()), expected);

        let mut history = History::default();
        history.extend("extra", Resource::Memory, Slot::of(now()).earlier(300), [Some(Bytes::MEBI.0)]);
        assert_eq!(warnings(&policy, history), expected[..1], "a pool that had users in the last weeks");
        assert_eq!(warnings(&Policy { pool_label: None, ..policy }, History::default()), [""; 0]);
    }
}
