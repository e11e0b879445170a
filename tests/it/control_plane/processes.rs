//! The processes of one control plane, each with its log in a file. They end with the test, also after a failure.
//!
//! ```text
//! test process ──spawns──> etcd, kube-apiserver, …
//!      │                          ▲
//!      └──pipe──> watchdog ───────┘ the pipe closes with the test process, be it by SIGKILL: the
//!                                   watchdog ends them by id, and removes their directory
//! ```
//!
//! `PR_SET_PDEATHSIG` is not suitable: the signal is sent when the spawning *thread* ends, and every test is a
//! thread.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// Reads process ids until the pipe closes. The removal is tried again since a killed process may still be writing.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
ids=
while read -r id; do ids="$ids $id"; done
for id in $ids; do kill -KILL "$id"; done
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" && exit; sleep 0.2; done
"#;

/// A process of the control plane that has ended unexpectedly.
#[derive(Debug, thiserror::Error)]
#[error("{name} ended with {status}; the end of its log:\n{log}")]
pub(crate) struct Ended {
    pub(crate) name: &'static str,
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

/// The running processes. Dropped, it ends them all.
#[derive(Debug)]
pub(crate) struct Processes {
    directory: PathBuf,
    running: Vec<(&'static str, Child)>,
    watchdog: Child,
    watchdog_input: Option<ChildStdin>,
}

impl Processes {
    /// No process yet but the watchdog, which will remove `directory` if the test process cannot.
    pub(crate) fn new(directory: &Path) -> io::Result<Self> {
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A separate process group: a signal to the tests' group, such as Ctrl-C, must not end the watchdog
            // first.
            .process_group(0)
            .spawn()?;
        let watchdog_input = watchdog.stdin.take();
        Ok(Self { directory: directory.to_owned(), running: Vec::new(), watchdog, watchdog_input })
    }

    /// Starts a process whose output goes to `name.log` in the directory.
    pub(crate) fn spawn(&mut self, name: &'static str, command: &mut Command) -> io::Result<()> {
        let log = File::create(self.log(name))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir(&self.directory)
            .process_group(0)
            .spawn()?;
        let id = child.id();
        // Known here first, so that a failure to tell the watchdog still ends it on drop.
        self.running.push((name, child));
        if let Some(input) = &mut self.watchdog_input {
            writeln!(input, "{id}")?;
        }
        Ok(())
    }

    /// Complains of the first process that has ended.
    pub(crate) fn check(&mut self) -> Result<(), Ended> {
        for (name, child) in &mut self.running {
            if let Ok(Some(status)) = child.try_wait() {
                let name = *name;
                return Err(Ended { name, status, log: self.log_tail(name) });
            }
        }
        Ok(())
    }

    /// Ends one process, as a machine does that loses power.
    pub(crate) fn end(&mut self, name: &str) -> io::Result<()> {
        for (_, child) in self.running.iter_mut().filter(|(one, _)| *one == name) {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// The last lines of a process's log.
    pub(crate) fn log_tail(&self, name: &str) -> String {
        const LINES: usize = 20;
        let text = std::fs::read(self.log(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }

    /// The last lines of every log.
    pub(crate) fn log_tails(&self) -> String {
        let tails: Vec<String> =
            self.running.iter().map(|(name, _)| format!("--- {name}\n{}", self.log_tail(name))).collect();
        tails.join("\n")
    }

    /// The ids of the processes, the watchdog's last.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.running.iter().map(|(_, child)| child.id()).chain([self.watchdog.id()]).collect()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            child.kill().ok();
        }
        for (_, child) in &mut self.running {
            child.wait().ok();
        }
        // Only now, and before its pipe closes: it must not kill by ids that are no longer ours.
        self.watchdog.kill().ok();
        self.watchdog.wait().ok();
    }
}
