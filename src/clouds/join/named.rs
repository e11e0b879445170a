//! The groups that `NODE_GROUPS` names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Maximum number of candidates that an error lists.
const LISTED: usize = 12;

/// The name of a group: unique within its location.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupName {
    /// A zone, a region, or another location of groups.
    pub location: String,
    /// The name there.
    pub name: String,
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.location, self.name)
    }
}

/// An error in a part of `NODE_GROUPS` that matches no existing group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// No group has the name.
    #[error("NODE_GROUPS: `{part}` is in the name of no node group{}; there are: {}", in_zone(.zone.as_deref()), listed(.known))]
    NoSuchGroup {
        /// The part of `NODE_GROUPS`.
        part: String,
        /// `ZONE`.
        zone: Option<String>,
        /// The groups that exist.
        known: Vec<String>,
    },
    /// Several groups have it.
    #[error("NODE_GROUPS: `{part}` is in the names of {} node groups; write more of the one you mean: {}", .candidates.len(), listed(.candidates))]
    Ambiguous {
        /// The part of `NODE_GROUPS`.
        part: String,
        /// The matching groups.
        candidates: Vec<String>,
    },
}

fn in_zone(zone: Option<&str>) -> String {
    zone.map(|zone| format!(" of zone {zone}")).unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 if names.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The groups that the parts name, and the parts that name none: another cloud may have these.
#[derive(Clone, Debug)]
pub struct Named<G> {
    /// The groups, in their order.
    pub groups: Vec<G>,
    /// The parts without a group.
    pub unknown: BTreeSet<String>,
}

/// Finds the groups that `NODE_GROUPS` names. A part is a name, a part of a name between hyphens, or one of these after
/// `location/`; it must match exactly one group.
pub fn named<'a, G>(
    groups: &'a [G],
    parts: &BTreeSet<String>,
    name: impl Fn(&G) -> GroupName,
) -> Result<Named<&'a G>, ScopeError> {
    let names: Vec<(GroupName, &G)> = groups.iter().map(|group| (name(group), group)).collect();
    let mut chosen = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for part in parts {
        match matching(&names, part).as_slice() {
            [] => {
                unknown.insert(part.clone());
            }
            [(at, (_, group))] => {
                chosen.insert(*at, *group);
            }
            several => {
                let candidates = several.iter().map(|(_, (name, _))| name.to_string()).collect();
                return Err(ScopeError::Ambiguous { part: part.clone(), candidates });
            }
        }
    }
    Ok(Named { groups: chosen.into_values().collect(), unknown })
}

fn matching<'n, 'a, G>(names: &'n [(GroupName, &'a G)], part: &str) -> Vec<(usize, &'n (GroupName, &'a G))> {
    let (location, wanted) =
        part.split_once('/').map_or((None, part), |(location, name)| (Some(location), name));
    let here = || {
        let all = names.iter().enumerate();
        all.filter(move |(_, (name, _))| location.is_none_or(|location| name.location == location))
    };
    let whole: Vec<_> = here().filter(|(_, (name, _))| name.name == wanted).collect();
    if whole.is_empty() {
        here().filter(|(_, (name, _))| has_segment(&name.name, wanted)).collect()
    } else {
        whole
    }
}

/// Whether `part` is in `name` between hyphens or its ends: `users` is in `gke-hub-users-grp`, not in `superusers`.
fn has_segment(name: &str, part: &str) -> bool {
    format!("-{name}-").contains(&format!("-{part}-"))
}
