//! Starts the programs in the fastest order, and waits until each one is ready:
//!
//! ```text
//! etcd ─> kube-apiserver ─┬─> kube-controller-manager
//!                         ├─> kube-scheduler
//!                         └─> kwok
//! ```
//!
//! tests/control-plane/README.md explains the order and the conditions.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::Duration;

use fake_http::waiting::{self, TimedOut};
use tempfile::TempDir;

use super::certificates::{Authority, Certificate};
use super::client::Client;
use super::files;
use super::flags;
use super::processes::{Ended, Processes};
use super::programs::Programs;

/// Long, as a busy machine may be ten times slower than an idle one, and nothing waits longer than it must.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// Maximum number of starts, if another process has taken a port between its choice and its use.
const TRIES: usize = 4;

/// The reason why the control plane does not start although its programs exist.
#[derive(thiserror::Error)]
pub(crate) enum StartError {
    #[error("no control plane, and REQUIRE_CONTROL_PLANE=true: {0}")]
    Missing(String),
    #[error("cannot make the certificates")]
    Certificates(#[from] rcgen::Error),
    #[error("cannot prepare or start the control plane's processes")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Ended(Ended),
    #[error("{timed_out}; the ends of the logs:\n{logs}")]
    NotReady { timed_out: TimedOut, logs: String },
}

/// For people, with line breaks and causes, since this is what a test shows that unwraps it.
impl fmt::Debug for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StartError {
    fn is_a_taken_port(&self) -> bool {
        matches!(self, Self::Ended(ended) if ended.log.contains("address already in use"))
    }
}

/// The result of a start.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) processes: Processes,
    pub(super) directory: TempDir,
    pub(super) authority: Authority,
    pub(super) admin: Certificate,
    pub(super) url: String,
    /// The port at which kwok serves the metrics of its nodes.
    pub(super) kwok_port: u16,
}

/// Starts everything in a new private directory, and waits until it is ready.
pub(super) fn start(programs: &Programs) -> Result<Started, StartError> {
    let mut tries = 1;
    loop {
        match Start::new(programs)?.run() {
            Err(error) if error.is_a_taken_port() && tries < TRIES => tries += 1,
            result => return result,
        }
    }
}

/// One try.
struct Start<'a> {
    programs: &'a Programs,
    authority: Authority,
    url: String,
    ports: [u16; 4],
    processes: Processes,
    // The last field, because it can only be removed when no process writes to it.
    directory: TempDir,
}

impl<'a> Start<'a> {
    fn new(programs: &'a Programs) -> Result<Self, StartError> {
        let ports = free_ports()?;
        let authority = Authority::new()?;
        let directory = short_directory()?;
        let processes = Processes::new(directory.path())?;
        let url = format!("https://127.0.0.1:{}", ports[0]);
        Ok(Self { programs, authority, url, ports, processes, directory })
    }

    fn run(mut self) -> Result<Started, StartError> {
        let admin_certificate = files::write(self.directory.path(), &self.authority, &self.url)?;
        let admin = Client::secure(&self.url, self.authority.pem(), Some(&admin_certificate));
        let [api_server_port, controller_manager_port, scheduler_port, kwok_port] = self.ports;

        self.spawn("etcd", &[], flags::ETCD, 0)?;
        let socket = self.directory.path().join("etcd.sock");
        self.wait("etcd has made its socket", || socket.exists())?;

        self.spawn("kube-apiserver", &[], flags::API_SERVER, api_server_port)?;
        self.wait("the API server is ready", || is_ok(&admin, "/readyz"))?;

        self.spawn("kube-controller-manager", &[], flags::CONTROLLER_MANAGER, controller_manager_port)?;
        self.spawn("kube-scheduler", &[], flags::SCHEDULER, scheduler_port)?;
        // So that it reads no configuration of the user's.
        let home = self.directory.path().display().to_string();
        let environment = [("HOME", home.as_str()), ("KWOK_WORKDIR", home.as_str())];
        self.spawn("kwok", &environment, flags::KWOK, kwok_port)?;

        let scheduler =
            Client::secure(&format!("https://127.0.0.1:{scheduler_port}"), self.authority.pem(), None);
        let kwok = Client::plain(&format!("http://127.0.0.1:{kwok_port}"));
        self.wait("the scheduler is ready", || is_ok(&scheduler, "/readyz"))?;
        self.wait("kwok is ready", || is_ok(&kwok, "/healthz"))?;
        // The controller manager calls itself healthy before any controller runs; without this no pod can be made.
        self.wait("the controllers have made the default service account", || {
            is_ok(&admin, "/api/v1/namespaces/default/serviceaccounts/default")
        })?;

        let Self { authority, processes, url, directory, .. } = self;
        Ok(Started { processes, directory, authority, admin: admin_certificate, url, kwok_port })
    }

    fn spawn<const N: usize>(
        &mut self,
        program: &'static str,
        environment: &[(&str, &str)],
        flags: [&str; N],
        port: u16,
    ) -> Result<(), StartError> {
        let mut command = Command::new(self.programs.path(program));
        command.args(flags::fill(flags, self.directory.path(), port)).envs(environment.iter().copied());
        Ok(self.processes.spawn(program, &mut command)?)
    }

    /// Waits for a condition, but not for what can no longer come as a process has ended.
    fn wait(&mut self, description: &str, mut condition: impl FnMut() -> bool) -> Result<(), StartError> {
        let processes = &mut self.processes;
        let result = waiting::until(description, PATIENCE, || match processes.check() {
            Err(ended) => Some(Err(ended)),
            Ok(()) => condition().then_some(Ok(())),
        });
        match result {
            Ok(outcome) => outcome.map_err(StartError::Ended),
            Err(timed_out) => Err(StartError::NotReady { timed_out, logs: self.processes.log_tails() }),
        }
    }
}

/// A directory whose path is short enough for a socket's, of which some systems take but 103 bytes.
fn short_directory() -> io::Result<TempDir> {
    const LONGEST: usize = 80;
    let directory = tempfile::Builder::new().prefix("plane-").tempdir()?;
    if directory.path().as_os_str().len() <= LONGEST {
        return Ok(directory);
    }
    tempfile::Builder::new().prefix("plane-").tempdir_in("/tmp")
}

/// Free ports. All are held until the last one is found, so that they differ.
pub(super) fn free_ports() -> io::Result<[u16; 4]> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = [bind()?, bind()?, bind()?, bind()?];
    let mut ports = [0; 4];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

fn is_ok(client: &Client, path: &str) -> bool {
    client.send(&hyper::Method::GET, path, None).is_ok_and(|answer| answer.status == 200)
}
