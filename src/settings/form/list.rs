//! Lists of names, separated by `:` as in the original's environment.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::policy::PoolName;

use super::name::{NameRule, group_part, label_key, namespace, pool_name, startup_taint_key};
use super::sign::{OF_POOL, SEPARATOR};
use super::{Complaint, Form, JsonKind, Shape};

/// Keys of labels.
pub(in crate::settings) const LABEL_KEYS: Form<BTreeSet<String>> = Form {
    shape: Shape {
        unit: "label keys",
        expected: "label keys with ':' between them, such as team:example.com/pool",
        json: JsonKind::List,
    },
    read: |text| elements(text, &label_key),
};

/// Namespaces.
pub(in crate::settings) const NAMESPACES: Form<BTreeSet<String>> = Form {
    shape: Shape { unit: "namespaces", expected: "namespaces with ':' between them", json: JsonKind::List },
    read: |text| elements(text, &namespace),
};

/// Keys of taints.
pub(in crate::settings) const TAINT_KEYS: Form<BTreeSet<String>> = Form {
    shape: Shape {
        unit: "taint keys",
        expected: "taint keys with ':' between them, such as example.com/a:b",
        json: JsonKind::List,
    },
    read: |text| elements(text, &startup_taint_key),
};

/// The resources that decide, in order.
pub(in crate::settings) const RESOURCES: Form<Vec<Resource>> = Form {
    shape: Shape {
        unit: "resources",
        expected: "memory, cpu, or both with ':' between them",
        json: JsonKind::List,
    },
    read: resources,
};

/// Node groups, each by its name or a part of it that no other group has, some with their pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::settings) struct Groups {
    /// The names or parts of names.
    pub(in crate::settings) names: BTreeSet<String>,
    /// The pool of each name that has one.
    pub(in crate::settings) pools: BTreeMap<String, PoolName>,
}

/// Managed instance groups.
pub(in crate::settings) const GROUPS: Form<Groups> = Form {
    shape: Shape {
        unit: "names",
        expected: "group names with ':' between, or pool=group, or ^expression",
        json: JsonKind::List,
    },
    read: groups,
};

/// Reads a list. The empty text is the empty list; an empty element is a mistake (a trailing `:`, an unset variable
/// in the middle) that would otherwise count as an empty name.
fn elements(text: &str, rule: &NameRule) -> Result<BTreeSet<String>, Complaint> {
    if text.is_empty() {
        return Ok(BTreeSet::new());
    }
    (1..)
        .zip(text.split(SEPARATOR))
        .map(|(position, element)| match element {
            "" => Err(Complaint::EmptyElement { position }),
            _ => rule(element),
        })
        .collect()
}

fn resources(text: &str) -> Result<Vec<Resource>, Complaint> {
    let mut resources = Vec::new();
    for (position, element) in (1..).zip(text.split(SEPARATOR)) {
        let resource = match element {
            "memory" => Resource::Memory,
            "cpu" => Resource::Cpu,
            "" => return Err(Complaint::EmptyElement { position }),
            other => {
                return Err(Complaint::NotAName { text: other.to_owned(), what: "resource that can decide" });
            }
        };
        if resources.contains(&resource) {
            return Err(Complaint::Twice(element.to_owned()));
        }
        resources.push(resource);
    }
    Ok(resources)
}

