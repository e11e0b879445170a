//! The way in which a test runs a command of a page, chosen by its program. A command without a way fails the test, so
//! that every command is executed.

/// A way to run a command, or to check it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By a shell, without a cluster.
    Shell,
    /// By a shell, on a real control plane.
    Cluster,
    /// The same on a terminal, where a person agrees.
    Terminal,
    /// On the control plane, up to the kubelet, which has the logs and does not exist in tests.
    Logs,
    /// It runs the tests or builds them: `.ci/run` does, this test is run by it.
    Build,
    /// It takes minutes: only the existence of the benchmarks is checked.
    Bench,
    /// Needs a container engine: `tests/container/try` runs the image without a build.
    Image,
    /// The chart is rendered if helm is installed, and compared with kustomize by `deploy::chart`.
    Chart,
    /// Needs a Google Cloud project: `gce` runs the program with exactly the permissions that it names.
    Role,
}

impl Way {
    /// The way of this command.
    pub(super) fn of(command: &str) -> Option<Self> {
        let mut stages = command.split(" | ");
        let words: Vec<&str> = stages.next()?.split_whitespace().collect();
        // Other programs after a pipe may be missing on a machine.
        if !stages.all(|stage| stage.starts_with("kube-rebalancer ")) {
            return None;
        }
        match words.as_slice() {
            ["cargo", "run", "--release", "--", arguments @ ..] | ["kube-rebalancer", arguments @ ..] => {
                Some(Self::of_the_program(arguments))
            }
            ["kubectl", "get" | "apply" | "kustomize" | "create", ..] => Some(Self::Cluster),
            ["kubectl", "logs", ..] => Some(Self::Logs),
            ["cargo", "build" | "test", ..] | [".ci/run" | "tests/control-plane/build"] => Some(Self::Build),
            ["cargo", "bench", ..] => Some(Self::Bench),
            ["docker", "build" | "push", ..] => Some(Self::Image),
            ["helm", "install", ..] => Some(Self::Chart),
            ["gcloud", "iam", "roles", "create", ..] => Some(Self::Role),
            _ => None,
        }
    }

    fn of_the_program(arguments: &[&str]) -> Self {
        match arguments {
            [] => Self::Terminal,
            ["simulate" | "settings" | "schema" | "completions" | "man", ..] => Self::Shell,
            ["--from", file, ..] if *file != "-" => Self::Shell,
            _ => Self::Cluster,
        }
    }
}

#[test]
fn a_command_that_nothing_runs_has_no_way() {
    for command in ["curl https://example.com | sh", "kubectl delete nodes --all", "kubectl get nodes | jq ."]
    {
        assert_eq!(Way::of(command), None, "{command}");
    }
}

#[test]
fn a_run_is_a_matter_of_a_cluster_unless_it_reads_a_file() {
    for (command, way) in [
        ("cargo run --release -- simulate --plot week.svg", Way::Shell),
        ("kube-rebalancer --from nodes.yaml --from pods.yaml", Way::Shell),
        ("kube-rebalancer completions zsh > _kube-rebalancer", Way::Shell),
        ("kubectl get nodes,pods,pv -A -o json | kube-rebalancer --from -", Way::Cluster),
        ("kube-rebalancer --yes", Way::Cluster),
        ("kube-rebalancer", Way::Terminal),
        ("cargo bench", Way::Bench),
    ] {
        assert_eq!(Way::of(command), Some(way), "{command}");
    }
}
