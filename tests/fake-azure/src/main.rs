//! The fake Azure as a program, to try clients on: a scale set `users` of four instances in the resource group `hub-rg`, and a managed
//! cluster `hub` with the pools `system` and `users`.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use fake_azure::{Account, Cluster, FakeAzure, Options, ScaleSet};

/// The subscription.
const SUBSCRIPTION: &str = "12345678-aaaa-bbbb-cccc-123456789abc";

fn main() -> ExitCode {
    let Err(error) = serve();
    // If even that cannot be written, the exit code shows the failure.
    writeln!(std::io::stderr(), "fake-azure: {error}").ok();
    ExitCode::FAILURE
}

fn serve() -> Result<Infallible, Box<dyn Error>> {
    // Pages of three, so that a client has to follow them.
    let fake = FakeAzure::start(Account::ops(), Options { page: 3, ..Options::default() })?;
    fake.add_set(ScaleSet::new(SUBSCRIPTION, "hub-rg", "users"), 4);
    fake.add_cluster(
        Cluster::new(SUBSCRIPTION, "hub-rg", "hub").pool("system", 1, true).pool("users", 3, false),
    );
    // The first line is for programs that wait for it.
    writeln!(std::io::stdout(), "{}", fake.url())?;
    loop {
        std::thread::park();
    }
}
