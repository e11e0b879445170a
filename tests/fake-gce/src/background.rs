//! One runtime for all fakes of a process, so that a test need not be asynchronous to use one, and may be.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime that everything in the background runs on.
pub(crate) fn runtime() -> io::Result<&'static Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle());
    }
    let made = Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("fake-gce").build()?;
    Ok(RUNTIME.get_or_init(|| made).handle())
}
