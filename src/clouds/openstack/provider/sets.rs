//! Sets of servers by name: the meaning of `NODE_GROUPS` on OpenStack.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::{Regex, RegexBuilder};

use crate::client::Server;
use crate::id::ServerId;
use kube_rebalancer_rest::CloudError;

/// The largest compiled expression, in bytes: an operator's expression must not fill the memory.
const LARGEST: usize = 1 << 20;

/// A set of servers.
#[derive(Debug)]
pub(crate) struct Set {
    /// The part of `NODE_GROUPS`, which is the name of the group.
    pub(crate) name: String,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    /// Names with this prefix.
    Prefix(String),
    /// Names that an expression matches from their first to their last letter.
    Expression(Regex),
}

impl Set {
    /// Reads a part of `NODE_GROUPS`: one that begins with `^` is a regular expression, any other is a prefix.
    pub(crate) fn parse(part: &str) -> Result<Self, CloudError> {
        let rule = if part.starts_with('^') {
            let whole = RegexBuilder::new(&format!("^(?:{part})$")).size_limit(LARGEST).build();
            Rule::Expression(whole.map_err(|error| {
                let why = kube_rebalancer_ports::words::clean(&error.to_string());
                CloudError::setting(format!("NODE_GROUPS: `{part}` is no regular expression: {why}"))
            })?)
        } else {
            Rule::Prefix(part.to_owned())
        };
        Ok(Self { name: part.to_owned(), rule })
    }

    /// Whether a server of this name is in the set.
    pub(super) fn has(&self, server: &str) -> bool {
        match &self.rule {
            Rule::Prefix(prefix) => server.starts_with(prefix.as_str()),
            Rule::Expression(expression) => expression.is_match(server),
        }
    }
}

/// The servers of all sets.
#[derive(Debug, Default)]
pub(crate) struct Sorted<'a> {
    /// The servers of each set, by its position.
    pub(crate) of_set: Vec<Vec<&'a Server>>,
    /// Servers that match a set but are left alone, each with the reason.
    pub(crate) refused: BTreeMap<ServerId, String>,
    /// The parts of `NODE_GROUPS` that no server's name matches.
    pub(crate) unknown: BTreeSet<String>,
}

/// Sorts servers by set. A server in two sets is a mistake in `NODE_GROUPS`.
pub(crate) fn sort<'a>(
    sets: &[Set],
    servers: &'a [Server],
    zone: Option<&str>,
) -> Result<Sorted<'a>, CloudError> {
    let mut sorted = Sorted { of_set: vec![Vec::new(); sets.len()], ..Sorted::default() };
    sorted.unknown = sets.iter().map(|set| set.name.clone()).collect();
    for server in servers {
        let mut matching = (0_usize..).zip(sets).filter(|(_, set)| set.has(&server.name));
        let Some((at, set)) = matching.next() else { continue };
        if let Some((_, other)) = matching.next() {
            return Err(CloudError::setting(format!(
                "NODE_GROUPS: server {} is in `{}` and in `{}`; a server is in one group",
                server.name, set.name, other.name
            )));
        }
        sorted.unknown.remove(&set.name);
        if let Some(why) = objection(server, zone) {
            sorted.refused.insert(server.id.clone(), why);
        } else if let Some(group) = sorted.of_set.get_mut(at) {
            group.push(server);
        }
    }
    Ok(sorted)
}

/// The reason why a server is left alone, regardless of its name.
pub(crate) fn objection(server: &Server, zone: Option<&str>) -> Option<String> {
    if let Some(mark) = control_plane(server) {
        return Some(format!("its server {} is of the control plane: its metadata has {mark}", server.name));
    }
    let (zone, own) = (zone?, server.zone.as_deref()?);
    (own != zone).then(|| format!("its server {} is in availability zone {own}, ZONE is {zone}", server.name))
}

/// Words of metadata that name a role of the control plane: the groups of Kubespray, and other tools' words.
const ROLES: [&str; 8] = [
    "kube_control_plane",
    "kube-control-plane",
    "kube_master",
    "kube-master",
    "control-plane",
    "control_plane",
    "master",
    "etcd",
];

/// The metadata that shows that a server belongs to the control plane, if so. A key that names such a role counts, unless
/// its value means no.
fn control_plane(server: &Server) -> Option<String> {
    let is_role = |word: &str| ROLES.contains(&word.trim().to_ascii_lowercase().as_str());
    server.metadata.iter().find_map(|(key, value)| {
        let role = key.rsplit(['/', ':']).next().unwrap_or(key);
        let is_no = ["", "false", "no", "0"].contains(&value.trim().to_ascii_lowercase().as_str());
        let by_key = is_role(role) && (!is_no || key.contains('/'));
        let by_value = value.split([',', ';', ' ', '|']).any(is_role);
        (by_key || by_value).then(|| format!("{key}={value}"))
    })
}

