//! Futures of the tests' client run in the background of the test process, where the fakes run too, so that a test need
//! not be asynchronous to use them, and may be.

use std::sync::mpsc;

use fake_http::runtime;

/// Runs a future in the background and blocks this thread until it is done. Unlike `Runtime::block_on` it may be called
/// from a thread that drives another runtime.
pub(crate) fn wait_for<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime().unwrap().spawn(async move {
        // The receiver is gone only if the waiting thread has panicked.
        sender.send(future.await).ok();
    });
    receiver.recv().unwrap()
}
