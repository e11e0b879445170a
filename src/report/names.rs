//! Short names of nodes for the columns of a table: a cloud's names share most of their forty characters.

use kube_rebalancer_core::plan::NodeVerdict;

use kube_rebalancer_page::clean;

/// The replacement for the common prefix of the names; no DNS name begins with it.
const SHORTENED: &str = "..";
/// Minimum length of a prefix that is worth a legend.
const WORTH_SHORTENING: usize = 4;
/// Maximum length of a prefix: longer than the prefix of any cloud's names.
const LONGEST_PREFIX: usize = 253;

/// The common prefix of all names, up to and including a `-` or `.`; empty if it is not worth a legend.
pub(super) fn common_prefix<'n>(nodes: &[&'n NodeVerdict]) -> &'n str {
    let Some((first, rest)) = nodes.split_first().filter(|(_, rest)| !rest.is_empty()) else { return "" };
    let first = first.name.as_str();
    let common = rest.iter().fold(first.len().min(LONGEST_PREFIX), |common, node| {
        let same = first.bytes().zip(node.name.bytes()).take(common);
        same.take_while(|(left, right)| left == right).count()
    });
    // A separator is ASCII, so the cut is never inside a character, even if `common` is.
    let separator = first.as_bytes().iter().take(common).rposition(|byte| matches!(byte, b'-' | b'.'));
    separator
        .and_then(|separator| first.get(..=separator))
        .filter(|prefix| prefix.len() >= SHORTENED.len() + WORTH_SHORTENING)
        .unwrap_or("")
}

/// The name as the table writes it: clean, and without the prefix if there is one.
pub(super) fn short(name: &str, prefix: &str) -> String {
    match name.strip_prefix(prefix) {
        Some(rest) if !prefix.is_empty() => format!("{SHORTENED}{}", clean(rest)),
        Some(_) | None => clean(name).into_owned(),
    }
}

/// The end of a heading, with the omitted prefix.
pub(super) fn legend(prefix: &str) -> String {
    if prefix.is_empty() { String::new() } else { format!("; {SHORTENED} stands for {prefix}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::kept;

    #[test]
    fn names_are_cut_after_a_separator_and_only_where_it_pays() {
        for (names, prefix) in [
            (vec!["gke-pool-0df1-0zc0", "gke-pool-0df1-0zd1"], "gke-pool-0df1-"),
            (vec!["ip-10-0-1-2.ec2", "ip-10-0-1-3.ec2", "ip-10-0-2-3.ec2"], "ip-10-0-"),
            (vec!["node-1", "node-2"], ""),
            (vec!["gke-pool-0df1-0zc0"], ""),
            (vec!["nothing-shared-1", "something-else-2"], ""),
            (vec!["kitchen-\u{e9}-1", "kitchen-\u{e8}-1"], "kitchen-"),
            (vec!["kitchen-", "kitchen-stove"], "kitchen-"),
            (vec![], ""),
        ] {
            let nodes: Vec<NodeVerdict> = names.iter().map(|name| kept(name, 0)).collect();
            assert_eq!(common_prefix(&nodes.iter().collect::<Vec<_>>()), prefix, "{names:?}");
        }
    }

    #[test]
    fn a_short_name_is_clean_and_a_full_one_too() {
        assert_eq!(short("gke-pool-0zc0", "gke-pool-"), "..0zc0");
        assert_eq!(short("gke-pool-\n", "gke-pool-"), "..\\n");
        assert_eq!(short("other\n", "gke-pool-"), "other\\n");
        assert_eq!(short("gke-pool-0zc0", ""), "gke-pool-0zc0");
        assert_eq!(legend("gke-pool-"), "; .. stands for gke-pool-");
        assert_eq!(legend(""), "");
    }
}