/// Prefixes of the servers' names, as a suggestion: each name without the digits at its end.
pub(crate) fn prefixes(servers: &[Server]) -> Vec<String> {
    let names = servers.iter().map(|server| server.name.trim_end_matches(|end: char| end.is_ascii_digit()));
    let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, metadata: &[(&str, &str)]) -> Server {
        Server {
            id: ServerId::parse(&format!("00000000-0000-4000-8000-{:012}", name.len())).unwrap(),
            name: name.to_owned(),
            status: "ACTIVE".to_owned(),
            task: None,
            locked: false,
            zone: Some("nova".to_owned()),
            created_at: None,
            metadata: metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            addresses: BTreeSet::new(),
        }
    }

    #[test]
    fn a_prefix_begins_a_name_and_an_expression_is_all_of_it() {
        for (part, name, has) in [
            ("hub-k8s-node-", "hub-k8s-node-1", true),
            ("hub-k8s-node-", "hub-k8s-node-nf-1", true),
            ("hub-k8s-node-", "other-hub-k8s-node-1", false),
            ("hub-k8s-node-", "Hub-k8s-node-1", false),
            ("hub.k8s", "hub-k8s-node-1", false),
            ("^hub-k8s-node-[0-9]+", "hub-k8s-node-12", true),
            ("^hub-k8s-node-[0-9]+", "hub-k8s-node-12-old", false),
            ("^hub-k8s-node-[0-9]+$", "hub-k8s-node-12", true),
            ("^a|b", "xb", false),
            ("^a|b", "b", true),
        ] {
            assert_eq!(Set::parse(part).unwrap().has(name), has, "{part} {name}");
        }
        for part in ["^(", "^a{1000000}", "^[z-a]"] {
            let error = Set::parse(part).unwrap_err();
            assert!(error.message.starts_with(&format!("NODE_GROUPS: `{part}` is no regular")), "{error}");
        }
    }

    #[test]
    fn a_server_of_the_control_plane_is_refused_by_its_metadata() {
        for (metadata, refused) in [
            (&[("kubespray_groups", "kube_node,k8s_cluster,")][..], false),
            (&[("kubespray_groups", "kube_control_plane,etcd,k8s_cluster,no_floating")], true),
            (&[("kubespray_groups", "kube-master,kube-node,vault")], true),
            (&[("kubespray_groups", "kube_node,etcd")], true),
            (&[("role", "Master")], true),
            (&[("node-role.kubernetes.io/control-plane", "")], true),
            (&[("master", "false")], false),
            (&[("master", "hub-k8s-master-1")], true),
            (&[("owner", "webmaster")], false),
            (&[], false),
        ] {
            assert_eq!(control_plane(&server("a", metadata)).is_some(), refused, "{metadata:?}");
        }
    }

    #[test]
    fn a_server_is_in_one_set() {
        let sets = |parts: &[&str]| parts.iter().map(|part| Set::parse(part).unwrap()).collect::<Vec<_>>();
        let servers = [server("hub-1", &[]), server("hub-gpu-1", &[]), server("bastion", &[])];
        let error = sort(&sets(&["hub-", "hub-gpu-"]), &servers, None).unwrap_err();
        let told = "NODE_GROUPS: server hub-gpu-1 is in `hub-` and in `hub-gpu-`; a server is in one group";
        assert_eq!(error.message, told);
        let sets = sets(&["^hub-[0-9]+", "hub-gpu-", "none-"]);
        let sorted = sort(&sets, &servers, None).unwrap();
        let names = |at: usize| sorted.of_set[at].iter().map(|one| &*one.name).collect::<Vec<_>>();
        assert_eq!((names(0), names(1), names(2)), (vec!["hub-1"], vec!["hub-gpu-1"], vec![]));
        assert_eq!(sorted.unknown, BTreeSet::from(["none-".to_owned()]));
        assert_eq!(prefixes(&servers), ["bastion", "hub-", "hub-gpu-"]);
        // A server without a zone is on no host; it was in one before.
        let elsewhere = sort(&sets, &servers, Some("other")).unwrap();
        assert!(elsewhere.of_set.iter().all(Vec::is_empty), "{elsewhere:?}");
        assert_eq!(elsewhere.refused.len(), 2);
    }
}
