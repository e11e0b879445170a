//! A run that deletes or grows is killed before and after each of its requests to AWS: no action is done twice, no other
//! instance is deleted, and the runs after it repair the state.

use std::process::Child;

use fake_asg::{Call, Own};
use fake_http::Desk;

use super::world::{USERS, World, id, name, user};
use crate::crash::{Later, OfCloud, clean_runs, kill_at_each_request, time};
use crate::fake_api::FakeApi;

/// The task of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// The third of three instances is to go.
    Delete,
    /// The group is to have three instances in place of two, by a launch.
    Launch,
    /// The same on an account without launches.
    SetDesired,
}

impl Task {
    const ALL: [Self; 3] = [Self::Delete, Self::Launch, Self::SetDesired];
}

impl crate::crash::Task for Task {
    type World = World;

    fn start(self) -> World {
        let world = World::new(if self == Self::Delete { 3 } else { 2 });
        world.cloud.set_launch(self != Self::SetDesired);
        if self == Self::Delete {
            world.empty(3);
        } else {
            world.api.add_pod(&user(9).memory("2Gi").unschedulable());
        }
        let memory = if self == Self::Delete { "6Gi" } else { "7Gi" };
        for number in 1..=2 {
            world.api.add_pod(&user(number).memory(memory).on(&name(number)));
        }
        world
    }

    fn spawn(self, world: &World) -> Child {
        world.spawn(&[("MIN_NODES", "2")])
    }

    fn is_done(self, world: &World) -> bool {
        match self {
            Self::Delete => world.size() == 2 && world.going(3) == [3],
            Self::Launch | Self::SetDesired => world.size() == 3,
        }
    }

    fn harm(self, world: &World) -> Option<String> {
        let group = world.cloud.group(USERS).unwrap();
        let others = group.activities.iter().filter(|one| one.description.starts_with("Terminating"));
        let others: Vec<&str> = others
            .filter(|one| {
                let is_own = self == Self::Delete && one.description.contains(&id(3));
                one.cause != "a request" || !is_own
            })
            .map(|one| one.description.as_str())
            .collect();
        let terminated = world.going(2);
        let sound = others.is_empty() && terminated.is_empty() && matches!(group.desired, 2 | 3);
        (!sound).then(|| format!("{others:?}, {terminated:?} go, {} are wanted", group.desired))
    }

    fn after_clean_runs(self, world: &World) -> Vec<String> {
        clean_runs(self, world)
    }
}

impl OfCloud for Task {
    type Call = Call;
    type Own = Own;

    fn desk(world: &World) -> &Desk<Call, Own> {
        &world.cloud
    }
}

impl Later for Task {
    fn api(world: &World) -> &FakeApi {
        &world.api
    }

    fn join(world: &World) {
        world.join();
    }

    fn later(world: &World, run: usize) {
        world.set_time(&time(run));
        world.join();
    }

    fn found(world: &World) -> String {
        format!("{} are wanted, {:?} go", world.size(), world.going(3))
    }

    fn open(self) -> usize {
        if self == Self::Delete { 2 } else { 3 }
    }
}

#[test]
fn whenever_a_run_is_killed_at_aws_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    kill_at_each_request(&Task::ALL);
}
