//! A run that parks, wakes, deletes or grows is killed before and after each of its requests to OpenStack: nothing is done
//! twice, no other server changes, and the runs after it make it good.

use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fake_openstack::{Account, Cluster, Moment, Requests, Server};
use serde_json::json;

use super::world::{World, id, name, user};
use crate::fake_api::Resource;
use crate::faults::many::complaints;
use crate::objects::Node;

/// Longer than any run takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many undisturbed runs there are after the killed one, twenty minutes apart: a claim, the Lease and `BOOT_GRACE` are over
/// between two of them.
const RUNS: usize = 4;

/// What a run is to do.
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

/// One request of an undisturbed run.
#[derive(Debug, Clone)]
struct Point {
    task: Task,
    method: String,
    /// Its position among the requests of this method, from 1.
    nth: usize,
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

    /// The requests of a run that nothing disturbs.
    fn points(self) -> Vec<Point> {
        let world = self.start();
        let ran = world.run(&self.settings());
        assert_eq!((ran.code, self.is_done(&world)), (Some(0), true), "{:?} {}", ran.story(), ran.stderr);
        let numbered = world.cloud.numbered().into_iter();
        numbered.map(|(method, nth)| Point { task: self, method, nth }).collect()
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

    fn is_done(self, world: &World) -> bool {
        let deeds = Self::deeds(world);
        match self {
            Self::Park => deeds == [(3, vec!["shelve"])],
            Self::Delete => world.cloud.server(&id(3)).is_none() || deeds == [(3, vec!["delete"])],
            Self::Wake => Self::woken(&deeds) == 1,
            Self::Grow => Self::size(world) == Some(3),
        }
    }

    /// What must never be, done or not.
    fn harm(self, world: &World) -> Option<String> {
        let deeds = Self::deeds(world);
        let sound = match self {
            Self::Park => deeds.is_empty() || self.is_done(world),
            // A node that is marked and does not come within BOOT_GRACE is broken, and goes as such.
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

/// What is wrong once further runs had their time, which nothing disturbs.
fn after_clean_runs(task: Task, world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for run in 1..=RUNS {
        join(world);
        world.set_time(&format!("2026-11-26T{:02}:{:02}:00Z", 18 + run / 3, 20 * (run % 3)));
        let ran = world.run(&task.settings());
        if ran.code != Some(0) {
            found.push(format!("clean run {run}: exit {:?}, {:?}\n{}", ran.code, ran.story(), ran.stderr));
        }
        found.extend(task.harm(world).map(|harm| format!("clean run {run}: {harm}")));
    }
    if !task.is_done(world) {
        found.push(format!(
            "it was not made good: {:?}, the group has {:?}",
            Task::deeds(world),
            Task::size(world)
        ));
    }
    // Who waited is served: as many nodes take users as the task leaves.
    join(world);
    let open = world.api.all(Resource::Nodes).into_iter();
    let open = open.filter(|node| node["spec"]["unschedulable"] != json!(true)).count();
    let expected = if matches!(task, Task::Wake | Task::Grow) { 3 } else { 2 };
    if open != expected {
        found.push(format!("{open} nodes take users, not {expected}"));
    }
    found
}

#[test]
fn whenever_a_run_is_killed_at_openstack_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    let points: Vec<Point> = Task::ALL.into_iter().flat_map(Task::points).collect();
    let moments = [Moment::Before, Moment::After];
    let cases: Vec<(&Point, Moment)> =
        moments.into_iter().flat_map(|moment| points.iter().map(move |point| (point, moment))).collect();
    let found = complaints(&cases, |&(point, moment)| {
        let world = point.task.start();
        let child = Arc::new(Mutex::new(None));
        let (victim, (sender, killed)) = (Arc::clone(&child), mpsc::channel());
        world.cloud.crash(&Requests::method(&point.method).nth(point.nth), moment, move |_| {
            // Dead, not only dying, before the request goes on.
            let mut victim: Child = victim.lock().unwrap().take().unwrap();
            victim.kill().unwrap();
            sender.send(victim.wait_with_output().unwrap().status.code()).unwrap();
        });
        {
            let mut child = child.lock().unwrap();
            *child = Some(world.spawn(&point.task.settings()));
        }
        let code = killed.recv_timeout(PATIENCE).expect("the request is made");
        world.cloud.behave();
        let mut found: Vec<String> = point.task.harm(&world).into_iter().collect();
        if code.is_some() {
            found.push(format!("it was not killed but ended with {code:?}"));
        }
        found.extend(after_clean_runs(point.task, &world));
        found.into_iter().map(|text| format!("{point:?} {moment:?}: {text}")).collect()
    });
    println!("{} requests, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}
