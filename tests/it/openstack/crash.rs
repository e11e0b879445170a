//! A run that parks, wakes, deletes or grows is killed before and after each of its requests to OpenStack: no action is
//! done twice, no other server changes, and the runs after it repair the state.

use std::convert::Infallible;
use std::process::Child;
use std::time::Duration;

use fake_http::Desk;
use fake_openstack::{Account, Call, Cluster, Server};

use super::world::{World, id, name, user};
use crate::crash::{Later, OfCloud, clean_runs, kill_at_each_request, time};
use crate::fake_api::{FakeApi, Resource};
use crate::objects::Node;

/// The task of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// The third of three servers is to be shelved.
    Park,
    /// It is to be deleted.
    Delete,
    /// One of the two parked servers, the third and the fourth, is to be woken.
    Wake,
    /// A node group of Magnum is to have three nodes in place of two.
    Grow,
}

fn worker(number: usize) -> String {
    format!("hub-stack-default-worker-{number}")
}

impl Task {
    const ALL: [Self; 4] = [Self::Park, Self::Delete, Self::Wake, Self::Grow];

    fn settings(self) -> Vec<(&'static str, &'static str)> {
        let give_back = if self == Self::Delete { "delete" } else { "park" };
        let groups = if self == Self::Grow { "hub/default-worker" } else { "hub-k8s-node-" };
        vec![
            ("GIVE_BACK", give_back),
            ("NODE_GROUPS", groups),
            ("MIN_NODES", "2"),
            ("RESOURCES", "memory"),
            ("FORECAST", "false"),
            ("STABILIZATION", "0s"),
        ]
    }

    /// What was done to each server since the start, by its number.
    fn deeds(world: &World) -> Vec<(usize, Vec<&'static str>)> {
        let number = |id: &str| id.rsplit('-').next().unwrap().parse().unwrap_or(0);
        let servers = world.cloud.servers().into_iter();
        servers.filter(|one| !one.done.is_empty()).map(|one| (number(&one.id), one.done)).collect()
    }

    fn woken(deeds: &[(usize, Vec<&'static str>)]) -> usize {
        deeds.iter().filter(|(_, done)| done.contains(&"unshelve")).count()
    }

    fn size(world: &World) -> Option<u32> {
        let cluster = world.cloud.cluster("hub")?;
        cluster.groups.iter().find(|group| group.name == "default-worker").map(|group| group.count)
    }
}

impl crate::crash::Task for Task {
    type World = World;

    fn start(self) -> World {
        let world = World::new(match self {
            Self::Park | Self::Delete => 3,
            Self::Wake => 4,
            Self::Grow => 0,
        });
        let (memory, nodes) = match self {
            Self::Park | Self::Delete => ("6Gi", [name(1), name(2)]),
            Self::Wake => ("7Gi", [name(1), name(2)]),
            Self::Grow => ("7Gi", [worker(1), worker(2)]),
        };
        match self {
            Self::Park | Self::Delete => world.empty(3),
            Self::Wake => {
                world.park(3, "2026-11-26T10:00:00Z");
                world.park(4, "2026-11-26T11:00:00Z");
            }
            Self::Grow => {
                let project = Account::ops().project_id;
                for number in [1, 2] {
                    world.cloud.add_server(Server::new(&id(number), &worker(number), &project));
                    world.api.add_node(&Node::new(&worker(number)).on_openstack(&id(number)));
                }
                let cluster = Cluster::new("hub", &project);
                world.cloud.add_cluster(cluster.workers("default-worker", 2, (1, Some(8))));
            }
        }
        for (number, node) in nodes.into_iter().enumerate() {
            world.api.add_pod(&user(number).memory(memory).on(&node));
        }
        if matches!(self, Self::Wake | Self::Grow) {
            world.api.add_pod(&user(9).memory("2Gi").unschedulable());
        }
        world.set_time("2026-11-26T18:00:00Z");
        world
    }

    fn spawn(self, world: &World) -> Child {
        world.spawn(&self.settings())
    }

    fn is_done(self, world: &World) -> bool {
        let deeds = Self::deeds(world);
        match self {
            Self::Park => deeds == [(3, vec!["shelve"])],
            Self::Delete => world.cloud.server(&id(3)).is_none() || deeds == [(3, vec!["delete"])],
            Self::Wake => Self::woken(&deeds) == 1,
            Self::Grow => Self::size(world) == Some(3),
        }
    }

    fn harm(self, world: &World) -> Option<String> {
        let deeds = Self::deeds(world);
        let sound = match self {
            Self::Park => deeds.is_empty() || self.is_done(world),
            // A marked node that is not Ready within BOOT_GRACE is broken, and is deleted as a broken one.
            Self::Wake => {
                let may_be = |(number, done): &(usize, Vec<&str>)| {
                    matches!(number, 3 | 4) && matches!(**done, ["unshelve" | "delete"])
                };
                deeds.iter().all(may_be) && Self::woken(&deeds) <= 1
            }
            // A server that goes may be asked to go once more.
            Self::Delete => {
                deeds.iter().all(|(number, done)| *number == 3 && done.iter().all(|one| *one == "delete"))
            }
            Self::Grow => deeds.is_empty() && matches!(Self::size(world), Some(2 | 3)),
        };
        (!sound).then(|| format!("{deeds:?}, the group has {:?}", Self::size(world)))
    }

    fn after_clean_runs(self, world: &World) -> Vec<String> {
        clean_runs(self, world)
    }
}

impl OfCloud for Task {
    type Call = Call;
    type Own = Infallible;

    fn desk(world: &World) -> &Desk<Call, Infallible> {
        &world.cloud
    }
}

impl Later for Task {
    fn api(world: &World) -> &FakeApi {
        &world.api
    }

    fn join(world: &World) {
        join(world);
    }

    fn later(world: &World, run: usize) {
        join(world);
        world.set_time(&time(run));
    }

    fn found(world: &World) -> String {
        format!("{:?}, the group has {:?}", Self::deeds(world), Self::size(world))
    }

    fn open(self) -> usize {
        if matches!(self, Self::Wake | Self::Grow) { 3 } else { 2 }
    }
}

/// Whatever server runs and is no node yet becomes one; the others follow their servers.
fn join(world: &World) {
    world.cloud.advance(Duration::from_mins(5));
    for server in world.cloud.servers() {
        let exists = world.api.get(Resource::Nodes, None, &server.name).is_some();
        if server.status.shown() == "ACTIVE" && !exists {
            world.api.add_node(&Node::new(&server.name).on_openstack(&server.id));
        }
    }
    let gone = |node: &serde_json::Value| {
        let id = node["spec"]["providerID"].as_str()?.rsplit('/').next()?.to_owned();
        world.cloud.server(&id).is_none().then(|| node["metadata"]["name"].as_str().map(str::to_owned))?
    };
    for name in world.api.all(Resource::Nodes).iter().filter_map(gone) {
        world.api.remove(Resource::Nodes, None, &name);
    }
    world.kubelets();
}

#[test]
fn whenever_a_run_is_killed_at_openstack_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    kill_at_each_request(&Task::ALL);
}
