//! A run that parks, wakes, deletes or grows is killed before and after each of its requests to AWS: no action is done twice, no other
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
    /// The third of three instances is to be parked.
    Park,
    /// One of two parked instances, the third and the fourth, is to be woken.
    Wake,
    /// The waking of the third of three instances broke off in standby. Its node is to be uncordoned.
    Rejoin,
    /// The same after an uncordon by a run that could not return it to service.
    Return,
}

impl Task {
    const ALL: [Self; 7] =
        [Self::Delete, Self::Launch, Self::SetDesired, Self::Park, Self::Wake, Self::Rejoin, Self::Return];

    fn gives_back(self) -> bool {
        matches!(self, Self::Delete | Self::Park)
    }

    fn parks(self) -> bool {
        matches!(self, Self::Park | Self::Wake) || self.returns()
    }

    fn returns(self) -> bool {
        matches!(self, Self::Rejoin | Self::Return)
    }
}

impl crate::crash::Task for Task {
    type World = World;

    fn start(self) -> World {
        let world = World::new(match self {
            Self::Delete | Self::Park | Self::Rejoin | Self::Return => 3,
            Self::Launch | Self::SetDesired => 2,
            Self::Wake => 4,
        });
        world.cloud.set_launch(self != Self::SetDesired);
        if self.gives_back() {
            world.empty(3);
        } else if self == Self::Return {
            world.wake(3, true);
            world.uncordon_by_hand(3);
            world.api.add_pod(&user(9).memory("2Gi").on(&name(3)));
        } else {
            world.api.add_pod(&user(9).memory("2Gi").unschedulable());
        }
        if self == Self::Rejoin {
            world.wake(3, true);
        }
        if self == Self::Wake {
            world.park(3, "2026-11-26T10:00:00Z");
            world.park(4, "2026-11-26T11:00:00Z");
        }
        let memory = if self.gives_back() { "6Gi" } else { "7Gi" };
        for number in 1..=2 {
            world.api.add_pod(&user(number).memory(memory).on(&name(number)));
        }
        world
    }

    fn spawn(self, world: &World) -> Child {
        world.spawn(&[("MIN_NODES", "2"), ("GIVE_BACK", if self.parks() { "park" } else { "delete" })])
    }

    fn is_done(self, world: &World) -> bool {
        match self {
            Self::Delete => world.size() == 2 && world.going(3) == [3],
            Self::Launch | Self::SetDesired => world.size() == 3,
            Self::Rejoin | Self::Return => {
                world.size() == 3 && matches!(world.machine(3).0.as_str(), "Pending" | "InService")
            }
            Self::Park => world.size() == 2 && world.machine(3) == ("Standby".to_owned(), "stopped"),
            Self::Wake => {
                let woken = [3, 4].into_iter().filter(|number| world.machine(*number).0 == "InService");
                world.size() == 3 && woken.count() == 1
            }
        }
    }

    fn harm(self, world: &World) -> Option<String> {
        let group = world.cloud.group(USERS).unwrap();
        let others = group.activities.iter().filter(|one| one.description.starts_with("Terminating"));
        let others: Vec<&str> = others
            .filter(|one| {
                let is_own = match self {
                    Self::Delete => one.description.contains(&id(3)),
                    // A marked node that is not Ready within BOOT_GRACE is broken, and is deleted as a broken one.
                    Self::Wake => [id(3), id(4)].iter().any(|id| one.description.contains(id)),
                    Self::Launch | Self::SetDesired | Self::Park | Self::Rejoin | Self::Return => false,
                };
                one.cause != "a request" || !is_own
            })
            .map(|one| one.description.as_str())
            .collect();
        let terminated = world.going(2);
        let done = [world.done(3).concat(), world.done(4).concat()];
        let is_sound_turn = match self {
            Self::Park => ["", "standby", "standbystop"].contains(&done[0].as_str()),
            Self::Wake => {
                let may_be = |done: &String| ["", "start", "startin service"].contains(&done.as_str());
                done.iter().all(may_be) && done.iter().filter(|done| !done.is_empty()).count() <= 1
            }
            Self::Rejoin | Self::Return => ["", "in service"].contains(&done[0].as_str()),
            Self::Delete | Self::Launch | Self::SetDesired => done.iter().all(String::is_empty),
        };
        let launched = group.activities.iter().filter(|one| one.description.starts_with("Launching")).count();
        let sound = others.is_empty()
            && terminated.is_empty()
            && matches!(group.desired, 2 | 3)
            && is_sound_turn
            && (!self.parks() || launched == 0);
        (!sound)
            .then(|| format!("{others:?}, {terminated:?} go, {} are wanted, done: {done:?}", group.desired))
    }

    fn after_clean_runs(self, world: &World) -> Vec<String> {
        let mut found = clean_runs(self, world);
        if self.returns() && !world.marks(3).is_empty() {
            found.push(format!("its node has the marks {:?}", world.marks(3)));
        }
        found
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
        let machines = [3, 4].map(|number| world.machine(number));
        format!("{} are wanted, {:?} go, {machines:?}", world.size(), world.going(3))
    }

    fn open(self) -> usize {
        if self.gives_back() { 2 } else { 3 }
    }
}

#[test]
fn whenever_a_run_is_killed_at_aws_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    kill_at_each_request(&Task::ALL);
}
