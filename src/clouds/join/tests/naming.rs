//! The values of `NODE_GROUPS`.

use std::collections::BTreeSet;

use crate::{GroupName, ScopeError, named};

fn chosen(groups: &[&str], parts: &[&str]) -> Result<(Vec<String>, BTreeSet<String>), ScopeError> {
    let name = |group: &&str| {
        let (location, name) = group.split_once('/').unwrap();
        GroupName { location: location.to_owned(), name: name.to_owned() }
    };
    let parts = parts.iter().map(|part| (*part).to_owned()).collect();
    let named = named(groups, &parts, name)?;
    Ok((named.groups.into_iter().map(|group| (*group).to_owned()).collect(), named.unknown))
}

#[test]
fn a_part_of_a_name_means_one_group() {
    let groups = ["z1/hub-users-1a", "z1/pool", "z1/pool-2", "z2/pool"];
    let one = |part| chosen(&groups, &[part]).map(|(groups, unknown)| (groups, unknown.len()));
    let only = |group: &str| Ok((vec![group.to_owned()], 0));
    assert_eq!(one("users"), only("z1/hub-users-1a"));
    assert_eq!(one("hub-users"), only("z1/hub-users-1a"));
    assert_eq!(one("z2/pool"), only("z2/pool"));
    assert_eq!(one("z1/pool"), only("z1/pool"), "a whole name counts for more than a part");
    assert_eq!(one("pool-2"), only("z1/pool-2"));
    assert_eq!(one("user"), Ok((Vec::new(), 1)), "a part is between hyphens");
    let ambiguous = ["z1/pool", "z2/pool"].map(str::to_owned).to_vec();
    assert_eq!(one("pool"), Err(ScopeError::Ambiguous { part: "pool".to_owned(), candidates: ambiguous }));
}

#[test]
fn two_parts_of_one_group_are_one_group() {
    let (groups, unknown) = chosen(&["z1/hub-users-1a"], &["1a", "users", "z3/users"]).unwrap();
    assert_eq!(groups, ["z1/hub-users-1a"]);
    assert!(unknown.into_iter().eq(["z3/users".to_owned()]));
}
