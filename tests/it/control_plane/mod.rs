//! A real Kubernetes control plane for the tests: etcd, API server, controllers, scheduler, and kwok instead of
//! kubelets. `tests/control-plane/` builds the programs; this module starts them, creates nodes and pods, and ends
//! them. It knows nothing of the program under test.
//!
//! ```text
//! ControlPlane::shared() ──> create_node, create_pod, kubeconfig ──> run the program ──> node(), events()
//! ```
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

pub(crate) mod certificates;
pub(crate) mod client;
mod files;
mod flags;
pub(crate) mod identity;
pub(crate) mod metrics;
mod processes;
pub(crate) mod programs;
mod start;
mod tests;
mod world;

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, OnceLock};

use tempfile::TempDir;

use self::certificates::Authority;
use self::client::Client;
use self::processes::Processes;
use self::programs::Programs;
pub(crate) use self::start::StartError;

/// A running control plane. Dropped, it ends its processes and removes its directory; if the test process is killed,
/// a watchdog does.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    processes: Mutex<Processes>,
    directory: TempDir,
    programs: Programs,
    authority: Authority,
    admin: Client,
    url: String,
    kwok_port: u16,
    names_given: AtomicUsize,
}

impl ControlPlane {
    /// Starts one for a test that needs a cluster to itself. None, and one line on the terminal, where the programs
    /// are missing; with `REQUIRE_CONTROL_PLANE=true` that fails the test.
    pub(crate) fn start() -> Result<Option<Self>, StartError> {
        match Programs::find() {
            Ok(programs) => Self::start_with(programs).map(Some),
            Err(missing) if programs::required() => Err(StartError::Missing(missing)),
            Err(missing) => {
                say_once(&missing);
                Ok(None)
            }
        }
    }

    /// The one that all tests of this process share: they keep apart by names ([`Self::unique`]) and labels. It ends
    /// with the process.
    #[track_caller]
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Option<ControlPlane>, StartError>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().unwrap().as_ref()
    }

    fn start_with(programs: Programs) -> Result<Self, StartError> {
        let started = start::start(&programs)?;
        let admin = Client::secure(&started.url, started.authority.pem(), Some(&started.admin));
        Ok(Self {
            processes: Mutex::new(started.processes),
            directory: started.directory,
            programs,
            authority: started.authority,
            admin,
            url: started.url,
            kwok_port: started.kwok_port,
            names_given: AtomicUsize::new(0),
        })
    }

    /// A name that begins with `stem` and that no other test of this process gets.
    pub(crate) fn unique(&self, stem: &str) -> String {
        format!("{stem}-{}", self.names_given.fetch_add(1, Ordering::Relaxed))
    }

    /// The URL of the API server: `https://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A client that may do everything.
    pub(crate) fn admin(&self) -> &Client {
        &self.admin
    }

    /// Signs further users' certificates.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The logs (`kube-apiserver.log` and so on), certificates and kubeconfigs.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends one of its processes: `kube-controller-manager`, say.
    pub(crate) fn end(&self, name: &str) {
        self.processes.lock().unwrap().end(name).unwrap();
    }

    /// The ids of its processes.
    pub(crate) fn process_ids(&self) -> Vec<u32> {
        self.processes.lock().unwrap().ids()
    }
}

/// Says it on standard error itself: what the `eprintln` macro writes is not shown for a test that passes.
fn say_once(missing: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        writeln!(std::io::stderr(), "skipped: the tests on a real control plane: {missing}").ok();
    });
}
