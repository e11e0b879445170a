//! The names that Magnum's driver for Heat gives to servers: `STACK-node-NUMBER`. A stack has the name of its cluster, shortened,
//! and a random end.

/// Length of the random end.
const RANDOM: usize = 12;

/// Whether a server has the name of a worker in a stack of this node group.
pub(super) fn is_worker(server: &str, cluster: &str, group: &str) -> bool {
    let Some(stack) = stack(server) else { return false };
    // The default group is in the stack of the cluster, every other one has its own.
    let of_group = || format!("{}-{}", plain(cluster, 20), plain(group, 9));
    stack == plain(cluster, 30) || stack == plain(cluster, usize::MAX) || stack == of_group()
}

/// The name of the stack of a worker in small letters, without its random end.
fn stack(server: &str) -> Option<String> {
    let (stack, number) = server.rsplit_once("-node-")?;
    let (name, random) = stack.rsplit_once('-')?;
    let is_random = random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_random && is_number).then(|| plain(name, usize::MAX))
}

/// The first letters of a name, as Magnum changes them for the name of a stack.
fn plain(name: &str, longest: usize) -> String {
    let letters =
        name.chars().take(longest).map(|letter| if matches!(letter, '_' | '.') { '-' } else { letter });
    letters
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_the_name_of_its_cluster_a_random_end_and_a_number() {
        let is = |server| is_worker(server, "hub", "default-worker");
        assert!(is("hub-abcdefghij23-node-0") && is("hub-default-w-abcdefghij23-node-11"));
        for other in [
            "lab-abcdefghij23-node-0",
            "hub-b-abcdefghij23-node-0",
            "hub-abcdefghij23-master-0",
            "hub-abcdefghij23-node-",
            "hub-abcdefghij23-node-x",
            "hub-k8s-node-1",
            "abcdefghij23-node-0",
            "hub",
            "",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
