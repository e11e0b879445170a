//! The program as a process against a fake API server.

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::fake_api::FakeApi;

/// The program with everything it needs to find a fake.
#[derive(Debug)]
pub(super) struct Program {
    directory: TempDir,
    /// `RUN_TIMEOUT`.
    timeout: String,
}

/// The output of a run, besides the cluster.
#[derive(Debug)]
pub(super) struct Ran {
    /// None if it was killed.
    pub(super) code: Option<i32>,
    /// Null if there is none.
    pub(super) report: Value,
    pub(super) stderr: String,
}

impl Program {
    pub(super) fn new(fake: &FakeApi, timeout: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), fake.kubeconfig()).unwrap();
        Self { directory, timeout: timeout.to_owned() }
    }

    pub(super) fn timeout(self, timeout: &str) -> Self {
        Self { timeout: timeout.to_owned(), ..self }
    }

    /// Starts a run, with nothing in its environment but what is given here.
    pub(super) fn spawn(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(["--output", "json"])
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .env("PREEMPTIBLE_LABELS", "user")
            .env("MIN_NODES", "1")
            .env("PACK", "false")
            .env("EMPTY_GRACE", "1h")
            .env("RUN_TIMEOUT", &self.timeout)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        self.spawn(arguments).wait_with_output().unwrap().into()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
