//! A copy of the repository in which a shell runs commands as a reader would, with the program on its PATH and a
//! separate home.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::control_plane::ControlPlane;

/// The top of the repository as links, so that the output of a command does not get into its folders.
#[derive(Debug)]
pub(super) struct Checkout {
    directory: TempDir,
}

/// The result of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    /// Standard output, and the files that it created or changed.
    pub(super) wrote: String,
    /// Standard error.
    pub(super) told: String,
}

impl Checkout {
    /// A copy without a cluster and without kubectl.
    pub(super) fn new() -> Self {
        let checkout = Self { directory: tempfile::tempdir().unwrap() };
        for folder in ["repository", "bin", "home"] {
            fs::create_dir(checkout.path(folder)).unwrap();
        }
        for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), checkout.path("repository").join(entry.file_name())).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_kube-rebalancer"), checkout.path("bin/kube-rebalancer")).unwrap();
        checkout
    }

    /// A copy with a kubeconfig for this cluster.
    pub(super) fn on(plane: &ControlPlane) -> Self {
        let checkout = Self::new();
        symlink(plane.program("kubectl"), checkout.path("bin/kubectl")).unwrap();
        fs::create_dir(checkout.path("home/.kube")).unwrap();
        fs::copy(plane.directory().join("admin.kubeconfig"), checkout.path("home/.kube/config")).unwrap();
        checkout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command of a page. `input` is the input of a pipe or a keyboard.
    pub(super) fn run(&self, command: &str, input: &str) -> Ran {
        self.wait_for(Command::new("sh").args(["-c", &as_installed(command)]), input)
    }

    /// Runs it on a terminal. None if no terminal can be made.
    pub(super) fn run_on_a_terminal(&self, command: &str, typed: &str) -> Option<Ran> {
        let script = Command::new("script").arg("--version").stdout(Stdio::null()).status();
        let command = as_installed(command);
        let arguments = ["--quiet", "--return", "--command", &command, "/dev/null"];
        script.is_ok().then(|| self.wait_for(Command::new("script").args(arguments), typed))
    }

    fn wait_for(&self, command: &mut Command, input: &str) -> Ran {
        let before = files(&self.path("repository"));
        let mut child = command
            .current_dir(self.path("repository"))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("TERM", "dumb")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads no input may have ended by now.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        let mut wrote = String::from_utf8_lossy(&output.stdout).into_owned();
        for (path, bytes) in files(&self.path("repository")) {
            if before.get(&path) != Some(&bytes) {
                wrote.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        Ran { code: output.status.code(), wrote, told: String::from_utf8_lossy(&output.stderr).into_owned() }
    }
}

/// The same command with the program that is already built; a simulated week in a debug build takes long, a day does
/// not.
fn as_installed(command: &str) -> String {
    let command = command.replace("cargo run --release --", "kube-rebalancer");
    if command.contains("--days") || command.contains("--trace") {
        return command;
    }
    command.replace("kube-rebalancer simulate", "kube-rebalancer simulate --days 1")
}

/// The files of a folder that are no links.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| (entry.path(), fs::read(entry.path()).unwrap())).collect()
}
