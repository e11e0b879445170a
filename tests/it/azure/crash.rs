//! A run that parks, wakes, deletes or grows is killed before and after each of its requests to Azure: no action is done twice,
//! no other instance changes, and the runs after it repair the state.

use std::convert::Infallible;
use std::process::Child;

use fake_azure::Call;
use fake_http::Desk;

use super::world::{World, user};
use crate::crash::{Later, OfCloud, clean_runs, kill_at_each_request, time};
use crate::fake_api::FakeApi;
use crate::ran::Ran;

/// The task of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// The third of three instances is to be deallocated.
    Park,
    /// It is to be deleted.
    Delete,
    /// One of two parked instances, the third and the fourth, is to be started.
    Wake,
    /// The scale set is to have three instances in place of two.
    Grow,
    /// The third of three machines of an agent pool is to be deleted.
    DeleteOfPool,
    /// An agent pool is to have three nodes in place of two.
    GrowPool,
}

impl Task {
    const ALL: [Self; 6] =
        [Self::Park, Self::Delete, Self::Wake, Self::Grow, Self::DeleteOfPool, Self::GrowPool];

    fn settings(self) -> Vec<(&'static str, &'static str)> {
        let parks = matches!(self, Self::Park | Self::Wake);
        vec![
            ("GIVE_BACK", if parks { "park" } else { "delete" }),
            ("MIN_NODES", "2"),
            ("RESOURCES", "memory"),
        ]
    }

    fn grows(self) -> bool {
        matches!(self, Self::Wake | Self::Grow | Self::GrowPool)
    }

    /// The actions on each instance since the start.
    fn deeds(world: &World) -> Vec<(u64, Vec<&'static str>)> {
        let set = world.azure.set(&world.set).unwrap();
        let all = set.machines.into_iter().map(|(id, machine)| (id, machine.done));
        all.filter(|(_, done)| !done.is_empty()).collect()
    }

    fn woken(deeds: &[(u64, Vec<&'static str>)]) -> usize {
        deeds.iter().filter(|(_, done)| done.contains(&"start")).count()
    }

    fn capacity(world: &World) -> u32 {
        world.azure.set(&world.set).unwrap().capacity
    }
}

impl crate::crash::Task for Task {
    type World = World;

    fn start(self) -> World {
        let world = match self {
            Self::Park | Self::Delete => World::new(3),
            Self::Wake => World::new(4),
            Self::Grow => World::new(2),
            Self::DeleteOfPool => World::aks(3),
            Self::GrowPool => World::aks(2),
        };
        match self {
            Self::Park | Self::Delete | Self::DeleteOfPool => world.empty(2),
            Self::Wake => {
                world.park(2, "2026-11-26T10:00:00Z");
                world.park(3, "2026-11-26T11:00:00Z");
            }
            Self::Grow | Self::GrowPool => {}
        }
        let memory = if self.grows() { "7Gi" } else { "6Gi" };
        let set = world.azure.set(&world.set).unwrap();
        for instance in [0, 1] {
            let number = usize::try_from(instance).unwrap();
            world.api.add_pod(&user(number).memory(memory).on(&set.computer_name(instance)));
        }
        if self.grows() {
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
        let is_there = |id| world.azure.set(&world.set).unwrap().machines.contains_key(&id);
        match self {
            Self::Park => deeds == [(2, vec!["deallocate"])],
            Self::Delete | Self::DeleteOfPool => !is_there(2) || deeds == [(2, vec!["delete"])],
            Self::Wake => Self::woken(&deeds) == 1,
            Self::Grow | Self::GrowPool => Self::capacity(world) == 3,
        }
    }

    fn harm(self, world: &World) -> Option<String> {
        let (deeds, capacity) = (Self::deeds(world), Self::capacity(world));
        let sound = match self {
            Self::Park => capacity == 3 && (deeds.is_empty() || self.is_done(world)),
            // A marked node that is not Ready within BOOT_GRACE is broken, and is deleted as a broken one.
            Self::Wake => {
                let may_be = |(id, done): &(u64, Vec<&str>)| {
                    matches!(id, 2 | 3) && matches!(**done, ["start" | "delete"])
                };
                deeds.iter().all(may_be) && Self::woken(&deeds) <= 1
            }
            Self::Delete | Self::DeleteOfPool => {
                matches!(capacity, 2 | 3) && deeds.iter().all(|(id, done)| *id == 2 && **done == ["delete"])
            }
            Self::Grow | Self::GrowPool => deeds.is_empty() && matches!(capacity, 2 | 3),
        };
        (!sound).then(|| format!("{deeds:?}, its capacity is {capacity}"))
    }

    fn after_clean_runs(self, world: &World) -> Vec<String> {
        clean_runs(self, world)
    }
}

impl OfCloud for Task {
    type Call = Call;
    type Own = Infallible;

    fn desk(world: &World) -> &Desk<Call, Infallible> {
        &world.azure
    }
}

impl Later for Task {
    fn api(world: &World) -> &FakeApi {
        &world.api
    }

    fn join(world: &World) {
        world.kubelets();
    }

    fn later(world: &World, run: usize) {
        world.kubelets();
        world.set_time(&time(run));
    }

    fn found(world: &World) -> String {
        format!("{:?}, its capacity is {}", Self::deeds(world), Self::capacity(world))
    }

    fn open(self) -> usize {
        if self.grows() { 3 } else { 2 }
    }

    /// A run that wakes one instance leaves the other change of that set to the next run.
    fn may_wait(self, ran: &Ran) -> bool {
        self == Self::Wake && ran.stderr.contains("its last change is not over")
    }
}

#[test]
fn whenever_a_run_is_killed_at_azure_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    kill_at_each_request(&Task::ALL);
}