fn groups(text: &str) -> Result<Groups, Complaint> {
    let mut groups = Groups::default();
    for element in elements(text, &|element| Ok(element.to_owned()))? {
        let (pool, group) = match element.split_once(OF_POOL) {
            Some((pool, group)) => (Some(pool_name(pool)?), group_part(group)?),
            None => (None, group_part(&element)?),
        };
        groups.names.insert(group.clone());
        if let Some(pool) = pool
            && groups.pools.insert(group.clone(), pool).is_some()
        {
            return Err(Complaint::GroupInTwoPools(group));
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_separate_elements() {
        let set = |elements: &[&str]| Ok(elements.iter().map(ToString::to_string).collect());
        let not_a_key = |text: &str| Err(Complaint::NotAName { text: text.into(), what: "label key" });
        let empty = |position| Err(Complaint::EmptyElement { position });
        let cases = [
            ("", set(&[])),
            ("a", set(&["a"])),
            ("b:a:b", set(&["a", "b"])),
            ("hub.jupyter.org/autoscaler-ephemeral:c", set(&["c", "hub.jupyter.org/autoscaler-ephemeral"])),
            ("a:", empty(2)),
            (":a", empty(1)),
            ("a::b", empty(2)),
            (":", empty(1)),
            ("a, b", not_a_key("a, b")),
            ("a:b c", not_a_key("b c")),
            ("pool=users", not_a_key("pool=users")),
        ];
        for (text, expected) in cases {
            assert_eq!((LABEL_KEYS.read)(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_taint_of_a_cordon_is_none_that_a_node_sheds() {
        for text in ["node.kubernetes.io/unschedulable", "kube-rebalancer/deleting"] {
            let what = "taint that a node sheds once it is ready";
            let refused = Err(Complaint::NotAName { text: text.into(), what });
            assert_eq!((TAINT_KEYS.read)(&format!("example.com/a:{text}")), refused);
        }
        let two = ["example.com/a", "example.com/b"].map(str::to_owned);
        assert_eq!((TAINT_KEYS.read)("example.com/a:example.com/b"), Ok(two.into()));
    }

    #[test]
    fn resources_keep_their_order() {
        use Resource::{Cpu, Memory};
        let not =
            |text: &str| Err(Complaint::NotAName { text: text.into(), what: "resource that can decide" });
        for (text, expected) in [
            ("memory", Ok(vec![Memory])),
            ("cpu", Ok(vec![Cpu])),
            ("memory:cpu", Ok(vec![Memory, Cpu])),
            ("cpu:memory", Ok(vec![Cpu, Memory])),
            ("cpu:cpu", Err(Complaint::Twice("cpu".into()))),
            ("memory:", Err(Complaint::EmptyElement { position: 2 })),
            ("nvidia.com/gpu", not("nvidia.com/gpu")),
            ("Memory", not("Memory")),
        ] {
            assert_eq!(resources(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_group_may_name_its_pool() {
        let read = |text| groups(text).map(|groups| (groups.names, groups.pools));
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let pools = |pools: &[(&str, &str)]| {
            pools
                .iter()
                .map(|(group, pool)| ((*group).to_owned(), (*pool).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(read(""), Ok((names(&[]), pools(&[]))));
        assert_eq!(
            read("gpu=us-central1-a/gke-gpu-grp:core"),
            Ok((
                names(&["core", "us-central1-a/gke-gpu-grp"]),
                pools(&[("us-central1-a/gke-gpu-grp", "gpu")])
            ))
        );
        // A pool may have several groups, but a group has one pool.
        assert_eq!(read("gpu=a:gpu=b"), Ok((names(&["a", "b"]), pools(&[("a", "gpu"), ("b", "gpu")]))));
        assert_eq!(read("gpu=a:cpu=a"), Err(Complaint::GroupInTwoPools("a".into())));
        assert_eq!(read("=a"), Err(Complaint::NotAName { text: String::new(), what: "pool" }));
        assert_eq!(read("gpu="), Err(Complaint::NotAName { text: String::new(), what: "group name" }));
    }

    #[test]
    fn each_list_has_its_own_rule() {
        let not = |text: &str, what| Err(Complaint::NotAName { text: text.into(), what });
        assert_eq!((NAMESPACES.read)("kube-system:Hub"), not("Hub", "namespace"));
        let not_a_group = Complaint::NotAName { text: "../b".into(), what: "group name" };
        assert_eq!((GROUPS.read)("pool-a:../b"), Err(not_a_group));
        assert!((GROUPS.read)("gke-hub-users-1a2b-grp:1a2b").is_ok());
        // The beginning of servers' names, and an expression.
        assert!((GROUPS.read)("hub-k8s-node-:gpu=^hub-k8s-gpu-[0-9]+$:hub_2.").is_ok());
        // CloudFormation's and eksctl's names of groups on AWS.
        assert!((GROUPS.read)("HubStack-UsersASG1A2B:gpu=eksctl-hub-nodegroup-gpu-NodeGroup-4F2K").is_ok());
        for text in
            ["-a", "NODE_GROUP_NAMES", "RESOURCE_GROUP/users", "a b", "*", "hub-[0-9]+", "^a b", "a/^b"]
        {
            assert!((GROUPS.read)(text).is_err(), "{text}");
        }
    }
}
