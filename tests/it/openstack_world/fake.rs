//! The servers of the fake.

use fake_openstack::FakeOpenStack;

use super::{Server, Servers};

impl Servers for FakeOpenStack {
    fn servers(&self) -> Vec<Server> {
        let servers = FakeOpenStack::servers(self).into_iter();
        let seen = servers.map(|server| Server {
            id: server.id,
            name: server.name,
            status: server.status.shown().to_owned(),
            task: server.task.map(str::to_owned),
        });
        seen.collect()
    }
}
