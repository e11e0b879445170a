//! One runtime for all fakes of a process, so that a test need not be asynchronous to use one, and may be.

use std::io;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime that everything in the background runs on. Made once also where two tests start at the same moment: one
/// too many would be dropped, and panic if that happens in an asynchronous test.
pub fn runtime() -> io::Result<&'static Handle> {
    static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
        Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("background").build()
    });
    match &*RUNTIME {
        Ok(runtime) => Ok(runtime.handle()),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}
