//! The fake OpenStack as a program, to try clients on: the user `ops` with the password `secret` in the project `hub`, a
//! control plane node and three workers of a cluster called `hub`.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use fake_openstack::{Account, FakeOpenStack, Options, Server};

fn main() -> ExitCode {
    let Err(error) = serve();
    // If even that cannot be written, the exit code shows the failure.
    writeln!(std::io::stderr(), "fake-openstack: {error}").ok();
    ExitCode::FAILURE
}

fn serve() -> Result<Infallible, Box<dyn Error>> {
    let account = Account::ops();
    let project = account.project_id.clone();
    let fake = FakeOpenStack::start(account, Options::default())?;
    let names = ["hub-k8s-master-1", "hub-k8s-node-1", "hub-k8s-node-2", "hub-k8s-node-3"];
    for (number, name) in names.into_iter().enumerate() {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        let groups = if number == 0 { "kube_control_plane,etcd" } else { "kube_node" };
        fake.add_server(Server::new(&id, name, &project).metadata("kubespray_groups", groups));
    }
    // The first line is for programs that wait for it.
    writeln!(std::io::stdout(), "{}", fake.auth_url())?;
    loop {
        std::thread::park();
    }
}
