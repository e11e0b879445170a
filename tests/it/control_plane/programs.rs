//! The folder of the control plane's programs: `KUBEBUILDER_ASSETS`, if that is set, else the
//! output folder of `tests/control-plane/build`.

use std::path::{Path, PathBuf};

const PROGRAMS: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl"];

/// A directory that has all the programs.
#[derive(Debug, Clone)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// The programs, or one line that says which are missing, where, and how to get them.
    pub(crate) fn find() -> Result<Self, String> {
        let (directory, how) = match variable("KUBEBUILDER_ASSETS") {
            Some(assets) => (PathBuf::from(assets), "complete it, or unset KUBEBUILDER_ASSETS"),
            None => (
                Path::new(env!("CARGO_MANIFEST_DIR")).join("target/control-plane"),
                "run tests/control-plane/build",
            ),
        };
        let missing: Vec<&str> =
            PROGRAMS.into_iter().filter(|program| !directory.join(program).is_file()).collect();
        if missing.is_empty() {
            return Ok(Self(directory));
        }
        Err(format!("{} not in {}: {how}", missing.join(", "), directory.display()))
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }
}

/// Whether a missing control plane fails a test instead of skipping it.
pub(crate) fn required() -> bool {
    is_true("REQUIRE_CONTROL_PLANE")
}

/// Whether a missing Prometheus fails a test instead of skipping it.
pub(crate) fn prometheus_required() -> bool {
    is_true("REQUIRE_PROMETHEUS")
}

fn is_true(name: &str) -> bool {
    variable(name).is_some_and(|value| value == "true")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment tells the tests, not the program, where things are"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
