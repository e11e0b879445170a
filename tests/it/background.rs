//! One runtime in the background of the test process, for the fake API servers and the tests' client, so that a test
//! need not be asynchronous to use them, and may be.

use std::sync::{LazyLock, mpsc};

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime that everything in the background runs on.
pub(crate) fn runtime() -> &'static Handle {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        Builder::new_multi_thread().worker_threads(2).enable_all().thread_name("background").build().unwrap()
    });
    RUNTIME.handle()
}

/// Runs a future in the background and blocks this thread until it is done. Unlike `Runtime::block_on` it may be
/// called from a thread that drives a runtime of its own.
pub(crate) fn wait_for<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime().spawn(async move {
        // Nobody listens any more only when the waiting thread has panicked.
        sender.send(future.await).ok();
    });
    receiver.recv().unwrap()
}
